"""Where the rows of a ledger are kept: what each kind of database has to offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from duress.ledger.leaf import Row
from duress.ledger.tree import Subtree

FORMAT = "1"
"""Version of what is stored; docs/ledger.md describes it."""


class Change(NamedTuple):
    """What one commit does."""

    rows: Sequence[Row]
    subtrees: Sequence[Subtree] = ()
    erased: int | None = None
    """Index of the entry whose body and salt go."""


class Store(Protocol):
    """The rows of one ledger. Reading may happen in any thread; one thread at a time writes."""

    place: str
    origin: str
    """Name of the ledger in its checkpoints."""

    def size(self) -> int:
        """Return how many entries are there."""
        ...

    def rows(self, start: int, stop: int) -> Iterator[Row]:
        """Yield the rows start <= index < stop that are there, in order, with little memory."""
        ...

    def hashes(self, level: int, start: int, stop: int) -> list[bytes]:
        """Return stored hashes of the tree, see `tree.Fetch`.

        Raises:
            LedgerError: some are missing.
        """
        ...

    def write(self, change: Change) -> None:
        """Carry out a change as one transaction that is durable when this returns.

        Raises:
            LedgerError: nothing of it is acknowledged.
        """
        ...

    def close(self) -> None:
        """Let go of everything, the writer's lock too."""
        ...
