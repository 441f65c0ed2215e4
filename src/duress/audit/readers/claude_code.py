"""Sessions of Claude Code and of the Claude Agent SDK: their JSONL files, or their output stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from duress.audit.errors import UnreadableError
from duress.audit.readers.message import messages
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import ended
from duress.audit.readers.reader import Gathering, told
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Message, Role, Trajectory

NAME = "claude-code"
AGENT = "claude-code"
_TALK = frozenset({"user", "assistant"})


class _Session:
    """One conversation: that of the session, or that of a helper it called."""

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.said: list[Message] = []
        self.agent = AGENT
        self.model: str | None = None
        self.version: str | None = None
        self.at: float | None = None
        self._system: list[str] = []
        self._last: str | None = None
        self._held: dict[str, Any] | None = None
        self._when: float | None = None

    def take(self, record: dict[str, Any], message: dict[str, Any]) -> None:
        """Add a line; each block of a reply is a line of its own."""
        when = moment(record.get("timestamp"))
        self.at = self.at if self.at is not None else when
        name: Any = message.get("id")
        if (
            record["type"] == "assistant"
            and self._held is not None
            and name is not None
            and name == self._last
        ):
            self._held["content"] = [*self._held["content"], *_blocks(message.get("content"))]
            self._held["stop_reason"] = message.get("stop_reason") or self._held["stop_reason"]
            return
        self._write()
        if record["type"] == "assistant":
            self._last, self._when = name, when
            self._held = {
                "role": "assistant",
                "content": _blocks(message.get("content")),
                "stop_reason": message.get("stop_reason"),
            }
            model: Any = message.get("model")
            if isinstance(model, str) and not model.startswith("<"):
                self.model = model
        else:
            self._add({"role": "user", "content": message.get("content")}, when)

    def prompt(self, texts: Any) -> None:
        """Note the system prompt, which a session may write down after its first message."""
        if isinstance(texts, str):
            texts = [texts]
        if isinstance(texts, list) and not self._system:
            self._system = [text for text in cast("list[Any]", texts) if isinstance(text, str)]

    def _write(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._add(held, self._when)

    def _add(self, item: dict[str, Any], when: float | None) -> None:
        self.said += messages([item if when is None else {**item, "timestamp": when}])

    def run(self) -> Run | None:
        """Return the run, or None if nothing was said."""
        self._write()
        if not self.said:
            return None
        system = [Message(Role.SYSTEM, "\n\n".join(self._system))] if self._system else []
        said = (*system, *self.said)
        return Run(
            self.name,
            Trajectory(self.name, said, ended(said)),
            self.place,
            NAME,
            self.agent,
            self.model,
            self.version,
            self.name.partition("/")[0],
            self.at,
        )


class _Sessions:
    """The conversations of one file."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one line."""
        record = cast("dict[str, Any]", value)
        session = self._session(record, place)
        version: Any = record.get("version") or record.get("claude_code_version")
        if isinstance(version, str):
            session.version = version
        attachment: Any = record.get("attachment")
        if isinstance(attachment, dict):
            session.prompt(cast("dict[str, Any]", attachment).get("systemPrompt"))
        message: Any = record.get("message")
        if record["type"] in _TALK and isinstance(message, dict):
            try:
                session.take(record, cast("dict[str, Any]", message))
            except (UnreadableError, LookupError, TypeError, ValueError) as error:
                return (Unread(place, told(NAME, error), str(record.get("uuid") or "")),)
        return ()

    def _session(self, record: dict[str, Any], place: Place) -> _Session:
        name = str(record.get("sessionId") or record.get("session_id"))
        # A helper's lines stand in its own file, or between those of the session that called it.
        helper: Any = record.get("agentId") or record.get("parent_tool_use_id")
        if helper is None and record.get("isSidechain"):
            helper = "sidechain"
        if helper is not None:
            name = f"{name}/{helper}"
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = _Session(name, place)
        return session

    def close(self) -> Iterable[Run | Unread]:
        """Return the runs of the file."""
        for session in self._sessions.values():
            try:
                run = session.run()
            except (UnreadableError, LookupError, TypeError, ValueError) as error:
                yield Unread(session.place, told(NAME, error), session.name)
                continue
            if run is not None:
                yield run


def _blocks(content: Any) -> list[Any]:
    return (
        cast("list[Any]", content) if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    )


class _Reader:
    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return whether a line is one of a session."""
        if not isinstance(value, dict):
            return False
        record = cast("dict[str, Any]", value)
        return isinstance(record.get("type"), str) and (
            isinstance(record.get("sessionId"), str)
            or ("session_id" in record and ("message" in record or "uuid" in record or "subtype" in record))
            or record["type"] in ("summary", "file-history-snapshot")
        )

    def gather(self, path: str) -> Gathering:
        """Return what takes the lines of one file."""
        return _Sessions()


READER = _Reader()
