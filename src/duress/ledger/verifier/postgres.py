"""A ledger in a PostgreSQL database, as a verifier reads it. The driver is `psycopg`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from duress.ledger.verifier.errors import VerifierError
from duress.ledger.verifier.source import identity

_PAGE = 1000


class PostgresSource:
    """A ledger in a PostgreSQL database; it may be written to meanwhile."""

    splits = True

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise VerifierError("psycopg is missing; pip install 'duress[postgres]'") from error
        self.address = url
        self._failed = psycopg.Error
        try:
            self._base = psycopg.connect(url, autocommit=True)
            self._base.execute("set default_transaction_read_only = on")
            held = dict(self._base.execute("select key, value from ledger").fetchall())
        except psycopg.Error as error:
            raise VerifierError(f"no ledger can be read there: {str(error).strip()}") from error
        info = self._base.info
        self.place = f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
        self.origin = identity(self.place, held)

    def size(self) -> int:
        """Return how many entries there seem to be."""
        last = self._rows("select max(id) from entry", ())[0][0]
        return 0 if last is None else int(last) + 1

    def pages(self, start: int, stop: int) -> Iterator[Sequence[tuple[Any, Any, Any, Any]]]:
        """Yield the rows start <= id < stop, in order."""
        query = "select id, leaf, salt, body from entry where id >= %s and id < %s order by id limit %s"
        while page := self._rows(query, (start, stop, _PAGE)):
            yield page
            start = page[-1][0] + 1

    def stored(self, level: int, start: int, stop: int) -> dict[int, bytes] | None:
        """Return the stored roots of full subtrees of a level, by number."""
        query = "select number, hash from subtree where level = %s and number >= %s and number < %s"
        return dict(self._rows(query, (level, start, stop)))

    def close(self) -> None:
        """Let go of it."""
        self._base.close()

    def _rows(self, query: str, values: tuple[int, ...]) -> list[Any]:
        try:
            with self._base.cursor(binary=True) as cursor:
                return cursor.execute(query, values).fetchall()  # pyright: ignore[reportArgumentType]
        except self._failed as error:
            raise VerifierError(f"the database cannot be read: {str(error).strip()}") from error
