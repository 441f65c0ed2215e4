"""Shares in samples whose members were drawn with different chances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Share:
    """A weighted share with its limits and the number of equal observations that know as much."""

    value: float
    low: float
    high: float
    n: float
    """Effective size; the number of observations where all weights are equal and no two go together."""


def share(
    hits: Sequence[bool],
    weights: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Share | None:
    """Return the weighted share of hits with Wilson limits at its effective size; None without observations.

    `clusters` says which observations go together (texts of one trial): they are taken to know no more than
    one. The size is Kish's (1965), the square of the sum of the clusters' weights over the sum of their
    squares; the Wilson interval at an effective size is one of those that Franco, Little, Louis and Slud
    (2019) compare for complex samples.
    """
    total = sum(weights)
    if not total:
        return None
    value = sum(weight for hit, weight in zip(hits, weights, strict=True) if hit) / total
    n = effective(weights, clusters)
    low, high = score_limits(value, n, confidence)
    return Share(value, low, high, n)


def effective(weights: Sequence[float], clusters: Sequence[Hashable] | None = None) -> float:
    """Return Kish's effective size of a weighted sample."""
    sums: dict[Hashable, float] = defaultdict(float)
    for place, weight in zip(range(len(weights)) if clusters is None else clusters, weights, strict=True):
        sums[place] += weight
    squares = _squares(sums.values())
    return sum(sums.values()) ** 2 / squares if squares else 0.0


def score_limits(value: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson limits of a share known from `n` observations; `n` need not be whole."""
    if not n > 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = value * n + z * z / 2
    half = z * sqrt(value * (1 - value) * n + z * z / 4)
    low = 0.0 if value == 0 else (middle - half) / (n + z * z)
    high = 1.0 if value == 1 else (middle + half) / (n + z * z)
    return max(0.0, low), min(1.0, high)


def _squares(values: Iterable[float]) -> float:
    return sum(value * value for value in values)
