"""The Merkle tree of RFC 6962, section 2.1: growing it, and proofs from what is stored of it.

Of the tree only the root of each full 256-leaf subtree is stored, then of each 256 of those, and so on. Every
other node is at most 255 hashes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import NamedTuple

TILE = 8
"""Levels of the tree between two stored ones."""
EMPTY = sha256(b"").digest()
"""The hash of a tree without leaves."""


class Subtree(NamedTuple):
    """The root of a full subtree that is stored."""

    level: int
    """It has 2**level leaves; a multiple of `TILE`."""
    number: int
    """Counted from the left."""
    hash: bytes


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\0" + leaf).digest()


def join(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its full subtrees, largest first."""

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        self.size = size
        self._roots = list(roots)

    def copy(self) -> Frontier:
        """Return an equal one that grows apart."""
        return Frontier(self.size, self._roots)

    def push(self, hash: bytes) -> list[Subtree]:
        """Add a leaf hash; return the subtrees that it filled and that are to be stored."""
        filled: list[Subtree] = []
        rest, level = self.size, 0
        while rest & 1:
            hash = join(self._roots.pop(), hash)
            rest >>= 1
            level += 1
            if level % TILE == 0:
                filled.append(Subtree(level, self.size >> level, hash))
        self._roots.append(hash)
        self.size += 1
        return filled

    def root(self) -> bytes:
        """Return the hash of the whole tree."""
        if not self._roots:
            return EMPTY
        found = self._roots[-1]
        for left in self._roots[-2::-1]:
            found = join(left, found)
        return found


Fetch = Callable[[int, int, int], list[bytes]]
"""`fetch(level, start, stop)`: stored hashes of a level, a multiple of `TILE`; level 0 is the leaves."""


class Tree:
    """A stored tree, for hashes at any size and for proofs. Each takes O(log n) reads."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def frontier(self, size: int) -> Frontier:
        """Return the right edge of the tree of the first `size` leaves."""
        roots: list[bytes] = []
        start = 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                roots.append(self._full(level, start >> level))
                start += 1 << level
        return Frontier(size, roots)

    def root(self, size: int) -> bytes:
        """Return the hash of the tree of the first `size` leaves."""
        return self.frontier(size).root()

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of a leaf in the tree of the first `size` leaves, its sibling first."""
        return self._path(index, 0, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of size `first` begins that of size `second`."""
        return self._subproof(first, 0, second, True)

    def _path(self, index: int, start: int, stop: int) -> list[bytes]:
        if stop - start == 1:
            return []
        middle = start + _split(stop - start)
        if index < middle:
            return [*self._path(index, start, middle), self._hash(middle, stop)]
        return [*self._path(index, middle, stop), self._hash(start, middle)]

    def _subproof(self, first: int, start: int, stop: int, known: bool) -> list[bytes]:
        if first == stop:
            return [] if known else [self._hash(start, stop)]
        middle = start + _split(stop - start)
        if first <= middle:
            return [*self._subproof(first, start, middle, known), self._hash(middle, stop)]
        return [*self._subproof(first, middle, stop, False), self._hash(start, middle)]

    def _hash(self, start: int, stop: int) -> bytes:
        count = stop - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self._full(level, start >> level)
        middle = start + _split(count)
        return join(self._hash(start, middle), self._hash(middle, stop))

    def _full(self, level: int, number: int) -> bytes:
        """Return the root of a full subtree: stored, or folded from the stored level below it."""
        above = level % TILE
        row = self._fetch(level - above, number << above, (number + 1) << above)
        while len(row) > 1:
            row = [join(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
        return row[0]


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1
