"""Two proportions of the same trials: each pair shares its seed and its draws."""

from __future__ import annotations

from math import comb, sqrt

from duress.stats.proportion import Estimate, wilson

METHOD = "newcombe-paired"


def paired_difference(
    both: int, only_first: int, only_second: int, neither: int, confidence: float = 0.95
) -> Estimate:
    """Return the first rate minus the second over pairs, with its limits; on the scale of proportions.

    The counts are of pairs in which both members, the first alone, the second alone or neither had the
    event. The limits combine the Wilson limits of the two rates, taking their correlation into account,
    which is corrected for continuity (Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10).
    They lie in [-1, 1]; pairs without any event, or without any difference, still give an interval that
    is wider than zero.

    Raises:
        ValueError: a count is negative, or there is no pair.
    """
    counts = (both, only_first, only_second, neither)
    n = sum(counts)
    if min(counts) < 0 or n < 1:
        raise ValueError(f"expected counts of at least one pair, found {counts}")
    first = wilson(both + only_first, n, confidence)
    second = wilson(both + only_second, n, confidence)
    phi = _correlation(*counts)
    value = (only_first - only_second) / n
    below, above = first.value - first.low, second.high - second.value
    low = value - sqrt(max(0.0, below**2 - 2 * phi * below * above + above**2))
    above, below = first.high - first.value, second.value - second.low
    high = value + sqrt(max(0.0, above**2 - 2 * phi * above * below + below**2))
    return Estimate(value, max(-1.0, low), min(1.0, high))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if not margins:
        return 0.0
    n = both + only_first + only_second + neither
    excess = both * neither - only_first * only_second
    if excess > 0:
        excess = max(excess - n / 2, 0.0)
    return excess / sqrt(margins)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p value of "both rates are equal" from the pairs that differ.

    Under that hypothesis either member of a differing pair is as likely to have the event (McNemar 1947,
    Psychometrika 12:153-157): twice the smaller tail of a binomial with probability one half, at most 1.

    Raises:
        ValueError: a count is negative.
    """
    if only_first < 0 or only_second < 0:
        raise ValueError(f"expected counts of pairs, found {only_first} and {only_second}")
    n, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(comb(n, k) for k in range(fewer + 1)) / 2**n)
