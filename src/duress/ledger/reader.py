"""Reading a ledger, beside its writer or without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from duress.ledger.entry import Head, Recorded
from duress.ledger.errors import UsageError
from duress.ledger.leaf import Row, read
from duress.ledger.store import Store
from duress.ledger.tree import Tree

FILE = "ledger.db"
"""Name of the ledger in a folder that holds one."""


def store_at(place: str | Path, *, write: bool, origin: str = "") -> Store:
    """Open what a path or URL names."""
    text = str(place)
    if text.startswith(("postgresql://", "postgres://")):
        from duress.ledger.postgres import PostgresStore

        return PostgresStore(text, write=write, origin=origin)
    if "://" in text:
        raise UsageError(f"{text}: expected a path, or postgresql://...")
    from duress.ledger.sqlite import SqliteStore

    path = Path(place)
    return SqliteStore(path / FILE if path.is_dir() else path, write=write, origin=origin)


class Reader:
    """A ledger that is only read; any number of processes may do so while one writes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def at(cls, place: str | Path) -> Reader:
        """Open the ledger at a path or URL for reading.

        Raises:
            UsageError: there is none.
            LedgerError: it cannot be read.
        """
        return Reader(store_at(place, write=False))

    @property
    def place(self) -> str:
        """Where it is; without a password."""
        return self._store.place

    @property
    def origin(self) -> str:
        """The ledger's name in its checkpoints."""
        return self._store.origin

    @property
    def tree(self) -> Tree:
        """The Merkle tree over the entries: roots and proofs."""
        return Tree(self._store.hashes)

    def head(self) -> Head:
        """Return the size of the ledger and the hash of its tree."""
        size = self._store.size()
        return Head(size, self.tree.root(size))

    def rows(self, start: int, stop: int) -> Iterator[Row]:
        """Yield the rows start <= index < stop as they are stored, in order, with little memory."""
        return self._store.rows(start, stop)

    def entries(
        self, start: int = 0, stop: int | None = None, *, session: str | None = None, kind: str | None = None
    ) -> Iterator[Recorded]:
        """Yield the entries start <= index < stop in order, with little memory; only some if asked.

        Raises:
            LedgerError: one is not what a ledger writes.
        """
        for row in self._store.rows(start, self._store.size() if stop is None else stop):
            found = read(row)
            if session in (None, found.session) and kind in (None, found.kind):
                yield found

    def entry(self, index: int) -> Recorded:
        """Return one entry.

        Raises:
            UsageError: there is none.
        """
        for found in self.entries(index, index + 1) if index >= 0 else ():
            return found
        raise UsageError(f"{self.place}: no entry {index}; there are {self._store.size()}")

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()
