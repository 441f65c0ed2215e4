"""Sessions of Claude Code and of the Claude Agent SDK: their JSONL files, or their output stream.

A helper's conversation is a run of its own. No person speaks in it: its prompts are the words of the agent
that called it. It begins with what people had said in the session by then, which is what it was called for.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from duress.audit.logs import remote
from duress.audit.readers.field import fields
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import ended
from duress.audit.readers.reader import MALFORMED, Gathering, told
from duress.audit.readers.speakers import calls_command, speaker, spoken
from duress.audit.records import LONGEST, records
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Message, Role, Trajectory

NAME = "claude-code"
AGENT = "claude-code"
_TALK = frozenset({"user", "assistant"})
_NAME: Final = re.compile(r"[\w-]+")
_WORDS: Final = (b'"user"', b'"queued_command"', b'"queue-operation"')
"""One of these is in each line of a session that holds words of a person."""
_ABOVE: Final = 5
"""So many folders up, at most, lies the file of the session whose helper it is."""


class _Session:
    """One conversation: that of the session, or that of a helper it called."""

    def __init__(self, name: str, place: Place, *, helper: bool) -> None:
        self.name = name
        self.place = place
        self.helper = helper
        self.said: list[Message] = []
        self.heard: list[Message] | None = None
        """Of a helper's session: what people had said in it when the helper was called, if that is known."""
        self.agent = AGENT
        self.model: str | None = None
        self.version: str | None = None
        self.at: float | None = None
        self._system: list[str] = []
        self._last: str | None = None
        self._held: dict[str, Any] | None = None
        self._when: float | None = None
        self._queued: Counter[str] = Counter()
        """What a person wrote while the agent was at work: such words are noted once or twice."""
        self._waiting: list[str] = []

    @property
    def words(self) -> list[Message]:
        """What people said."""
        return [message for message in self.said if message.role is Role.USER]

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
            called = bool(self.said) and calls_command(self.said[-1])
            who = speaker(record, helper=self.helper, called=called)
            self._add({"role": "user", "content": message.get("content")}, when, who)

    def queued(self, attachment: dict[str, Any], when: float | None) -> None:
        """Add what a person wrote while the agent was at work, or a notice that came then."""
        text = text_of(attachment.get("prompt"))
        if not self._noted(text, -1):
            who = speaker(attachment, helper=self.helper)
            notice = attachment.get("commandMode") == "task-notification"
            self._write()
            self._add({"role": "user", "content": text}, when, Role.TOOL if notice else who)

    def queue(self, record: dict[str, Any]) -> None:
        """Follow the queue of what a person wrote: what is removed from it went to the agent at work.

        Later versions note the same in an attachment, too.
        """
        operation: Any = record.get("operation")
        text = text_of(record.get("content"))
        if operation == "enqueue":
            self._waiting.append(text)
        elif operation == "popAll":
            # A person took it back.
            self._waiting.clear()
        elif self._waiting or text:
            text = text or self._waiting[0]
            if text in self._waiting:
                self._waiting.remove(text)
            if operation == "remove" and text and not self._noted(text, 1):
                who = Role.ASSISTANT if self.helper else Role.USER
                self._write()
                self._add({"role": "user", "content": text}, moment(record.get("timestamp")), who)

    def _noted(self, text: str, side: int) -> bool:
        """Return whether the other side has noted these words, else note them."""
        self._queued[text] += side
        return self._queued[text] * side <= 0

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

    def _add(self, item: dict[str, Any], when: float | None, who: Role = Role.USER) -> None:
        for message in messages([item if when is None else {**item, "timestamp": when}]):
            if message.role is Role.USER:
                self.said += spoken(message, who)
            else:
                self.said.append(message)

    def run(self) -> Run | None:
        """Return the run, or None if nothing was said."""
        self._write()
        if not self.said:
            return None
        system = [Message(Role.SYSTEM, "\n\n".join(self._system))] if self._system else []
        said = (*system, *(self.heard or ()), *self.said)
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

    def __init__(self, path: str) -> None:
        self._path = path
        self._sessions: dict[str, _Session] = {}

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one line."""
        record = cast("dict[str, Any]", value)
        session = self._session(record, place)
        version: Any = record.get("version") or record.get("claude_code_version")
        if isinstance(version, str):
            session.version = version
        attachment = fields(record.get("attachment"))
        session.prompt(attachment.get("systemPrompt"))
        message: Any = record.get("message")
        try:
            if record["type"] in _TALK and isinstance(message, dict):
                session.take(record, cast("dict[str, Any]", message))
            elif attachment.get("type") == "queued_command":
                session.queued(attachment, moment(record.get("timestamp")))
            elif record["type"] == "queue-operation":
                session.queue(record)
        except MALFORMED as error:
            return (Unread(place, told(NAME, error), str(record.get("uuid") or "")),)
        return ()

    def words(self, name: str) -> list[Message]:
        """Return what people said in a session."""
        return self._sessions[name].words if name in self._sessions else []

    def _session(self, record: dict[str, Any], place: Place) -> _Session:
        name = str(record.get("sessionId") or record.get("session_id"))
        # A helper's lines stand in its own file, or between those of the session that called it.
        helper: Any = record.get("agentId") or record.get("parent_tool_use_id")
        if helper is None and record.get("isSidechain"):
            helper = "sidechain"
        own = name if helper is None else f"{name}/{helper}"
        session = self._sessions.get(own)
        if session is None:
            session = self._sessions[own] = _Session(own, place, helper=helper is not None)
            if helper is not None and name in self._sessions:
                session.heard = self._sessions[name].words
        return session

    def close(self) -> Iterable[Run | Unread]:
        """Return the runs of the file."""
        for session in self._sessions.values():
            try:
                if session.helper and session.heard is None:
                    session.heard = _heard(self._path, session)
                run = session.run()
            except MALFORMED as error:
                yield Unread(session.place, told(NAME, error), session.name)
                continue
            if run is not None:
                yield run


def _heard(path: str, helper: _Session) -> list[Message]:
    """Return what people had said in a session when a helper was called that has a file of its own."""
    name = helper.name.partition("/")[0]
    if remote(path) or not _NAME.fullmatch(name):
        return []
    for folder in list(Path(path).parents)[:_ABOVE]:
        try:
            found = (folder / f"{name}.jsonl").stat()
        except OSError:
            continue
        words = _words(str(folder / f"{name}.jsonl"), name, found.st_size, found.st_mtime)
        begun = helper.at
        return [word for word in words if word.at is None or begun is None or word.at <= begun]
    return []


@lru_cache(maxsize=4)
def _words(path: str, name: str, size: int, modified: float) -> list[Message]:
    """Return what people said in a session; `size` and `modified` say which state of the file is read."""
    sessions = _Sessions(path)
    with Path(path).open("rb") as file:
        for line in file:
            if len(line) <= LONGEST and any(word in line for word in _WORDS):
                for record in records(io.BytesIO(line)):
                    if READER.accepts(record.value):
                        sessions.add(record.value, Place(path, 1))
    return sessions.words(name)


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
        return _Sessions(path)


READER = _Reader()
