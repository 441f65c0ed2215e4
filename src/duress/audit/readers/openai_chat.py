"""OpenAI chat completions: conversations as lists of messages, and logs of requests with replies."""

from __future__ import annotations

from typing import Any, cast

from duress.audit.readers.conversation import exchange, failure, listed
from duress.audit.readers.field import string
from duress.audit.readers.message import messages
from duress.audit.readers.origin import make
from duress.audit.readers.reader import OneEach
from duress.audit.run import Place, Run

NAME = "openai-chat"


def accepts(value: Any) -> bool:
    """Return whether a record holds messages with roles, or a reply with choices."""
    if listed(value) is not None:
        return True
    found = exchange(value)
    if found is None:
        return isinstance(value, dict) and _choice(cast("dict[str, Any]", value)) is not None
    request, reply = found
    # Of a batch, only the replies are written down.
    return _choice(reply) is not None or (listed(request) is not None and not reply)


def run(value: Any, place: Place) -> Run:
    """Return a run; raises `UnreadableError`."""
    said = listed(value)
    record = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if (found := exchange(value)) is None:
        # A request whose reply was added to it, or a reply alone.
        choice = _choice(record)
        items = [*(said or ()), *((choice,) if choice is not None else ())]
        return make(record, messages(items), place, NAME, end=None if choice else failure(record))
    request, reply = found
    choice = _choice(reply)
    items = [*(said or listed(request) or ()), *((choice,) if choice is not None else ())]
    model: Any = reply.get("model") or request.get("model")
    return make(
        record,
        messages(items),
        place,
        NAME,
        model=string(model),
        end=failure(record),
    )


def _choice(reply: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first reply, with why it ended; others are alternatives that nobody saw."""
    choices: Any = reply.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    first = cast("dict[str, Any]", choices[0])
    message: Any = first.get("message")
    if not isinstance(message, dict):
        return None
    return {"finish_reason": first.get("finish_reason"), **cast("dict[str, Any]", message)}


READER = OneEach(NAME, accepts, run)
