"""The Merkle tree of RFC 6962 as a verifier sees it: roots from leaf hashes, and checks of proofs."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

STORED = 8
"""Every so many levels the ledger stores the roots of its full subtrees."""
_BLOCK = 1 << STORED


class Piece(NamedTuple):
    """The root of a full subtree."""

    level: int
    number: int
    """Counted from the left, among those of its level."""
    hash: bytes


class Stretch:
    """The subtrees that cover a stretch of leaves, whose hashes arrive in order; a few dozen are kept."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.stop = start
        self.pieces: list[Piece] = []
        self.filled: list[Piece] = []
        """What the ledger should have stored, so far; whoever has compared it takes it away."""

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Add leaf hashes."""
        done = 0
        while done < len(hashes):
            if self.stop % _BLOCK == 0 and len(hashes) - done >= _BLOCK:
                self.add(Piece(STORED, self.stop >> STORED, _fold(hashes[done : done + _BLOCK])))
                done += _BLOCK
            else:
                self.add(Piece(0, self.stop, hashes[done]))
                done += 1

    def add(self, piece: Piece) -> None:
        """Add the subtree that comes next."""
        self.stop = (piece.number + 1) << piece.level
        level, number, hash = piece
        if level == STORED:
            self.filled.append(piece)
        while number & 1 and self.pieces and self.pieces[-1].level == level:
            hash = _node(self.pieces.pop().hash, hash)
            level, number = level + 1, number >> 1
            if level % STORED == 0:
                self.filled.append(Piece(level, number, hash))
        self.pieces.append(Piece(level, number, hash))

    def root(self) -> bytes:
        """Return the tree's hash; the stretch must begin with the first leaf."""
        if not self.pieces:
            return sha256(b"").digest()
        found = self.pieces[-1].hash
        for piece in reversed(self.pieces[:-1]):
            found = _node(piece.hash, found)
        return found


def included(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether an audit path shows the leaf hash at `index` in the tree (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = _node(step, found)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            found = _node(found, step)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def consistent(first: int, second: int, old: bytes, new: bytes, path: Sequence[bytes]) -> bool:
    """Return whether a proof shows that the tree `old` begins the tree `new` (RFC 9162, section 2.1.4.2)."""
    if first == second:
        return old == new and not path
    if not 0 < first < second or not path:
        # Every tree begins with the empty one: there is nothing to prove.
        return first == 0 < second and old == sha256(b"").digest() and not path
    steps = [old, *path] if first & (first - 1) == 0 else list(path)
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    left = right = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            left, right = _node(step, left), _node(step, right)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            right = _node(right, step)
        here, last = here >> 1, last >> 1
    return last == 0 and left == old and right == new


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def _fold(row: Sequence[bytes]) -> bytes:
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\1" + left + right).digest() for left, right in pairs]
    return row[0]
