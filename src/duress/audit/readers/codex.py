"""Sessions of Codex CLI (`rollout-*.jsonl`): items of the Responses API, a line each.

As with Claude Code, what the harness hands in as a turn of a person is no person's word, nor are the prompts
of a helper, which another agent wrote. Recent versions note who wrote each part of a turn; earlier ones note
again, beside the turns, what a person wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from duress.audit.readers.field import fields, items, string
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import ended
from duress.audit.readers.reader import MALFORMED, Gathering, told
from duress.audit.records import decode
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Trajectory

NAME = "codex"
AGENT = "codex"
_LINES: Final = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
_FIELDS: Final = frozenset({"timestamp", "ordinal", "type", "payload"})
_SILENT: Final = frozenset({"ghost_snapshot", "other", "additional_tools"})
"""Items that say nothing."""
_NOTED: Final = "internal_chat_message_metadata_passthrough"
"""Where recent versions note who wrote a turn."""
_WRITERS: Final = {"user": "user", "agents_md": "system"}
"""Who wrote a part, in those notes; everybody else is part of the harness."""
_CODE: Final = "exec"
"""The tool with which an agent writes code that runs commands."""
_EXIT: Final = re.compile(
    r"(?:(?:Chunk ID|Wall time)[^\n]*\n|Output:\n)*"
    r"(?:(?:Process exited with code|Exit code:) [1-9]|Script failed)"
)
"""How a result begins that failed."""
_NOTICES: Final = (
    *("<environment_context>", "<turn_aborted>", "<subagent_notification>"),
    *("<user_shell_command>", "<skill>"),
)
_INSTRUCTIONS: Final = ("<user_instructions>", "# AGENTS.md instructions")
"""How turns begin that the harness writes: of what is around the agent, of what a project's files ask."""


class _Session:
    """The session of one file."""

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._place: Place | None = None
        self._name = ""
        self._session = ""
        self._helper = False
        self._model: str | None = None
        self._version: str | None = None
        self._at: float | None = None
        self._base = ""
        self._code = ""
        """The id of a call whose code is running."""
        self._words: list[str] = []
        """What a person wrote, as it is noted beside the turns."""

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one line."""
        self._place = self._place or place
        record = fields(value)
        payload = fields(record.get("payload"))
        kind = record.get("type")
        if self._at is None:
            self._at = moment(record.get("timestamp") or payload.get("timestamp"))
        try:
            said: list[dict[str, Any]] = []
            if kind == "session_meta":
                said = self._begin(payload)
            elif kind == "turn_context":
                model = payload.get("model")
                self._model = model if isinstance(model, str) else self._model
            elif kind == "compacted":
                said = self._compacted(text_of(payload.get("message")))
            elif kind == "event_msg":
                said = self._happened(payload)
            elif kind == "response_item" and not _silent(payload.get("type")):
                said = self._said(payload)
            messages(said)
        except MALFORMED as error:
            return (Unread(place, told(NAME, error), str(payload.get("id") or "")),)
        self._items += ({"timestamp": record.get("timestamp"), **item} for item in said)
        return ()

    def _begin(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        if self._name:
            # A session that goes on from another holds that one's beginning too.
            return []
        self._name = str(payload.get("id") or payload.get("session_id") or "")
        self._session = str(payload.get("session_id") or self._name)
        self._helper = "subagent" in fields(payload.get("source"))
        self._version = string(payload.get("cli_version"))
        held = payload.get("base_instructions") or payload.get("instructions")
        self._base = text_of(fields(held).get("text") if isinstance(held, dict) else held)
        return [{"role": "system", "content": self._base}] if self._base else []

    def _compacted(self, text: str) -> list[dict[str, Any]]:
        """Return the model's own words of what was said before; it may just have said them."""
        last = self._items[-1] if self._items else {}
        before = text_of(last.get("content")) if last.get("role") == "assistant" else ""
        return (
            [] if not text or (before and text.endswith(before)) else [{"role": "assistant", "content": text}]
        )

    def _happened(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """Note what a person wrote; return what code ran, whose commands no item of the model's tells."""
        if payload.get("type") == "user_message":
            self._hear(payload.get("message"))
        item = fields(payload.get("item"))
        if item.get("type") == "UserMessage":
            self._hear(item.get("content"))
        if item.get("type") != "CommandExecution" or not self._code:
            return []
        name = str(item.get("id"))
        asked = {"command": item.get("command"), "workdir": item.get("cwd")}
        failed = item.get("status") == "failed"
        return [
            {"type": "function_call", "call_id": name, "name": "exec_command", "arguments": asked},
            {"type": "function_call_output", "call_id": name, "output": item.get("aggregated_output")}
            | ({"error": True} if failed else {}),
        ]

    def _hear(self, content: Any) -> None:
        if words := _plain(text_of(content)):
            self._words.append(words)

    def _said(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        kind = payload.get("type")
        if isinstance(kind, str) and kind.endswith("_output"):
            self._code = "" if payload.get("call_id") == self._code else self._code
            output, failed = _output(payload.get("output"))
            return [{**payload, "output": output} | ({"error": True} if failed else {})]
        if kind == "custom_tool_call" and payload.get("name") == _CODE:
            self._code = str(payload.get("call_id"))
        if kind == "agent_message":
            # Whoever called a helper gives it its work; the helper's own report comes like a result.
            above = str(payload.get("recipient")).startswith(f"{payload.get('author')}/")
            return [{"role": "assistant" if above else "tool", "content": text_of(payload.get("content"))}]
        if payload.get("role") == "developer" and (text := text_of(payload.get("content"))):
            if text == self._base:
                return []
            return [{"role": "tool", "content": text}] if text.startswith(_NOTICES) else [payload]
        return self._handed(payload) if payload.get("role") == "user" else [payload]

    def _handed(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what is handed in as a turn of a person as the turns of whoever wrote its parts."""
        content: Any = payload.get("content")
        # What the harness writes can be one part of a turn, a person's words the next.
        parts = items(content) if isinstance(content, list) else [content]
        noted = [fields(fields(part).get("provenance")).get("type") for part in _noted(payload)]
        writers = noted if len(noted) == len(parts) else [None] * len(parts)
        turns: list[tuple[str, list[Any]]] = []
        for part, writer in zip(parts, writers, strict=True):
            role = self._who(text_of([part] if isinstance(content, list) else part).lstrip(), writer)
            if not turns or turns[-1][0] != role:
                turns.append((role, []))
            turns[-1][1].append(part)
        sure = {"sure": None not in writers}
        if all(role == "user" for role, _ in turns):
            return [payload | sure]
        if not isinstance(content, list):
            return [{"role": turns[0][0], "content": text_of(content).lstrip()}]
        return [{"role": role, "content": text_of(held).lstrip()} | sure for role, held in turns]

    def _who(self, text: str, writer: Any) -> str:
        if isinstance(writer, str):
            role = _WRITERS.get(writer, "tool")
        elif text.startswith(_NOTICES):
            return "tool"
        else:
            role = "system" if text.startswith(_INSTRUCTIONS) else "user"
        return "assistant" if role == "user" and self._helper else role

    def _heard(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item; as a notice, if it came as a person's turn and no person's words are in it."""
        if item.get("role") != "user" or item.get("sure") or not self._words:
            return item
        text = _plain(text_of(item.get("content")))
        if any(words in text or (text and text in words) for words in self._words):
            return item
        return {**item, "role": "tool"}

    def close(self) -> Iterable[Run | Unread]:
        """Return the run of the file."""
        if self._place is None or not self._items:
            return
        said = messages(map(self._heard, self._items))
        name = self._name or str(self._place)
        yield Run(
            name,
            Trajectory(name, said, ended(said)),
            self._place,
            NAME,
            AGENT,
            self._model,
            self._version,
            self._session or None,
            self._at,
        )


def _silent(kind: Any) -> bool:
    return isinstance(kind, str) and kind in _SILENT


def _noted(payload: dict[str, Any]) -> list[Any]:
    return items(fields(payload.get(_NOTED)).get("content_item_metadata"))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _output(held: Any) -> tuple[Any, bool]:
    """Return what a command printed, and whether it failed; some versions write both as JSON."""
    text = held if isinstance(held, str) else text_of(held)
    if text.startswith("{") and isinstance(held, str):
        try:
            found = fields(decode(held.encode()))
        except ValueError:
            return held, False
        code = fields(found.get("metadata")).get("exit_code")
        return found.get("output", held), isinstance(code, int) and code != 0
    return held, _EXIT.match(text) is not None


class _Reader:
    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return whether a line is one of a session."""
        record = fields(value)
        kind = record.get("type")
        return (
            isinstance(kind, str)
            and isinstance(record.get("payload"), dict)
            and (kind in _LINES or ("timestamp" in record and record.keys() <= _FIELDS))
        )

    def gather(self, path: str) -> Gathering:
        """Return what takes the lines of one file."""
        return _Session()


READER = _Reader()
