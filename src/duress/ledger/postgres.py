"""A ledger in a PostgreSQL database: for many hosts, one of which writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from threading import Lock as Mutex
from typing import TYPE_CHECKING, Any, LiteralString

from duress.ledger.errors import BusyError, LedgerError, UsageError
from duress.ledger.leaf import Row, leaf_hashes
from duress.ledger.store import FORMAT, Change

if TYPE_CHECKING:
    from psycopg import Connection

_LOCK = "select pg_try_advisory_lock(7238830341889687553)"
"""The lock of the writer: one ledger a database."""
_SETTINGS: dict[str, LiteralString] = {"fsync": "show fsync", "full_page_writes": "show full_page_writes"}
"""Settings without which a server loses in a crash what it has acknowledged."""
_PAGE = 1000
_SCHEMA = """
create table if not exists ledger (key text primary key, value text not null);
create table if not exists entry (id bigint primary key, leaf bytea not null, salt bytea, body bytea);
create table if not exists subtree (
    level integer not null, number bigint not null, hash bytea not null, primary key (level, number)
);
"""
_INSERT = (
    "insert into entry (id, leaf, salt, body) "
    "select * from unnest(%b::bigint[], %b::bytea[], %b::bytea[], %b::bytea[])"
)
_SUBTREES = "insert into subtree select * from unnest(%b::integer[], %b::bigint[], %b::bytea[])"


class PostgresStore:
    """The rows of a ledger in a PostgreSQL database; the writer holds an advisory lock."""

    def __init__(self, url: str, *, write: bool, origin: str = "") -> None:
        """Open a ledger; with `write` take its lock, and create it under the name `origin` if it is new.

        Raises:
            BusyError: another process, on whatever host, is its writer.
            UsageError: there is no such ledger, or no driver.
            LedgerError: the server cannot be reached, or would lose what it has acknowledged.
        """
        try:
            import psycopg
        except ImportError as error:
            raise UsageError("psycopg is missing; pip install 'duress[postgres]'") from error
        self._failed = psycopg.Error
        self._url = url
        self._writes = write
        self._writer: Connection[Any] | None = None
        self._reader: Connection[Any] | None = None
        self._reading = Mutex()
        self._closed = False
        self.place = _public(url)
        try:
            if write:
                self._writer = self._connect_writer()
                self._create(self._writer, origin)
            self.origin = self._identity()
        except BaseException:
            self.close()
            raise

    def size(self) -> int:
        """Return how many entries are there."""
        last = self._fetch("select max(id) from entry", ())[0][0]
        return 0 if last is None else int(last) + 1

    def rows(self, start: int, stop: int) -> Iterator[Row]:
        """Yield the rows start <= id < stop that are there, in order, with little memory."""
        query = "select id, leaf, salt, body from entry where id >= %s and id < %s order by id limit %s"
        while page := self._fetch(query, (start, stop, _PAGE)):
            for row in page:
                yield Row(*row)
            start = page[-1][0] + 1

    def hashes(self, level: int, start: int, stop: int) -> list[bytes]:
        """Return stored hashes of the tree, see `tree.Fetch`."""
        if level == 0:
            found = leaf_hashes(self.rows(start, stop))
        else:
            query = (
                "select hash from subtree where level = %s and number >= %s and number < %s order by number"
            )
            found = [row[0] for row in self._fetch(query, (level, start, stop))]
        if len(found) != stop - start:
            raise LedgerError(
                f"{self.place}: {stop - start - len(found)} hashes of the tree are missing at level {level} "
                f"between {start} and {stop}; run duress ledger verify"
            )
        return found

    def write(self, change: Change) -> None:
        """Carry out a change as one transaction that is durable when this returns."""
        if self._closed or not self._writes:
            raise LedgerError(f"{self.place}: is closed, or open for reading only; nothing was recorded")
        try:
            if self._writer is None:
                self._writer = self._connect_writer()
            with self._writer.transaction(), self._writer.cursor() as cursor:
                rows = change.rows
                last = cursor.execute("select max(id) from entry").fetchone()
                due = 0 if last is None or last[0] is None else last[0] + 1
                if rows and rows[0].id != due:
                    raise LedgerError(
                        f"{self.place}: another program changed the ledger under its writer: entry "
                        f"{rows[0].id} was due, the next is {due}; nothing was recorded. Run duress "
                        "ledger verify"
                    )
                if rows:
                    cursor.execute(_INSERT, tuple(list(column) for column in zip(*rows, strict=True)))
                if change.subtrees:
                    cursor.execute(_SUBTREES, tuple(list(c) for c in zip(*change.subtrees, strict=True)))
                if change.erased is not None:
                    cursor.execute(
                        "update entry set salt = null, body = null where id = %s", (change.erased,)
                    )
        except self._failed as error:
            if self._writer is None or self._writer.broken:
                # The lock went with the connection: the next attempt has to take it anew.
                self._drop_writer()
            raise LedgerError(
                f"{self.place}: not written: {_text(error)}; nothing is acknowledged"
            ) from error
        if change.erased is not None:
            self._forget()

    def close(self) -> None:
        """Let go of everything, the writer's lock too."""
        self._closed = True
        self._drop_writer()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _connect_writer(self) -> Connection[Any]:
        base = self._connect()
        try:
            for setting, query in _SETTINGS.items():
                if (found := _one(base, query)) != "on":
                    raise LedgerError(
                        f"{self.place}: the server runs with {setting} = {found}: it loses "
                        "entries that it acknowledged; set it to on"
                    )
            base.execute("set synchronous_commit = on")
            if not _one(base, _LOCK):
                raise BusyError(f"{self.place}: another process is its writer; stop it, or have it write")
        except self._failed as error:
            base.close()
            raise LedgerError(f"{self.place}: cannot be opened: {_text(error)}") from error
        except BaseException:
            base.close()
            raise
        return base

    def _connect(self) -> Connection[Any]:
        import psycopg

        try:
            # A server that has gone silent must not hold up those who wait for longer than this.
            return psycopg.connect(
                self._url, autocommit=True, connect_timeout=10, options="-c statement_timeout=30000"
            )
        except psycopg.Error as error:
            raise LedgerError(f"{self.place}: cannot be opened: {_text(error)}") from error

    def _create(self, base: Connection[Any], origin: str) -> None:
        try:
            with base.transaction():
                base.execute(_SCHEMA)
                for item in (("format", FORMAT), ("origin", origin)):
                    base.execute("insert into ledger values (%s, %s) on conflict do nothing", item)
        except self._failed as error:
            raise LedgerError(f"{self.place}: the tables cannot be made: {_text(error)}") from error

    def _identity(self) -> str:
        if self._fetch("select to_regclass('ledger') is null or to_regclass('entry') is null", ())[0][0]:
            raise UsageError(f"{self.place}: no ledger there")
        held: dict[str, str] = dict(self._fetch("select key, value from ledger", ()))
        if held.get("format") != FORMAT:
            raise UsageError(f"{self.place}: format {held.get('format')}; this version reads format {FORMAT}")
        return held["origin"]

    def _forget(self) -> None:
        """Have what was written over taken out of the table; the server's log keeps it for a while."""
        with suppress(self._failed):
            if self._writer is not None:
                self._writer.execute("vacuum entry")

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _fetch(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        with self._reading:
            for attempt in (1, 2):
                try:
                    if self._reader is None:
                        self._reader = self._connect()
                    with self._reader.cursor(binary=True) as cursor:
                        return cursor.execute(query, values).fetchall()  # pyright: ignore[reportArgumentType]
                except self._failed as error:
                    lost = self._reader is not None and self._reader.broken
                    if lost:
                        self._reader = None
                    if not lost or attempt == 2:
                        raise LedgerError(f"{self.place}: cannot be read: {_text(error)}") from error
        raise AssertionError


def _one(base: Connection[Any], query: LiteralString) -> Any:
    row = base.execute(query).fetchone()
    return row[0] if row else None


def _text(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _public(url: str) -> str:
    """Return a URL without its password, for messages."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@", 1)))
