"""OpenAI Responses: responses with the items that went in and came out."""

from __future__ import annotations

from typing import Any, cast

from duress.audit.readers.conversation import exchange
from duress.audit.readers.field import string
from duress.audit.readers.message import messages, stop
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import make
from duress.audit.readers.reader import OneEach
from duress.audit.run import Place, Run
from duress.trajectory import End, EndReason, Message, Role, Stop

NAME = "openai-responses"
_TYPES = frozenset(
    {
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
        "message",
        "item_reference",
    }
)


def accepts(value: Any) -> bool:
    """Return whether a record holds items of the Responses API: an output, an input, or both."""
    if isinstance(value, list):
        return _items(cast("Any", value))
    if not isinstance(value, dict):
        return False
    record = cast("dict[str, Any]", value)
    if record.get("object") == "response" or _items(record.get("output")) or _items(record.get("items")):
        return True
    found = exchange(record)
    if found is None:
        return _items(record.get("input"))
    request, reply = found
    return reply.get("object") == "response" or _items(reply.get("output")) or _items(request.get("input"))


def run(value: Any, place: Place) -> Run:
    """Return a run; raises `UnreadableError`."""
    if isinstance(value, list):
        return make({}, messages(cast("list[Any]", value)), place, NAME)
    record = cast("dict[str, Any]", value)
    request, reply = exchange(record) or (record, record)
    given = _given(request) + _given(reply if reply is not request else {})
    out: Any = reply.get("output") or record.get("items") or []
    said = messages([*given, *out])
    model: Any = reply.get("model") or request.get("model")
    return make(
        record,
        said,
        place,
        NAME,
        model=string(model),
        at=moment(reply.get("created_at")),
        end=_end(reply, said),
    )


def _given(request: dict[str, Any]) -> list[Any]:
    """Return what went in: instructions, then the input."""
    instructions: Any = request.get("instructions")
    given: Any = request.get("input")
    out: list[Any] = []
    if isinstance(instructions, str) and instructions:
        out.append({"role": "system", "content": instructions})
    elif isinstance(instructions, list):
        out += cast("list[Any]", instructions)
    if isinstance(given, str):
        out.append({"role": "user", "content": given})
    elif isinstance(given, list):
        # A reference to an item that lies with the provider says nothing here.
        out += [item for item in cast("list[Any]", given) if not _reference(item)]
    return out


def _reference(item: Any) -> bool:
    return isinstance(item, dict) and cast("dict[str, Any]", item).get("type") == "item_reference"


def _items(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and cast("dict[str, Any]", item).get("type") in _TYPES
        for item in cast("list[Any]", value)
    )


def _end(reply: dict[str, Any], said: tuple[Message, ...]) -> End | None:
    why: Any = reply.get("incomplete_details")
    if isinstance(why, dict):
        reason = stop(cast("dict[str, Any]", why).get("reason"))
        if reason is Stop.LENGTH:
            return End(EndReason.CUT)
        if reason is Stop.CONTENT_FILTER:
            return End(EndReason.FILTERED)
    if reply.get("error") and not (said and said[-1].role is Role.ASSISTANT):
        return End(EndReason.FAILED)
    return None


READER = OneEach(NAME, accepts, run)
