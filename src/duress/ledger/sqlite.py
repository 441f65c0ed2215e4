"""A ledger in one SQLite file: the default, for one machine."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock as Mutex
from typing import Any

from duress.ledger.errors import LedgerError, UsageError
from duress.ledger.leaf import Row, leaf_hashes
from duress.ledger.lock import Lock
from duress.ledger.store import FORMAT, Change

_SCHEMA = """
create table ledger (key text primary key, value text not null);
create table entry (id integer primary key, leaf blob not null, salt blob, body blob);
create table subtree (
    level integer not null, number integer not null, hash blob not null, primary key (level, number)
) without rowid;
"""
_PAGE = 1000
"""Rows read at once: a reader never keeps the database from tidying up for long."""
_TOGETHER = (64, 16, 4, 1)
"""Rows per insert statement. Each statement gives up the interpreter's lock: few large ones are better."""
_INSERT = {
    count: f"insert into entry (id, leaf, salt, body) values {','.join(['(?,?,?,?)'] * count)}"
    for count in _TOGETHER
}
_AT_ONCE = 128
"""Rows up to which a commit is one statement: each one asks for the interpreter's lock several times."""
_LAST = "select coalesce(max(id), -1) from entry"


class SqliteStore:
    """The rows of a ledger in a SQLite file, in WAL mode with every commit synced."""

    def __init__(self, path: Path, *, write: bool, origin: str = "") -> None:
        """Open a ledger; with `write` take its lock, and create it under the name `origin` if it is new.

        Raises:
            BusyError: another process is its writer.
            UsageError: there is no such ledger, or the file is something else.
            LedgerError: the disk refuses.
        """
        self.place = str(path)
        self._lock: Lock | None = None
        self._writer: sqlite3.Connection | None = None
        self._unsynced = ""
        self._reading = Mutex()
        try:
            if write:
                self._lock = _lock(path)
                self._writer = _writer(path)
                _create(self._writer, origin)
            elif not path.is_file():
                raise UsageError(f"{path}: no ledger there")
            self._reader = _reader(path)
            self.origin = _identity(path, self._reader)
            # Somebody may have put text where there should be bytes: it is read as it is.
            self._reader.text_factory = bytes
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error | OSError):
                raise _unreadable(path, error) from error
            raise

    def size(self) -> int:
        """Return how many entries are there."""
        last = self._fetch("select max(id) from entry", ())[0][0]
        return 0 if last is None else int(last) + 1

    def rows(self, start: int, stop: int) -> Iterator[Row]:
        """Yield the rows start <= index < stop that are there, in order, with little memory."""
        while page := self._page(start, stop):
            for row in page:
                yield Row(*row)
            start = page[-1][0] + 1

    def hashes(self, level: int, start: int, stop: int) -> list[bytes]:
        """Return stored hashes of the tree, see `tree.Fetch`."""
        if level == 0:
            found = leaf_hashes(self.rows(start, stop))
        else:
            query = "select hash from subtree where level = ? and number >= ? and number < ? order by number"
            found = [bytes(row[0]) for row in self._fetch(query, (level, start, stop))]
        if len(found) != stop - start:
            raise LedgerError(
                f"{self.place}: {stop - start - len(found)} hashes of the tree are missing at level {level} "
                f"between {start} and {stop}; run duress ledger verify"
            )
        return found

    def write(self, change: Change) -> None:
        """Carry out a change as one transaction that is durable when this returns."""
        base = self._writer
        if base is None:
            raise LedgerError(f"{self.place}: is closed, or open for reading only; nothing was recorded")
        if self._unsynced:
            # What the system could not write it may have dropped: a later sync that succeeds says nothing.
            raise LedgerError(
                f"{self.place}: the disk failed before ({self._unsynced}); nothing was recorded. See to the "
                "disk, run duress ledger verify, and open the ledger again"
            )
        try:
            if change.subtrees or change.erased is not None or not 0 < len(change.rows) <= _AT_ONCE:
                self._in_steps(base, change)
            else:
                self._in_one(base, change.rows)
        except BaseException as error:
            with suppress(sqlite3.Error):
                if base.in_transaction:
                    base.execute("rollback")
            if isinstance(error, sqlite3.Error):
                name = getattr(error, "sqlite_errorname", "")
                self._unsynced = name if "FSYNC" in name else ""
                raise _unwritten(self.place, error) from error
            raise
        if change.erased is not None:
            # What was written over must not stay behind in the log file.
            base.execute("pragma wal_checkpoint(truncate)").fetchall()

    def close(self) -> None:
        """Let go of everything, the writer's lock too."""
        reader = getattr(self, "_reader", None)
        for base in (reader, self._writer):
            if base is not None:
                with suppress(sqlite3.Error):
                    base.close()
        self._writer = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _in_steps(self, base: sqlite3.Connection, change: Change) -> None:
        base.execute("begin immediate")
        if change.rows and (last := self._last(base)) != change.rows[0].id - 1:
            raise self._changed(change.rows, last)
        for rows, count in _portions(change.rows):
            base.execute(_INSERT[count], [value for row in rows for value in row])
        if change.subtrees:
            base.executemany("insert into subtree values (?, ?, ?)", change.subtrees)
        if change.erased is not None:
            base.execute("update entry set salt = null, body = null where id = ?", (change.erased,))
        base.execute("commit")

    def _in_one(self, base: sqlite3.Connection, rows: Sequence[Row]) -> None:
        values: list[object] = [value for row in rows for value in row]
        values.append(rows[0].id - 1)
        if base.execute(_insert_after(len(rows)), values).rowcount != len(rows):
            raise self._changed(rows, self._last(base))

    def _last(self, base: sqlite3.Connection) -> int:
        return int(base.execute(_LAST).fetchone()[0])

    def _changed(self, rows: Sequence[Row], last: int) -> LedgerError:
        return LedgerError(
            f"{self.place}: another program changed the ledger under its writer: entry {rows[0].id} was "
            f"due, the last one is {last}; nothing was recorded. Run duress ledger verify"
        )

    def _page(self, start: int, stop: int) -> list[tuple[int, bytes, bytes | None, bytes | None]]:
        query = "select id, leaf, salt, body from entry where id >= ? and id < ? order by id limit ?"
        return self._fetch(query, (start, stop, _PAGE))

    def _fetch(self, query: str, values: tuple[int, ...]) -> list[Any]:
        try:
            with self._reading:
                return self._reader.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(Path(self.place), error) from error


@cache
def _insert_after(count: int) -> str:
    """Return the statement that inserts so many rows, if the last entry has the number given after them."""
    return (
        f"insert into entry (id, leaf, salt, body) select * from (values {','.join(['(?,?,?,?)'] * count)}) "
        f"where ({_LAST}) = ?"
    )


def _portions(rows: Sequence[Row]) -> Iterator[tuple[Sequence[Row], int]]:
    start = 0
    for count in _TOGETHER:
        while len(rows) - start >= count:
            yield rows[start : start + count], count
            start += count


def _lock(path: Path) -> Lock:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = Lock(path)
    # SQLite gives its other files the mode of this one.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return lock


def _writer(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(
        path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=2 * _AT_ONCE
    )
    base.execute("pragma journal_mode = wal")
    base.execute("pragma synchronous = full")
    base.execute("pragma secure_delete = on")
    return base


def _reader(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    base = sqlite3.connect(
        f"{uri}?mode=ro", uri=True, timeout=5.0, isolation_level=None, check_same_thread=False
    )
    try:
        base.execute("select 1 from sqlite_master").fetchall()
    except sqlite3.OperationalError:
        base.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise
        # A copy on a medium that cannot be written to: there is no log to read, and nobody changes it.
        base = sqlite3.connect(
            f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
    return base


def _create(base: sqlite3.Connection, origin: str) -> None:
    if base.execute("select 1 from sqlite_master").fetchall():
        return
    values = [("format", FORMAT), ("origin", origin)]
    base.execute("begin immediate")
    for statement in _SCHEMA.split(";"):
        base.execute(statement)
    base.executemany("insert into ledger values (?, ?)", values)
    base.execute("commit")


def _identity(path: Path, base: sqlite3.Connection) -> str:
    names = {row[0] for row in base.execute("select name from sqlite_master where type = 'table'")}
    if not {"ledger", "entry", "subtree"} <= names:
        raise UsageError(f"{path}: not a ledger: expected the tables ledger, entry and subtree")
    held: dict[str, str] = dict(base.execute("select key, value from ledger"))
    if held.get("format") != FORMAT:
        raise UsageError(f"{path}: format {held.get('format')}; this version reads format {FORMAT}")
    return held["origin"]


def _unreadable(path: Path, error: Exception) -> LedgerError:
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
        return UsageError(f"{path}: not a ledger: {error}")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return LedgerError(f"{path}: cannot be opened or read: {reason}")


def _unwritten(place: str, error: sqlite3.Error) -> LedgerError:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return LedgerError(
        f"{place}: not written: {error} ({name}); nothing is acknowledged. Make room, or see to the disk"
    )
