"""The guard's ledger: each session with its calls, asked for, refused or carried out, and their results."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from duress.audit.logs import remote
from duress.audit.readers.arguments import arguments
from duress.audit.readers.message import text_of
from duress.audit.readers.reader import Gathering
from duress.audit.run import Place, Run, Unread
from duress.ledger import LedgerError, Reader, Recorded
from duress.trajectory import End, EndReason, Message, Role, ToolCall, ToolError, Trajectory

NAME = "ledger"
HELD = 64 << 20
"""Characters that are held at most; beyond, the session that was quiet for longest counts as over."""
_ASKED = frozenset({"intent", "refused", "observed"})


class _Session:
    def __init__(self, name: str, place: Place, agent: str, at: float) -> None:
        self.name, self.place, self.agent, self.at = name, place, agent, at
        self.said: list[Message] = []
        self.size = 0
        self.ended = False
        self._asked: set[str] = set()

    def take(self, entry: Recorded) -> int:
        """Add an entry and return how much it holds."""
        body = entry.body or {}
        name = str(body.get("call") or entry.index)
        tool, result = body.get("tool"), body.get("result")
        before = self.size
        if entry.kind in _ASKED and isinstance(tool, str) and name not in self._asked:
            self._asked.add(name)
            given, error = arguments(body.get("arguments"))
            self.said.append(
                Message(Role.ASSISTANT, "", calls=(ToolCall(name, tool, given, error),), at=entry.at)
            )
            self.size += len(str(given)) + 64
        if entry.kind == "refused":
            told = str(body.get("answer") or _reason(body))
            self.said.append(Message(Role.TOOL, told, call_id=name, error=ToolError.REJECTED, at=entry.at))
            self.size += len(told) + 64
            self.ended = self.ended or body.get("verb") == "terminate"
        elif result is not None:
            text = text_of(result)
            self.said.append(
                Message(Role.TOOL, text, call_id=name, error=_error(body.get("error")), at=entry.at)
            )
            self.size += len(text) + 64
        elif entry.kind == "stop":
            self.ended = True
        return self.size - before

    def run(self) -> Run:
        """Return the session as a run."""
        end = End(EndReason.STOPPED if self.ended else EndReason.COMPLETED)
        return Run(
            self.name,
            Trajectory(self.name, tuple(self.said), end),
            self.place,
            NAME,
            self.agent or None,
            session=self.name,
            at=self.at,
        )


def _reason(body: dict[str, Any]) -> str:
    reasons: Any = body.get("reasons")
    return text_of(reasons[-1][1]) if reasons else "refused"


def _error(value: Any) -> ToolError | None:
    try:
        return None if value is None else ToolError(value)
    except ValueError:
        return ToolError.FAILED


def database(stream: IO[bytes], path: str) -> Iterator[Run | Unread]:
    """Yield the sessions of a ledger; of another database, one line that says what it is not."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(path)
        if remote(path):
            local = Path(folder) / "ledger.db"
            with local.open("wb") as file:
                shutil.copyfileobj(stream, file)
        try:
            if not _is_ledger(local):
                yield Unread(
                    Place(path, 1), "expected a guard's ledger, found another SQLite database", whole=True
                )
                return
            yield from _sessions(Reader.at(local).entries(), path)
        except (LedgerError, sqlite3.Error) as error:
            yield Unread(Place(path, 1), f"the ledger can be read no further: {error}")


def _is_ledger(path: Path) -> bool:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        db.close()
    return {"ledger", "entry", "subtree"} <= names


def _sessions(entries: Iterable[Recorded], path: str) -> Iterator[Run]:
    held: OrderedDict[str, _Session] = OrderedDict()
    size = 0
    for entry in entries:
        if not entry.session:
            continue
        session = held.get(entry.session)
        if session is None:
            place = Place(path, entry.index + 1)
            session = held[entry.session] = _Session(entry.session, place, entry.agent, entry.at)
        held.move_to_end(entry.session)
        size += session.take(entry)
        while size > HELD and len(held) > 1:
            _, quiet = held.popitem(last=False)
            size -= quiet.size
            if quiet.said:
                yield quiet.run()
    for session in sorted(held.values(), key=lambda session: session.place.line):
        if session.said:
            yield session.run()


class _Reader:
    """Known by its name only: a ledger is told by its first bytes, not by its records."""

    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return False: no record of a text file is a ledger."""
        return False

    def gather(self, path: str) -> Gathering:
        """Raise: there is nothing to gather."""
        raise NotImplementedError


READER = _Reader()
