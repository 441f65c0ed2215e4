"""Where the conversation lies in a record: a list of messages, or a request with its reply."""

from __future__ import annotations

from typing import Any, cast

from duress.audit.readers.message import role_of, text_of
from duress.trajectory import End, EndReason

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
_ANSWERS = frozenset({"choices", "content", "output", "candidates", "message"})
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
    """Return a request and its reply from a log of calls, or None.

    The reply is empty where there was none, or an error came in its place.
    """
    if not isinstance(record, dict) or _EITHER.isdisjoint(cast("dict[str, Any]", record)):
        return None
    record = cast("dict[str, Any]", record)
    reply = _inner(record, REPLIES)
    request = _inner(record, REQUESTS)
    if request is None and reply is None:
        return None
    # A log that keeps the request's fields beside the reply has no request of its own.
    if reply and "error" in reply and _ANSWERS.isdisjoint(reply):
        reply = {}
    return request if request is not None else record, reply or {}


def failure(record: dict[str, Any]) -> End | None:
    """Return the end of a conversation whose reply is an error, or None."""
    reply = _inner(record, REPLIES) or {}
    error: Any = (None if _ANSWERS.intersection(reply) else reply.get("error")) or record.get("error")
    if not error:
        return None
    told: Any = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
    return End(EndReason.FAILED, told if isinstance(told, str) else text_of(cast("Any", error)))


def empty(record: Any) -> str | None:
    """Return the field of a record that holds a conversation without any message, or None."""
    if not isinstance(record, dict):
        return None
    return next((key for key in KEYS if cast("dict[str, Any]", record).get(key) == []), None)


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
