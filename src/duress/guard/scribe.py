"""Writes the record: into the ledger if this process is the one that may, else into the outbox."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from duress.guard import outbox
from duress.guard.keeper import Entry, KeeperError
from duress.guard.state import LEDGER, State

if TYPE_CHECKING:
    from duress.ledger import Entry as LedgerEntry
    from duress.ledger import Ledger
    from duress.ledger.leaf import Redact

_RETRY = 1.0
"""Seconds between two attempts to become the writer."""
_DRAINED = "ledger size when last drained"
_NUMBER = "outbox"
"""Key of an entry's body: its number in the outbox, by which one that was written is known after a crash."""


class _Letter:
    """Entries on their way into the outbox."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.posted = False
        self.fault = ""


class Scribe:
    """Records entries durably, in the order in which they were given by one process."""

    def __init__(self, state: State, ledger: str | Path | None = None, redact: Redact | None = None) -> None:
        """Record into `ledger`, by default that of the state folder; `redact` goes over every body first."""
        self._state = state
        self.place = ledger or state.folder / LEDGER
        """Path or URL of the ledger."""
        self._redact = redact
        self._lock = threading.RLock()
        self._door = threading.Lock()
        self._letters: list[_Letter] = []
        self._ledger: Ledger | None = None
        self._process = os.getpid()
        self._tried = float("-inf")
        self._turn: bytes | None = None
        self._checked = False

    @property
    def writes(self) -> bool:
        """Return whether this process is the ledger's writer."""
        return self._writer() is not None

    def record(self, entries: Sequence[Entry]) -> None:
        """Record entries; they are durable when this returns.

        Raises:
            KeeperError: they are not.
        """
        from duress.ledger import LedgerError

        ledger = self._writer()
        if ledger is None:
            self._post(entries)
            return
        self.drain()
        try:
            ledger.append([_plain(entry) for entry in entries])
        except LedgerError as error:
            raise KeeperError(str(error)) from error

    async def record_async(self, entries: Sequence[Entry]) -> None:
        """Like `record`."""
        from duress.ledger import LedgerError

        ledger = self._writer()
        if ledger is None or self._state.changes() != self._turn:
            import anyio.to_thread

            return await anyio.to_thread.run_sync(self.record, entries)
        try:
            await ledger.append_async([_plain(entry) for entry in entries])
        except LedgerError as error:
            raise KeeperError(str(error)) from error
        return None

    def _post(self, entries: Sequence[Entry]) -> None:
        """Put entries into the outbox; threads that wait for the disk at the same time share a commit."""
        letter = _Letter(entries)
        with self._door:
            self._letters.append(letter)
        with self._lock:
            if not letter.posted:
                with self._door:
                    letters, self._letters = self._letters, []
                try:
                    with self._state.write() as db:
                        for one in letters:
                            outbox.put(db, one.entries)
                except BaseException as error:
                    for one in letters:
                        one.fault = f"{type(error).__name__}: {error}"
                    raise
                finally:
                    for one in letters:
                        one.posted = True
        if letter.fault:
            raise KeeperError(letter.fault)

    def drain(self) -> int:
        """Write what waits in the outbox if this process is the writer; return how many entries that were.

        Raises:
            KeeperError: they could not be written; they wait on.
        """
        ledger = self._writer()
        turn = self._state.changes()
        if ledger is None or turn == self._turn:
            return 0
        from duress.ledger import LedgerError

        count = 0
        with self._lock:
            try:
                if not self._checked:
                    self._forget_written(ledger)
                    self._checked = True
                while found := outbox.waiting(self._state):
                    ledger.append([_plain(entry, number) for number, entry in found])
                    self._forget(found[-1][0], ledger)
                    count += len(found)
            except LedgerError as error:
                raise KeeperError(str(error)) from error
            # Taken before: what came in meanwhile is drained next time.
            self._turn = turn
        return count

    def tend(self) -> None:
        """Become the writer if nobody is, and drain."""
        self._writer(now=True)
        self.drain()

    def look_again(self) -> None:
        """Look into the outbox when it is drained next: somebody may have filled it and not told."""
        with self._lock:
            self._turn = None

    def close(self) -> None:
        """Write what waits and let another process be the writer."""
        with self._lock:
            if self._process == os.getpid():
                try:
                    if outbox.waiting(self._state, 1):
                        self.tend()
                finally:
                    if self._ledger is not None:
                        self._ledger.close()
            self._ledger = None
            self._tried = float("inf")

    def _writer(self, *, now: bool = False) -> Ledger | None:
        if self._process != os.getpid():
            # The parent goes on writing; this process has never held the lock.
            self._lock, self._door, self._letters = threading.RLock(), threading.Lock(), []
            self._ledger, self._process, self._turn = None, os.getpid(), None
        if self._ledger is not None:
            return self._ledger
        if not now and time.monotonic() < self._tried + _RETRY:
            return None
        with self._lock:
            if self._ledger is None and self._tried != float("inf"):
                self._open()
            return self._ledger

    def _open(self) -> None:
        from duress.ledger import BusyError, Ledger, LedgerError

        self._tried = time.monotonic()
        try:
            self._ledger = Ledger.open(self.place, redact=self._redact)
        except BusyError:
            return
        except LedgerError as error:
            self._tried = float("-inf")
            raise KeeperError(str(error)) from error
        self._turn, self._checked = None, False

    def _forget_written(self, ledger: Ledger) -> None:
        """Take out of the outbox what a writer had put into the ledger when it died."""
        found = self._state.rows("SELECT value FROM fact WHERE name = ?", _DRAINED)
        start = int(found[0]["value"]) if found else 0
        written = [
            number
            for entry in ledger.entries(start)
            if entry.body is not None and isinstance(number := entry.body.get(_NUMBER), int)
        ]
        self._forget(max(written, default=0), ledger)

    def _forget(self, last: int, ledger: Ledger) -> None:
        size = ledger.head().size
        with self._state.write() as db:
            db.execute("DELETE FROM outbox WHERE id <= ?", (last,))
            db.execute(
                "INSERT INTO fact (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (_DRAINED, str(size)),
            )


def _plain(entry: Entry, number: int | None = None) -> LedgerEntry:
    from duress.ledger import Entry as LedgerEntry

    body = msgspec.to_builtins(entry.body)
    if number is not None:
        body = {**body, _NUMBER: number}
    return LedgerEntry(entry.kind, entry.session, entry.agent, entry.at, body)
