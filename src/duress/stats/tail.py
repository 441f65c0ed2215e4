"""Tail probabilities of a binomial count, exact."""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, lgamma, log, log1p


@lru_cache(maxsize=65536)
def upper_tail(count: int, n: int, rate: float) -> float:
    """Return the chance of `count` or more events in `n` independent trials of chance `rate`.

    It is the p value of the exact one-sided test of "the rate is at most `rate`" (Clopper and Pearson 1934
    invert it). With `rate=0.5` and `n` the discordant pairs it is the exact one-sided McNemar test.

    Raises:
        ValueError: `count` is not within 0..n, or `rate` is not in (0, 1).
    """
    if n < 0 or not 0 <= count <= n:
        raise ValueError(f"expected 0 <= count <= n, found count={count}, n={n}")
    if not 0 < rate < 1:
        raise ValueError(f"expected a rate between 0 and 1, found {rate}")
    if count == 0:
        return 1.0
    # The shorter tail is summed, from its largest term on.
    if count <= n * rate:
        return 1.0 - _sum(range(count - 1, -1, -1), n, rate)
    return _sum(range(count, n + 1), n, rate)


def lower_tail(count: int, n: int, rate: float) -> float:
    """Return the chance of `count` or fewer events in `n` independent trials of chance `rate`.

    Raises:
        ValueError: as `upper_tail`.
    """
    return upper_tail(n - count, n, 1 - rate)


def _sum(counts: range, n: int, rate: float) -> float:
    total, last = 0.0, -inf
    for count in counts:
        term = (
            lgamma(n + 1)
            - lgamma(count + 1)
            - lgamma(n - count + 1)
            + count * log(rate)
            + (n - count) * log1p(-rate)
        )
        total += exp(term)
        if term < last - 40:
            break
        last = max(last, term)
    return min(1.0, total)
