"""The ledger: entries go in at the end, and are on disk before anybody is told so."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from duress.ledger.entry import REDACTION, Entry, Head, Receipt
from duress.ledger.errors import LedgerError, UsageError
from duress.ledger.group import Group
from duress.ledger.leaf import FIRST, Draft, Redact, Row, drafts, read, seal
from duress.ledger.reader import Reader, store_at
from duress.ledger.store import Change, Store
from duress.ledger.tree import Frontier, Subtree, Tree, leaf_hash
from duress.ledger.waiting import TaskTicket, ThreadTicket, Ticket


class Ledger(Reader):
    """An open ledger; its writer, and the only one.

    Any number of threads and tasks may append at once; those who wait at the same time share a commit. A
    process that was forked must open the ledger anew.
    """

    def __init__(self, store: Store, redact: Redact | None = None) -> None:
        super().__init__(store)
        self._redact = redact
        self._group = Group(self._commit)
        self._process = os.getpid()
        self._frontier = Frontier()
        self._previous = FIRST
        self._closed = False
        self._fresh = False
        try:
            self._load()
        except BaseException:
            store.close()
            raise

    @classmethod
    def open(cls, place: str | Path, *, origin: str | None = None, redact: Redact | None = None) -> Ledger:
        """Open a ledger for writing; it is created if there is none.

        Args:
            place: path of a SQLite file, or the URL of a PostgreSQL database.
            origin: the name of a new ledger in its checkpoints, like `example.com/guard`; drawn if None.
            redact: applied to every body before it is written; if it fails, nothing is written.

        Raises:
            BusyError: another process is its writer.
            LedgerError: it cannot be opened, or is called otherwise.
        """
        if origin is not None and (not origin or "+" in origin or any(c.isspace() for c in origin)):
            raise UsageError(f"origin: expected a name without spaces and plus signs, found {origin!r}")
        store = store_at(place, write=True, origin=origin or f"duress-ledger/{secrets.token_hex(8)}")
        if origin is not None and store.origin != origin:
            store.close()
            raise UsageError(f"{store.place}: this ledger is called {store.origin}, not {origin}")
        return cls(store, redact)

    def append(self, entries: Sequence[Entry]) -> tuple[Receipt, ...]:
        """Record entries, all or none of them; return their receipts once they are on disk.

        Raises:
            LedgerError: they cannot be written. Nothing is acknowledged; after a power cut or a lost
                connection they may turn up nevertheless.
        """
        found = self._drafts(entries)
        if not found:
            return ()
        ticket = ThreadTicket(found)
        self._group.settle(ticket)
        return ticket.result()

    async def append_async(self, entries: Sequence[Entry]) -> tuple[Receipt, ...]:
        """Do as `append`; works on asyncio and trio. A cancelled call may still be written."""
        found = self._drafts(entries)
        if not found:
            return ()
        ticket = TaskTicket(found, self._group.write_for_tasks)
        await self._group.settle_async(ticket)
        return ticket.result()

    def erase(self, index: int, *, reason: str, at: float, agent: str = "") -> Receipt:
        """Take the body of an entry out for good, and record that; every proof stays valid.

        Raises:
            UsageError: there is no such entry, or its body is gone already.
            LedgerError: it could not be done.
        """
        self._own()
        with self._group.turn:
            self._ready()
            found = next(iter(self._store.rows(index, index + 1)), None) if index >= 0 else None
            if found is None:
                raise UsageError(f"{self.place}: no entry {index}; there are {self._frontier.size}")
            if read(found).kind == REDACTION:
                raise UsageError(f"{self.place}: entry {index} is itself the record of a redaction")
            if found.body is None:
                raise UsageError(f"{self.place}: entry {index} is redacted already")
            entry = Entry(REDACTION, "", agent, at, {"entry": index, "reason": reason})
            ticket = Ticket(drafts([entry], None, own=True))
            self._write([ticket], erased=index)
        return ticket.result()[0]

    def head(self) -> Head:
        """Return the size of the ledger and the hash of its tree: what has been acknowledged."""
        with self._group.turn:
            self._ready()
            return Head(self._frontier.size, self._frontier.root())

    def close(self) -> None:
        """Write what waits, and let another process be the writer."""
        if self._process != os.getpid():
            return
        with self._group.turn:
            if self._closed:
                return
            self._closed = True
            try:
                self._group.close()
            finally:
                self._store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _drafts(self, entries: Sequence[Entry]) -> Sequence[Draft]:
        self._own()
        if self._closed:
            raise LedgerError(f"{self.place}: is closed; nothing was recorded")
        return drafts(entries, self._redact)

    def _own(self) -> None:
        if self._process != os.getpid():
            raise LedgerError(
                f"{self.place}: was opened by the process {self._process}, of which this one is a "
                "fork; open it here; nothing was recorded"
            )

    def _commit(self, tickets: Sequence[Ticket]) -> None:
        """Write for those who wait; the caller has the turn."""
        try:
            self._ready()
            self._write(tickets)
        except BaseException as error:
            told = error if isinstance(error, LedgerError) else _interrupted(self.place, error)
            for ticket in tickets:
                if not ticket.settled:
                    ticket.fail(told)
            if not isinstance(error, Exception):
                raise

    def _write(self, tickets: Sequence[Ticket], erased: int | None = None) -> None:
        frontier, previous = self._frontier.copy(), self._previous
        rows: list[Row] = []
        subtrees: list[Subtree] = []
        receipts: list[Receipt] = []
        for ticket in tickets:
            for draft in ticket.drafts:
                row = seal(draft, frontier.size, previous)
                found = leaf_hash(row.leaf)
                subtrees += frontier.push(found)
                previous = found.hex()
                rows.append(row)
                receipts.append(Receipt(row.id, previous))
        self._fresh = False
        self._store.write(Change(rows, subtrees, erased))
        self._frontier, self._previous, self._fresh = frontier, previous, True
        start = 0
        for ticket in tickets:
            stop = start + len(ticket.drafts)
            ticket.succeed(tuple(receipts[start:stop]))
            start = stop

    def _ready(self) -> None:
        """Make sure that what is known of the ledger's end is what is stored."""
        if not self._fresh:
            self._load()

    def _load(self) -> None:
        size = self._store.size()
        self._frontier = Tree(self._store.hashes).frontier(size)
        self._previous = self._store.hashes(0, size - 1, size)[0].hex() if size else FIRST
        self._fresh = True


def _interrupted(place: str, error: BaseException) -> LedgerError:
    return LedgerError(
        f"{place}: writing was broken off ({type(error).__name__}: {error}); nothing is acknowledged"
    )
