"""Sessions of Qwen Code: a line per turn, with parts as the Gemini API has them.

No person speaks in a helper's session, which lies in a file of its own. What the harness hands in as a turn
of a person (notices, prompts of a clock) is no person's word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from duress.audit.readers.field import fields, string
from duress.audit.readers.gemini import turn
from duress.audit.readers.gemini_cli import FAILED_SHELL
from duress.audit.readers.message import messages
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import ended
from duress.audit.readers.reader import MALFORMED, Gathering, told
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Trajectory

NAME = "qwen-code"
AGENT = "qwen-code"
_TURNS: Final = frozenset({"user", "assistant", "tool_result"})
_WRITTEN: Final = frozenset({None, "mid_turn_user_message"})
"""Of what kind turns are that a person wrote; also one that came while the agent was at work."""


class _Session:
    """The session of one file."""

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._place: Place | None = None
        self._session: str | None = None
        self._helper: str | None = None
        self._model: str | None = None
        self._version: str | None = None
        self._at: float | None = None

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one line."""
        record = fields(value)
        self._place = self._place or place
        self._session = self._session or string(record.get("sessionId")) or None
        self._helper = self._helper or string(record.get("agentId")) or None
        self._model = string(record.get("model")) or self._model
        self._version = self._version or string(record.get("version")) or None
        self._at = self._at if self._at is not None else moment(record.get("timestamp"))
        kind = record.get("type")
        if not isinstance(kind, str) or kind not in _TURNS:
            return ()
        try:
            said = [{**one, "timestamp": record.get("timestamp")} for one in self._said(kind, record)]
            messages(said)
        except MALFORMED as error:
            return (Unread(place, told(NAME, error), str(record.get("uuid") or "")),)
        self._items += said
        return ()

    def _said(self, kind: str, record: dict[str, Any]) -> list[dict[str, Any]]:
        said = turn({**fields(record.get("message")), "role": "model" if kind == "assistant" else "user"})
        if kind == "assistant":
            return said
        if kind == "tool_result":
            said = [one | ({"error": True} if _failed(one["content"]) else {}) for one in said]
        own = kind == "user" and record.get("subtype") in _WRITTEN
        who = "tool" if not own else "assistant" if self._helper else "user"
        return [{**one, "role": who} if one["role"] == "user" else one for one in said]

    def close(self) -> Iterable[Run | Unread]:
        """Return the run of the file."""
        if self._place is None or not self._items:
            return
        said = messages(self._items)
        name = "/".join(filter(None, (self._session, self._helper))) or str(self._place)
        yield Run(
            name,
            Trajectory(name, said, ended(said)),
            self._place,
            NAME,
            AGENT,
            self._model,
            self._version,
            self._session,
            self._at,
        )


def _failed(result: str) -> bool:
    """Tell whether a command failed, by its result as earlier versions write it."""
    return result.startswith("Command: ") and FAILED_SHELL.search(result) is not None


class _Reader:
    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return whether a line is one of a session."""
        record = fields(value)
        return isinstance(record.get("sessionId"), str) and (
            "parts" in fields(record.get("message")) or "systemPayload" in record
        )

    def gather(self, path: str) -> Gathering:
        """Return what takes the lines of one file."""
        return _Session()


READER = _Reader()
