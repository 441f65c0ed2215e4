"""Sessions of Gemini CLI: one document (`session-*.json`), or in later versions a line per change.

Such a line holds a message, which takes the place of an earlier one of its id, or what changed of the session
(`$set`). What a person took back (`$rewindTo`) was said and done all the same. As with Claude Code, no person
speaks in a helper's session, and what the harness hands in as a turn of a person is no person's word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import PurePath
from typing import Any, Final

from duress.audit.readers.field import fields, items
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import ended
from duress.audit.readers.reader import MALFORMED, Gathering, told
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Trajectory

NAME = "gemini-cli"
AGENT = "gemini-cli"
_TURNS: Final = frozenset({"user", "gemini"})
"""Whose messages are part of the conversation; others are shown to the person alone."""
_FAILED: Final = frozenset({"error", "cancelled"})
FAILED_SHELL: Final = re.compile(
    r"^Exit Code: [1-9]\d*(?:\n(?:Signal|Error|Background PIDs|Process Group PGID):[^\n]*)*\s*\Z",
    re.MULTILINE,
)
"""How the result of a command ends that failed; a command may print the like further up."""
_LOADED: Final = re.compile(r"<loaded_context>(.*)</loaded_context>", re.DOTALL)
"""What a project's files ask of the agent."""
_NOTICES: Final = ("<session_context>", "<hook_context>")


class _Session:
    """The session of one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._place: Place | None = None
        self._head: dict[str, Any] = {}
        self._said: dict[str, tuple[dict[str, Any], Place]] = {}

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take a line, or the whole of a document."""
        self._place = self._place or place
        record = fields(value)
        self._take(record, place)
        for held in (record, fields(record.get("$set"))):
            for message in items(held.get("messages")):
                self._take(fields(message), place)
            self._head |= {key: held[key] for key in ("sessionId", "startTime", "kind") if key in held}
        return ()

    def _take(self, message: dict[str, Any], place: Place) -> None:
        kind = message.get("type")
        if not isinstance(kind, str) or kind not in _TURNS:
            return
        # A message is written again with what its calls gave.
        self._said[str(message.get("id") or len(self._said))] = message, place

    def close(self) -> Iterable[Run | Unread]:
        """Return the run of the file, and its messages that cannot be read."""
        if self._place is None:
            return
        if not self._head and all(message.get("type") == "user" for message, _ in self._said.values()):
            # Lines of another format may look like turns of a person.
            why = "expected the head of a session or a turn of the agent, found neither"
            yield Unread(self._place, f"read as {NAME}: {why}", "")
            return
        helper = self._head.get("kind") == "subagent"
        said: list[dict[str, Any]] = []
        model: str | None = None
        done: set[str] = set()
        for message, place in self._said.values():
            try:
                found = list(
                    _spoken(message, done) if message.get("type") == "gemini" else _handed(message, done)
                )
                messages(found)
            except MALFORMED as error:
                yield Unread(place, told(NAME, error), str(message.get("id") or ""))
                continue
            if helper:
                found = [{**one, "role": "assistant"} if one["role"] == "user" else one for one in found]
            said += found
            ran = message.get("model")
            model = ran if isinstance(ran, str) else model
        if not said:
            return
        name = str(self._head.get("sessionId") or self._place)
        heard = messages(said)
        yield Run(
            name,
            Trajectory(name, heard, ended(heard)),
            self._place,
            NAME,
            AGENT,
            model,
            None,
            # The sessions of helpers lie in a folder that is called by the session that called them.
            PurePath(self._path).parent.name if helper else name,
            moment(self._head.get("startTime")),
        )


def _spoken(message: dict[str, Any], done: set[str]) -> Iterator[dict[str, Any]]:
    """Yield what the agent said and called, and the results.

    Some versions write the calls of several replies into one message; those made at once ended at one time.
    """
    first: dict[str, Any] = {
        "role": "assistant",
        "content": text_of(message.get("content")),
        "reasoning_content": "\n".join(map(_thought, items(message.get("thoughts")))) or None,
        "timestamp": message.get("timestamp"),
    }
    calls = list(map(fields, items(message.get("toolCalls"))))
    if not calls:
        yield first
    for at, group in groupby(calls, lambda call: call.get("timestamp")):
        made = list(group)
        asked = [{"id": call.get("id"), "name": call.get("name"), "args": call.get("args")} for call in made]
        yield {"role": "assistant", "content": "", "timestamp": at, **first, "tool_calls": asked}
        first = {}
        for call in made:
            done.add(str(call.get("id")))
            text = _result(call.get("result"))
            failed = call.get("status") in _FAILED or (
                call.get("name") == "run_shell_command" and FAILED_SHELL.search(text)
            )
            if call.get("result") is not None or failed:
                yield _answer(
                    call.get("id"), text or text_of(call.get("resultDisplay")), at, failed=bool(failed)
                )


def _handed(message: dict[str, Any], done: set[str]) -> Iterator[dict[str, Any]]:
    """Yield what was handed in as a person's turn: a person's words, results, and what the harness wrote."""
    content: Any = message.get("content")
    at = message.get("timestamp")
    words: list[str] = []
    for part in items(content) if isinstance(content, list) else [content]:
        answered = fields(fields(part).get("functionResponse"))
        if answered:
            if str(answered.get("id")) not in done:
                yield _answer(
                    answered.get("id"),
                    _result([part]),
                    at,
                    failed="error" in fields(answered.get("response")),
                )
            continue
        text = text_of([part] if isinstance(part, dict) else part)
        loaded = _LOADED.search(text)
        if loaded:
            yield {"role": "system", "content": loaded[1].strip(), "timestamp": at}
            text = text[: loaded.start()] + text[loaded.end() :]
        if text.lstrip().startswith(_NOTICES):
            yield {"role": "tool", "content": text.strip(), "timestamp": at}
        elif text.strip():
            words.append(text)
    if words:
        yield {"role": "user", "content": "\n".join(words), "timestamp": at}


def _answer(name: Any, text: str, at: Any, *, failed: bool) -> dict[str, Any]:
    error = {"error": True} if failed else {}
    return {"role": "tool", "content": text, "tool_call_id": name, "timestamp": at} | error


def _result(result: Any) -> str:
    """Return what a call gave: a text, or parts, of which those of the API hold a response."""
    texts: list[str] = []
    for part in items(result) if isinstance(result, list) else [result]:
        held = fields(fields(part).get("functionResponse")).get("response", part)
        alone = fields(held)
        if len(alone) == 1:
            held = next(iter(alone.values()))
        texts.append(text_of(held))
    return "\n".join(filter(None, texts))


def _thought(thought: Any) -> str:
    held = fields(thought)
    return "\n".join(filter(None, (text_of(held.get("subject")), text_of(held.get("description")))))


class _Reader:
    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return whether a record is a session, or a line of one."""
        record = fields(value)
        if isinstance(record.get("sessionId"), str) and "projectHash" in record:
            return True
        if record.keys() <= {"$set", "$rewindTo"}:
            return bool(record)
        return record.get("type") in ("user", "gemini", "info", "error", "warning") and (
            record.keys() >= {"id", "timestamp", "content"} and "role" not in record
        )

    def gather(self, path: str) -> Gathering:
        """Return what takes the lines of one file."""
        return _Session(path)


READER = _Reader()
