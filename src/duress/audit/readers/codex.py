"""Sessions of Codex CLI (`rollout-*.jsonl`): items of the Responses API, a line each.

As with Claude Code, what the harness hands in as a turn of a person is no person's word, nor are the prompts
of a helper, which another agent wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from duress.audit.readers.field import fields, items
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
_SILENT: Final = frozenset({"ghost_snapshot", "other"})
"""Items that say nothing."""
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
        self._helper = False
        self._model: str | None = None
        self._version: str | None = None
        self._at: float | None = None

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one line."""
        self._place = self._place or place
        record = fields(value)
        payload = fields(record.get("payload"))
        kind = record.get("type")
        if self._at is None:
            self._at = moment(record.get("timestamp") or payload.get("timestamp"))
        if kind == "session_meta":
            self._begin(payload)
        elif kind == "turn_context":
            model = payload.get("model")
            self._model = model if isinstance(model, str) else self._model
        elif kind == "compacted":
            # The model's own words of what was said before.
            self._items.append({"role": "assistant", "content": text_of(payload.get("message"))})
        elif kind == "response_item" and not _silent(payload.get("type")):
            try:
                said = self._said(payload)
                messages(said)
            except MALFORMED as error:
                return (Unread(place, told(NAME, error), str(payload.get("id") or "")),)
            self._items += said
        return ()

    def _begin(self, payload: dict[str, Any]) -> None:
        if self._name:
            # A session that goes on from another holds that one's beginning too.
            return
        self._name = str(payload.get("id") or payload.get("session_id") or "")
        self._helper = "subagent" in fields(payload.get("source"))
        version = payload.get("cli_version")
        self._version = version if isinstance(version, str) else None
        held = payload.get("base_instructions") or payload.get("instructions")
        if said := text_of(fields(held).get("text") if isinstance(held, dict) else held):
            self._items.append({"role": "system", "content": said})

    def _said(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        kind = payload.get("type")
        if isinstance(kind, str) and kind.endswith("_output"):
            return [{**payload, "output": _output(payload.get("output"))}]
        if payload.get("role") != "user":
            return [payload]
        content: Any = payload.get("content")
        # What the harness writes can be one part of a turn, a person's words the next.
        parts = items(content) if isinstance(content, list) else [content]
        turns: list[tuple[str, list[Any]]] = []
        for part in parts:
            role = self._who(text_of([part] if isinstance(content, list) else part).lstrip())
            if not turns or turns[-1][0] != role:
                turns.append((role, []))
            turns[-1][1].append(part)
        if all(role == "user" for role, _ in turns):
            return [payload]
        if not isinstance(content, list):
            return [{"role": turns[0][0], "content": text_of(content).lstrip()}]
        return [{"role": role, "content": text_of(held).lstrip()} for role, held in turns]

    def _who(self, text: str) -> str:
        if text.startswith(_NOTICES):
            return "tool"
        if text.startswith(_INSTRUCTIONS):
            return "system"
        return "assistant" if self._helper else "user"

    def close(self) -> Iterable[Run | Unread]:
        """Return the run of the file."""
        if self._place is None or not self._items:
            return
        said = messages(self._items)
        name = self._name or str(self._place)
        yield Run(
            name,
            Trajectory(name, said, ended(said)),
            self._place,
            NAME,
            AGENT,
            self._model,
            self._version,
            self._name or None,
            self._at,
        )


def _silent(kind: Any) -> bool:
    return isinstance(kind, str) and kind in _SILENT


def _output(held: Any) -> Any:
    """Return what a command printed; some versions write it with how long it took, as JSON."""
    if isinstance(held, str) and held.startswith("{"):
        try:
            return fields(decode(held.encode())).get("output", held)
        except ValueError:
            return held
    return held


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
