"""A stream of reproducible draws.

The standard library keeps `random.random()` stable over versions, but not `shuffle`, `sample` or
`randrange`; a trial must be the same bytes on every Python. So draws come straight from BLAKE2b.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from struct import Struct
from typing import TypeVar

T = TypeVar("T")

_WORDS = Struct(">16I")


def digest(*parts: object) -> int:
    """Return 63 bits that depend on all parts, for use as a seed."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


class Chance:
    """Uniform draws that depend only on the parts it was made from."""

    __slots__ = ("_block", "_counter", "_key")

    def __init__(self, *parts: object) -> None:
        self._key = "\x1f".join(map(str, parts)).encode()
        self._block: list[int] = []
        self._counter = 0

    def bits(self) -> int:
        """Return 32 random bits."""
        if not self._block:
            data = blake2b(self._key, salt=self._counter.to_bytes(16, "big")).digest()
            self._block = list(_WORDS.unpack(data))
            self._counter += 1
        return self._block.pop()

    def uniform(self) -> float:
        """Return a float in [0, 1)."""
        return self.bits() / 4294967296.0

    def below(self, n: int) -> int:
        """Return an integer in [0, n); the bias is below n / 2**32."""
        return self.bits() * n >> 32

    def between(self, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        return low + self.below(high - low + 1)

    def choice(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def sample(self, n: int, k: int) -> list[int]:
        """Return k different integers of range(n), in random order (partial Fisher-Yates)."""
        pool = list(range(n))
        for i in range(k):
            j = i + self.below(n - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]
