"""Where a verifier reads entries from: a SQLite file, a PostgreSQL database, or an export in JSON lines."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from duress.ledger.verifier.errors import VerifierError

FORMAT = "1"
_PAGE = 1000
_TABLES = "ledger, entry and subtree"


class Row(NamedTuple):
    """One entry as it is stored; nothing about it is believed, not even the types."""

    id: Any
    leaf: Any
    salt: Any
    body: Any


class Source(Protocol):
    """Entries of one ledger."""

    place: str
    """Where it is, for people."""
    address: str
    """What opens it again; it may hold a password."""
    origin: str
    splits: bool
    """Whether several processes may read parts of it."""

    def size(self) -> int:
        """Return how many entries there seem to be."""
        ...

    def pages(self, start: int, stop: int) -> Iterator[Sequence[tuple[Any, Any, Any, Any]]]:
        """Yield the rows start <= id < stop, in order, as lists of (id, leaf, salt, body)."""
        ...

    def stored(self, level: int, start: int, stop: int) -> dict[int, bytes] | None:
        """Return the stored roots of full subtrees of a level, by number; None if it stores none."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_source(place: str) -> Source:
    """Open what a path or URL names.

    Raises:
        VerifierError: it is no ledger and no export of one.
    """
    if place.startswith(("postgresql://", "postgres://")):
        from duress.ledger.verifier.postgres import PostgresSource

        return PostgresSource(place)
    path = Path(place)
    if path.is_dir():
        path /= "ledger.db"
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise VerifierError(f"{path}: no ledger there: {error.strerror}") from error
    return SqliteSource(path) if start.startswith(b"SQLite format 3\0") else LinesSource(path)


class SqliteSource:
    """A ledger in a SQLite file; it may be written to meanwhile."""

    splits = True

    def __init__(self, path: Path) -> None:
        self.place = self.address = str(path)
        self._base = self._open(path)
        try:
            held = dict(self._base.execute("select key, value from ledger"))
            # Where there should be bytes, somebody may have put text that is not even UTF-8.
            self._base.text_factory = bytes
            self._base.execute("select id, leaf, salt, body from entry limit 0")
            self._base.execute("select level, number, hash from subtree limit 0")
        except sqlite3.Error as error:
            raise VerifierError(f"{path}: not a ledger: expected the tables {_TABLES} ({error})") from error
        self.origin = identity(self.place, held)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        name = f"{path.absolute().as_uri()}?mode=ro"
        base = sqlite3.connect(name, uri=True, isolation_level=None)
        try:
            base.execute("select 1 from sqlite_master").fetchall()
        except sqlite3.OperationalError as error:
            base.close()
            log = path.with_name(f"{path.name}-wal")
            if log.exists() and log.stat().st_size:
                raise VerifierError(
                    f"{path}: its log {log.name} cannot be read without writing beside it; copy both files "
                    f"to a folder that can be written to ({error})"
                ) from error
            base = sqlite3.connect(f"{name}&immutable=1", uri=True, isolation_level=None)
        return base

    def size(self) -> int:
        """Return how many entries there seem to be."""
        last = self._rows("select max(id) from entry", ())[0][0]
        return 0 if last is None else int(last) + 1

    def pages(self, start: int, stop: int) -> Iterator[Sequence[tuple[Any, Any, Any, Any]]]:
        """Yield the rows start <= id < stop, in order."""
        query = "select id, leaf, salt, body from entry where id >= ? and id < ? order by id limit ?"
        while page := self._rows(query, (start, stop, _PAGE)):
            yield page
            start = page[-1][0] + 1

    def stored(self, level: int, start: int, stop: int) -> dict[int, bytes] | None:
        """Return the stored roots of full subtrees of a level, by number."""
        query = "select number, hash from subtree where level = ? and number >= ? and number < ?"
        return dict(self._rows(query, (level, start, stop)))

    def close(self) -> None:
        """Let go of it."""
        self._base.close()

    def _rows(self, query: str, values: tuple[int, ...]) -> list[Any]:
        try:
            return self._base.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise VerifierError(f"{self.place}: the database cannot be read: {error}") from error


class LinesSource:
    """An export in JSON lines: a heading, then an entry a line, its bytes as they were hashed."""

    splits = False

    def __init__(self, path: Path) -> None:
        self.place = self.address = str(path)
        try:
            with path.open("rb") as file:
                heading = json.loads(file.readline())
            self.origin = identity(self.place, {**heading, "format": str(heading["duress_ledger"])})
            self._size = int(heading["size"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise VerifierError(f"{path}: neither a SQLite ledger nor an export in JSON lines") from error

    def size(self) -> int:
        """Return how many entries the heading promises, or how many lines there are if more."""
        with Path(self.place).open("rb") as file:
            return max(self._size, sum(1 for _ in file) - 1)

    def pages(self, start: int, stop: int) -> Iterator[Sequence[tuple[Any, Any, Any, Any]]]:
        """Yield the rows start <= id < stop, in order."""
        page: list[tuple[Any, Any, Any, Any]] = []
        with Path(self.place).open("rb") as file:
            file.readline()
            for id, line in enumerate(file):
                if start <= id < stop:
                    page.append(take_apart(id, line))
                if len(page) == _PAGE:
                    yield page
                    page = []
        if page:
            yield page

    def stored(self, level: int, start: int, stop: int) -> dict[int, bytes] | None:
        """Return None: an export holds entries only."""
        return None

    def close(self) -> None:
        """Nothing is held."""


def take_apart(id: int, line: bytes) -> tuple[Any, Any, Any, Any]:
    """Take a line apart without parsing it: what was hashed are its bytes.

    The separators cannot come up inside a JSON string, which has a backslash before each quotation mark, and
    a leaf has no such keys.
    """
    head, found, rest = line.partition(b',"salt":')
    salt, also, body = rest.partition(b',"body":')
    if not (head.startswith(b'{"leaf":') and found and also and body.endswith(b"}\n")):
        return id, None, None, None
    leaf, body = head[8:], body[:-2]
    if salt == b"null":
        return id, leaf, None, None if body == b"null" else body
    try:
        return id, leaf, bytes.fromhex(salt[1:-1].decode()) if salt[:1] == salt[-1:] == b'"' else salt, body
    except ValueError:
        return id, leaf, salt, body


def identity(place: str, held: dict[Any, Any]) -> str:
    """Return the name of a ledger whose format is known here.

    Raises:
        VerifierError: it is another format, or has no name.
    """
    if held.get("format") != FORMAT or not isinstance(held.get("origin"), str):
        raise VerifierError(
            f"{place}: expected a ledger of format {FORMAT} with an origin, found format {held.get('format')}"
        )
    return held["origin"]
