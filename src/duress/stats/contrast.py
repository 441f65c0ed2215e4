"""Differences and averages of independent proportions, with limits."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from duress.stats.proportion import Estimate, wilson

METHOD = "mover-wilson"


def contrast(terms: Sequence[tuple[float, int, int]], confidence: float = 0.95) -> Estimate:
    """Return the sum of `weight * count / n` over terms (weight, count, n), with its limits.

    The limits recover each proportion's variance from its own Wilson limits, on the side where the
    contrast is heading (MOVER; Zou, Huang and Zhang 2009, equation 5, after Zou and Donner 2008).
    For the weights 1 and -1 this is Newcombe's hybrid score interval (Newcombe 1998b, method 10).
    Counts of zero or n need no correction, and the n may differ.

    The proportions are taken as independent. Cells that share their nuisance draws are positively
    correlated: their difference is then known better than the interval says.

    Raises:
        ValueError: no terms, or counts that `wilson` does not accept.
    """
    if not terms:
        raise ValueError("expected at least one term")
    value = below = above = 0.0
    for weight, count, n in terms:
        part = wilson(count, n, confidence)
        value += weight * part.value
        toward, away = (part.low, part.high) if weight >= 0 else (part.high, part.low)
        below += (weight * (part.value - toward)) ** 2
        above += (weight * (away - part.value)) ** 2
    return Estimate(value, value - sqrt(below), value + sqrt(above))


def difference(
    count: int, n: int, reference_count: int, reference_n: int, confidence: float = 0.95
) -> Estimate:
    """Return `count / n - reference_count / reference_n` with Newcombe's hybrid score interval."""
    return contrast([(1.0, count, n), (-1.0, reference_count, reference_n)], confidence)


def average(cells: Sequence[tuple[int, int]], confidence: float = 0.95) -> Estimate:
    """Return the mean of the proportions of cells (count, n), each cell with the same weight.

    For one cell this is the Wilson interval.
    """
    return contrast([(1 / len(cells), count, n) for count, n in cells], confidence)


def average_difference(pairs: Sequence[tuple[int, int, int, int]], confidence: float = 0.95) -> Estimate:
    """Return the mean difference over pairs of cells (count, n, reference count, reference n).

    Each pair holds everything but one factor fixed and has the same weight, so the result is the
    factor's effect averaged over the other factors' cells. For one pair it is `difference`.
    """
    weight = 1 / len(pairs)
    terms: list[tuple[float, int, int]] = []
    for count, n, reference_count, reference_n in pairs:
        terms += [(weight, count, n), (-weight, reference_count, reference_n)]
    return contrast(terms, confidence)
