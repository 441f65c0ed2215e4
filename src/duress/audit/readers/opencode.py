"""Sessions of opencode, as `opencode export` writes them: a document with messages of parts.

What the harness adds to a person's turn (`synthetic`) is no person's word, nor is anything in a helper's
session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from duress.audit.readers.field import fields, items, string
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import make
from duress.audit.readers.reader import OneEach
from duress.audit.run import Place, Run

NAME = "opencode"
AGENT = "opencode"
_DONE: Final = frozenset({"completed", "error"})


def accepts(value: Any) -> bool:
    """Return whether a record is an exported session."""
    record = fields(value)
    said = items(record.get("messages"))
    first = fields(said[0]) if said else {}
    return "info" in record and isinstance(first.get("parts"), list) and "role" in fields(first.get("info"))


def run(value: Any, place: Place) -> Run:
    """Return a run; raises `UnreadableError`."""
    record = fields(value)
    about = fields(record.get("info"))
    above = about.get("parentID")
    said: list[dict[str, Any]] = []
    model: Any = None
    for message in map(fields, items(record.get("messages"))):
        info, parts = fields(message.get("info")), items(message.get("parts"))
        if info.get("role") == "assistant":
            model = info.get("modelID") or model
            said += _spoken(info, list(map(fields, parts)))
        else:
            said += _handed(info, list(map(fields, parts)), helper=isinstance(above, str))
    name = about.get("id")
    return make(
        {},
        messages(said),
        place,
        NAME,
        name=string(name),
        agent=AGENT,
        model=string(model),
        version=str(about["version"]) if "version" in about else None,
        session=above if isinstance(above, str) else string(name),
        at=moment(fields(about.get("time")).get("created")),
    )


def _spoken(info: dict[str, Any], parts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what the agent said and called, and the results."""
    called = [part for part in parts if part.get("type") == "tool"]
    thoughts = [text_of(part.get("text")) for part in parts if part.get("type") == "reasoning"]
    yield {
        "role": "assistant",
        "content": _texts(parts),
        "reasoning_content": "\n".join(filter(None, thoughts)) or None,
        "tool_calls": [
            {
                "id": part.get("callID"),
                "name": part.get("tool"),
                "args": _state(part).get("input"),
            }
            for part in called
        ],
        "timestamp": fields(info.get("time")).get("created"),
    }
    for part in called:
        state = _state(part)
        if state.get("status") not in _DONE:
            continue
        code = fields(state.get("metadata")).get("exit")
        failed = state.get("status") == "error" or (isinstance(code, int) and code != 0)
        yield {
            "role": "tool",
            "content": text_of(state.get("output") if "output" in state else state.get("error")),
            "tool_call_id": part.get("callID"),
            "timestamp": fields(state.get("time")).get("end"),
        } | ({"error": True} if failed else {})


def _handed(info: dict[str, Any], parts: list[dict[str, Any]], *, helper: bool) -> Iterator[dict[str, Any]]:
    """Yield a person's turn: what a person wrote, and what the harness added."""
    at = fields(info.get("time")).get("created")
    for made, role in ((False, "assistant" if helper else "user"), (True, "tool")):
        if text := _texts([part for part in parts if bool(part.get("synthetic")) is made]):
            yield {"role": role, "content": text, "timestamp": at}


def _state(part: dict[str, Any]) -> dict[str, Any]:
    return fields(part.get("state"))


def _texts(parts: list[dict[str, Any]]) -> str:
    """Return the texts of parts; of a file, that there was one."""
    said: list[str] = []
    for part in parts:
        if part.get("type") == "text":
            said.append(text_of(part.get("text")))
        elif part.get("type") == "file":
            said.append(f"[file] {text_of(part.get('filename'))}".strip())
    return "\n".join(said)


READER = OneEach(NAME, accepts, run)
