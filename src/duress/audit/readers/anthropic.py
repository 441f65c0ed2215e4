"""Anthropic messages: a system prompt apart, content in blocks, tool results inside user messages."""

from __future__ import annotations

from typing import Any, cast

from duress.audit.readers.conversation import exchange, failure, listed
from duress.audit.readers.field import string
from duress.audit.readers.message import messages
from duress.audit.readers.origin import make
from duress.audit.readers.reader import OneEach
from duress.audit.run import Place, Run

NAME = "anthropic"
_BLOCKS = frozenset({"tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use"})


def accepts(value: Any) -> bool:
    """Return whether a record is a conversation with blocks or a system prompt apart, or a reply."""
    found = exchange(value)
    if found is not None:
        request, reply = found
        return listed(request) is not None and (_is_reply(reply) or (not reply and _is_request(request)))
    if not isinstance(value, dict | list):
        return False
    if isinstance(value, dict) and _is_reply(cast("dict[str, Any]", value)):
        return True
    said = listed(cast("Any", value))
    return said is not None and (_is_request(cast("Any", value)) or _has_blocks(said))


def run(value: Any, place: Place) -> Run:
    """Return a run; raises `UnreadableError`."""
    record = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    request, reply = exchange(value) or (record, record if _is_reply(record) else {})
    items: list[Any] = []
    system: Any = request.get("system")
    if isinstance(system, str | list) and system:
        items.append({"role": "system", "content": system})
    items += listed(request) or listed(value) or []
    if _is_reply(reply):
        # Its `type` is no item of a turn: without it, blocks are read as one message.
        items.append({key: reply[key] for key in ("role", "content", "stop_reason") if key in reply})
    model: Any = reply.get("model") or request.get("model")
    return make(
        record,
        messages(items),
        place,
        NAME,
        model=string(model),
        end=None if _is_reply(reply) else failure(record),
    )


def _is_reply(reply: dict[str, Any]) -> bool:
    return (
        reply.get("type") == "message"
        and reply.get("role") == "assistant"
        and isinstance(reply.get("content"), list)
    )


def _is_request(request: Any) -> bool:
    return isinstance(request, dict) and isinstance(cast("dict[str, Any]", request).get("system"), str | list)


def _has_blocks(said: list[Any]) -> bool:
    for value in said[:8]:
        item: dict[str, Any] = value
        content: Any = item.get("content") if isinstance(value, dict) else None
        if isinstance(content, list) and any(
            isinstance(part, dict) and cast("dict[str, Any]", part).get("type") in _BLOCKS
            for part in cast("list[Any]", content)
        ):
            return True
    return False


READER = OneEach(NAME, accepts, run)
