"""One proportion with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the limits of its interval, all on one scale (proportions, not per cent)."""

    value: float
    low: float
    high: float


def wilson(count: int, n: int, confidence: float = 0.95) -> Estimate:
    """Return `count / n` with the Wilson score interval.

    The limits are the proportions that a two-sided score test at `1 - confidence` does not reject
    (Wilson 1927; Newcombe 1998a, method 3). They lie in [0, 1], and for a count of zero the upper
    limit is above zero.

    Raises:
        ValueError: `n` is not positive, `count` is not within 0..n, or `confidence` not in (0, 1).
    """
    if n < 1 or not 0 <= count <= n:
        raise ValueError(f"expected 0 <= count <= n and n >= 1, found count={count}, n={n}")
    z = _z(confidence)
    p = count / n
    middle = count + z * z / 2
    half = z * sqrt(count * (n - count) / n + z * z / 4)
    # At the ends the formula gives exactly the end; rounding must not put it a hair off.
    low = 0.0 if count == 0 else (middle - half) / (n + z * z)
    high = 1.0 if count == n else (middle + half) / (n + z * z)
    return Estimate(p, low, high)


@cache
def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, found {confidence}")
    return NormalDist().inv_cdf((1 + confidence) / 2)
