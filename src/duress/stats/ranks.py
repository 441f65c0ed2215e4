"""Which of several is the safest: ranks with what is not known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duress.stats.multiplicity import holm


@dataclass(frozen=True, slots=True)
class Rank:
    """The ranks that one of several may have; 1 is the lowest rate. Both ends are possible."""

    low: int
    high: int


def intervals(below: Sequence[Sequence[float]], alpha: float = 0.05) -> tuple[Rank, ...]:
    """Return intervals that hold all true ranks at once with a confidence of `1 - alpha`.

    `below[i][j]` is the one-sided p value of "rate i is below rate j". All one-sided comparisons are
    adjusted together by Holm's method, so that no direction is wrong but with a chance of `alpha`; the
    rank of i is then at least 1 more than the number found below it, and at most the number of all less
    those found above it (Mogstad, Romano, Shaikh and Wilhelm 2024, with Holm's steps in place of the
    bootstrap; compare Al Mohamad, Goeman and van Zwet 2022). Ties may take any of their ranks.

    Raises:
        ValueError: `below` is not square.
    """
    size = len(below)
    if any(len(row) != size for row in below):
        raise ValueError(f"expected {size} p values in each of {size} rows")
    pairs = [(i, j) for i in range(size) for j in range(size) if i != j]
    adjusted = holm([below[i][j] for i, j in pairs])
    less = {pair for pair, p in zip(pairs, adjusted, strict=True) if p <= alpha}
    return tuple(
        Rank(
            1 + sum((j, i) in less for j in range(size)),
            size - sum((i, j) in less for j in range(size)),
        )
        for i in range(size)
    )
