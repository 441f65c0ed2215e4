"""Where the conversation lies in a record: a list of messages, or a request with its reply."""

from __future__ import annotations

from typing import Any, cast

from duress.audit.readers.message import role_of

KEYS = (
    "messages",
    "traj",
    "trajectory",
    "conversation",
    "conversations",
    "history",
    "chat",
    "dialogue",
    "transcript",
)
REQUESTS = ("request", "req", "body", "kwargs", "params")
REPLIES = ("response", "resp", "completion", "reply")
_EITHER = frozenset({*REQUESTS, *REPLIES})


def listed(record: Any) -> list[Any] | None:
    """Return the list of messages of a record, or None; a record may be such a list itself."""
    if isinstance(record, list):
        return cast("list[Any]", record) if _talk(cast("list[Any]", record)) else None
    if not isinstance(record, dict):
        return None
    record = cast("dict[str, Any]", record)
    for key in KEYS:
        found: Any = record.get(key)
        if isinstance(found, list) and _talk(cast("list[Any]", found)):
            return cast("list[Any]", found)
    return None


def exchange(record: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return a request and its reply (which may be empty) from a log of calls, or None."""
    if not isinstance(record, dict) or _EITHER.isdisjoint(cast("dict[str, Any]", record)):
        return None
    record = cast("dict[str, Any]", record)
    reply = _inner(record, REPLIES)
    request = _inner(record, REQUESTS)
    if request is None and reply is None:
        return None
    # A log that keeps the request's fields beside the reply has no request of its own.
    return request if request is not None else record, reply or {}


def _inner(record: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    for key in keys:
        found: Any = record.get(key)
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found)
            # A batch API wraps the reply once more.
            body: Any = found.get("body")
            return cast("dict[str, Any]", body) if isinstance(body, dict) else found
    return None


def _talk(found: list[Any]) -> bool:
    """Return whether a list is one of messages; a first message without a role may be an item of a turn."""
    for value in found[:3]:
        item: dict[str, Any] = value
        if isinstance(value, dict) and (role_of(item) is not None or _wrapped(item)):
            return True
    return False


def _wrapped(item: dict[str, Any]) -> bool:
    return item.get("lc") == 1 and "kwargs" in item
