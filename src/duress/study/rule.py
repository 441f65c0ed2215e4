"""What a look at a comparison comes to: whether it is decided, and its interval.

Trials that do not tell harm from no harm (missing, invalid, unjudged, cut off) count as no harm in the
estimate, as in every denominator. No claim may rest on that: a claim is made only if it holds whichever way
those trials would have ended, and the interval covers both extremes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from duress.stats import Estimate, wilson
from duress.stats.matched import wald
from duress.stats.sequence import (
    paired_difference_p,
    paired_difference_sequence,
    rate_p,
    rate_sequence,
)
from duress.stats.tail import lower_tail, upper_tail
from duress.study.contrasts import Compared
from duress.study.design import Design
from duress.study.intent import FIXED, SEQUENCE, Stopping

if TYPE_CHECKING:
    from duress.stats.threshold import Threshold

Decision = Literal["efficacy", "futility", "equivalence", "precision", "budget", "undecided"]

FUTILE = 0.10
"""Conditional power below which going on is futile."""
EARLIEST = 10
"""Pairs before which nothing is called futile: conditional power rests on a variance."""
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Counts:
    """What the finished trials of a comparison show: for a rate, trials; for an effect, pairs of trials.

    `here` counts harm in a trial, or in only that one of a pair which is in question; `there` the reverse.
    """

    n: int
    here: int
    there: int
    least: tuple[int, int]
    """(here, there) if every untold trial had ended so as to make the value as small as can be."""
    most: tuple[int, int]
    """The same for as large as can be."""


@dataclass
class Memory:
    """Running minima of anytime-valid p values over the looks so far: they are valid, too."""

    above: float = 1.0
    below: float = 1.0
    not_low: float = 1.0
    not_high: float = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """What one look at one comparison finds."""

    decision: Decision | None
    """None: not decided."""
    p: float | None
    """Two-sided for an effect; for a rate that of the better supported side. None without a null value."""
    level: float | None
    """What `p` is held against at this look."""
    above: bool | None = None
    """Which way an efficacy claim goes."""


class Rule:
    """Decides the comparisons of one family, each at alpha over their number (Bonferroni).

    With alpha shared in equal parts a comparison's decision does not hang on what was decided about the
    others or when, and its interval has the same alpha as its decision.
    """

    def __init__(self, design: Design, family: int, most: int) -> None:
        """`family` is the number of comparisons, `most` the trials that a cell can get at most."""
        self._stopping = design.stopping or Stopping.model_validate({})
        self._most = most
        # Precision is no claim: cells without a contrast need no share of alpha.
        claims = family if design.primary or design.secondary else 1
        self.alpha = design.alpha / max(1, claims)
        self._rate = _Rate(self._stopping, self.alpha, most)
        self._effect = _Effect(self._stopping, self.alpha, most)

    def look(self, one: Compared, counts: Counts, number: int, last: bool, memory: Memory) -> Found:
        """Return what look `number` (from 0) at a comparison finds; at the `last` every claim is made."""
        kind = self._effect if one.there else self._rate
        found = kind.look(one, counts, number, last, memory)
        if found.decision is None and self._precise(one, counts, number):
            return Found("precision", found.p, found.level)
        return found

    def interval(self, one: Compared, counts: Counts, number: int) -> tuple[Estimate, float]:
        """Return the estimate of a comparison after look `number`, as proportions, and its confidence."""
        kind = self._effect if one.there else self._rate
        return kind.interval(counts, number), kind.confidence(number)

    def _precise(self, one: Compared, counts: Counts, number: int) -> bool:
        wanted = self._stopping.precision
        if wanted is None or "precision" not in self._stopping.stop_for:
            return False
        # An interval that holds at every look is wider than this one; working it out costs much more.
        spread = counts.here + counts.there - (counts.here - counts.there) ** 2 / counts.n
        if _NORMAL.inv_cdf(1 - self.alpha / 2) * sqrt(max(0.0, spread)) / counts.n > wanted:
            return False
        estimate, _ = self.interval(one, counts, number)
        return (estimate.high - estimate.low) / 2 <= wanted


class _Kind:
    """What rates and effects have in common: the bound of a look."""

    sides: Literal[1, 2]

    def __init__(self, stopping: Stopping, alpha: float, most: int) -> None:
        self.stopping = stopping
        self.alpha = alpha
        self.most = most

    def bound(self, number: int) -> float | None:
        """Return the z value of a look; None with a confidence sequence, which needs none."""
        stopping = self.stopping
        if stopping.method == SEQUENCE:
            return None
        if stopping.method == FIXED:
            return _NORMAL.inv_cdf(1 - self.alpha / self.sides)
        bounds = _boundaries(stopping.looks, self.alpha, stopping.method, self.sides)
        return bounds[min(number, stopping.looks - 1)]

    def wanted(self, reason: str) -> bool:
        """Return whether the study stops for this."""
        return reason in self.stopping.stop_for


class _Rate(_Kind):
    """Is a rate above or below a threshold: one-sided at alpha each way, of which one at most is wrong."""

    sides = 1

    def look(self, one: Compared, counts: Counts, number: int, last: bool, memory: Memory) -> Found:
        if one.contrast is None or one.contrast.threshold is None:
            return Found(None, None, None)
        threshold, smallest = one.contrast.threshold, one.contrast.smallest_effect
        least, most, n = counts.least[0], counts.most[0], counts.n
        bound = self.bound(number)
        if bound is None:
            memory.above = min(memory.above, rate_p(least, n, threshold).above)
            memory.below = min(memory.below, rate_p(most, n, threshold).below)
            p, level = min(memory.above, memory.below), self.alpha
            side = self._capped(threshold, least, most, n)
        else:
            above, below = upper_tail(least, n, threshold), lower_tail(most, n, threshold)
            p, level = min(above, below), 1 - _NORMAL.cdf(bound)
            side = None if p > level else "above" if above <= below else "below"
        if side is not None and (last or self.wanted("efficacy")):
            return Found("efficacy", p, level, side == "above")
        if smallest is not None and (last or self.wanted("equivalence")):
            estimate = self.interval(counts, number)
            if threshold - smallest < estimate.low and estimate.high < threshold + smallest:
                return Found("equivalence", p, level)
        if self.wanted("futility") and not self._reachable(threshold, least, most, n):
            return Found("futility", p, level)
        return Found(None, p, level)

    def interval(self, counts: Counts, number: int) -> Estimate:
        bound = self.bound(number)
        ends = [
            rate_sequence(count, counts.n, self.alpha)
            if bound is None
            else wilson(count, counts.n, 2 * _NORMAL.cdf(bound) - 1)
            for count in {counts.least[0], counts.most[0]}
        ]
        return _around(counts.here / counts.n, ends)

    def confidence(self, number: int) -> float:
        bound = self.bound(number)
        return 1 - self.alpha if bound is None else 2 * _NORMAL.cdf(bound) - 1

    def _capped(self, threshold: float, least: int, most: int, n: int) -> str | None:
        design = _threshold(threshold, self.alpha, self.most)
        if design.decide(least, n) == "above":
            return "above"
        return "below" if design.decide(most, n) == "below" else None

    def _reachable(self, threshold: float, least: int, most: int, n: int) -> bool:
        """Return whether any further trials could still decide: all of them harmful, or none."""
        left = self.most - n
        bound = self.bound(self.stopping.looks - 1)
        if bound is None:
            design = _threshold(threshold, self.alpha, self.most)
            return any(
                design.decide(least + more, n + more) == "above" or design.decide(most, n + more) == "below"
                for more in range(1, left + 1)
            )
        level = 1 - _NORMAL.cdf(bound)
        ends = upper_tail(least + left, self.most, threshold), lower_tail(most, self.most, threshold)
        return left > 0 and min(ends) <= level


class _Effect(_Kind):
    """How much more often harm happens on one side of a pair than on the other."""

    sides = 2

    def look(self, one: Compared, counts: Counts, number: int, last: bool, memory: Memory) -> Found:
        n, least, most = counts.n, counts.least, counts.most
        smallest = one.contrast.smallest_effect if one.contrast else None
        bound = self.bound(number)
        if bound is None:
            memory.above = min(memory.above, paired_difference_p(*least, n).above)
            memory.below = min(memory.below, paired_difference_p(*most, n).below)
            level = self.alpha
        else:
            # Exact McNemar tests, held against the bound's nominal level.
            memory.above = upper_tail(least[0], sum(least), 0.5)
            memory.below = upper_tail(most[1], sum(most), 0.5)
            level = 2 * (1 - _NORMAL.cdf(bound))
        p = min(1.0, 2 * min(memory.above, memory.below))
        if p <= level and (last or self.wanted("efficacy")):
            return Found("efficacy", p, level, memory.above <= memory.below)
        if smallest is not None:
            if (last or self.wanted("equivalence")) and self._alike(counts, smallest, number, memory):
                return Found("equivalence", p, level)
            if self.wanted("futility") and self._futile(counts, smallest, self.most * len(one.here)):
                return Found("futility", p, level)
        return Found(None, p, level)

    def interval(self, counts: Counts, number: int) -> Estimate:
        n, bound = counts.n, self.bound(number)
        ends = [
            paired_difference_sequence(*end, n, self.alpha) if bound is None else wald(*end, n, bound)
            for end in {counts.least, counts.most}
        ]
        return _around((counts.here - counts.there) / n, ends)

    def confidence(self, number: int) -> float:
        bound = self.bound(number)
        return 1 - self.alpha if bound is None else 2 * _NORMAL.cdf(bound) - 1

    def _alike(self, counts: Counts, smallest: float, number: int, memory: Memory) -> bool:
        """Return whether differences of `smallest` and more are ruled out both ways."""
        if self.bound(number) is not None:
            estimate = self.interval(counts, number)
            return -smallest < estimate.low and estimate.high < smallest
        above = paired_difference_p(*counts.least, counts.n, -smallest).above
        below = paired_difference_p(*counts.most, counts.n, smallest).below
        memory.not_low, memory.not_high = min(memory.not_low, above), min(memory.not_high, below)
        # As the interval's sides have it: what is called alike has an interval within the margin.
        return max(memory.not_low, memory.not_high) <= self.alpha / 2

    def _futile(self, counts: Counts, smallest: float, most: int) -> bool:
        """Return whether a claim is out of reach even if the smallest effect of interest is true.

        The chance of a claim at the maximum, given what was seen and that all further pairs differ by
        `smallest` in the direction seen (stochastic curtailment: Lan, Simon and Halperin 1982). To stop for
        it never makes a false claim likelier.
        """
        n = counts.n
        if n < EARLIEST or n >= most:
            return False
        here, there = counts.here + 0.5, counts.there + 0.5
        value = abs(here - there) / n
        # Half a pair each way keeps the variance above zero where no pair has differed yet.
        variance = (here + there) / (n + 1) - ((here - there) / (n + 1)) ** 2
        mean = (n * value + (most - n) * smallest) / most
        bound = self.bound(self.stopping.looks - 1) or _reach(most, self.alpha)
        missing = bound * sqrt(variance / most) - mean
        power = 1 - _NORMAL.cdf(missing / (sqrt(variance * (most - n)) / most))
        return power < FUTILE


@lru_cache(maxsize=64)
def _reach(n: int, alpha: float) -> float:
    """Return how many standard errors a confidence sequence reaches after `n` pairs, half of them unlike."""
    quarter = max(1, n // 4)
    estimate = paired_difference_sequence(quarter, quarter, n, alpha)
    return estimate.high / sqrt(2 * quarter / n / n)


@lru_cache(maxsize=64)
def _boundaries(
    looks: int, alpha: float, spending: Literal["obrien-fleming", "pocock"], sides: Literal[1, 2]
) -> tuple[float, ...]:
    from duress.stats.spending import boundaries

    return boundaries(looks, alpha, spending, sides)


@lru_cache(maxsize=64)
def _threshold(threshold: float, alpha: float, most: int) -> Threshold:
    from duress.stats.threshold import Threshold

    return Threshold(threshold, alpha, most)


def _around(value: float, ends: list[Estimate]) -> Estimate:
    return Estimate(value, min(end.low for end in ends), max(end.high for end in ends))
