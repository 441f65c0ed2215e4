"""Thresholds for scores, set from the scores of runs that were fine."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, isfinite, nextafter

from msgspec import Struct


class ThresholdError(ValueError):
    """A threshold that these scores cannot give."""


class Threshold(Struct, frozen=True):
    """A score from which on something counts as suspicious."""

    value: float
    """Suspicious is what scores this much or more."""
    rate: float
    """The share of fine runs that may be flagged, as asked for."""
    guaranteed: float
    """The chance, at most, that one more fine run of the same kind is flagged."""
    flagged: int
    """How many of the fine scores reach it."""
    sample: int

    def flags(self, score: float) -> bool:
        """Tell whether a score is suspicious."""
        return score >= self.value


def threshold(fine: Iterable[float], *, rate: float, top: float = 1.0) -> Threshold:
    """Return the lowest threshold that flags at most a share `rate` of fine runs, however they are scored.

    With n fine scores and k = floor(rate (n + 1)), it lies just above the k-th largest of them. The score of
    one more run, exchangeable with those, reaches it with a probability of at most k / (n + 1), at any n: its
    rank among all n + 1 is uniform, and ties only help (conformal prediction: Vovk, Gammerman and Shafer,
    "Algorithmic Learning in a Random World", 2005; split form: Lei et al., "Distribution-Free Predictive
    Inference for Regression", 2018). The probability is over the sample and the next run together, and holds
    for runs like these only: new tasks or a new model need new scores.

    `top` is the highest score that there is.

    Raises:
        ThresholdError: too few scores for the rate (1 / rate - 1 are needed), so many at the top that nothing
            could be flagged, a rate outside (0, 1), or a score that is no finite number.
    """
    if not 0 < rate < 1:
        raise ThresholdError(f"rate={rate}: expected a share between 0 and 1, such as 0.01")
    scores = sorted(fine, reverse=True)
    if bad := [score for score in scores if not isfinite(score)]:
        raise ThresholdError(f"{bad[0]} among the scores: expected finite numbers")
    size = len(scores)
    # rounding must not cost a place: 0.01 * 100 is 1 place, 0.07 * 100 is 7
    place = floor(rate * (size + 1) + 1e-9)
    if place < 1:
        raise ThresholdError(
            f"{size} fine runs are too few for a rate of {rate:g}: the smallest that they can give is "
            f"{1 / (size + 1):.3g}; measure {_needed(rate)} or more, or ask for a higher rate"
        )
    value = nextafter(scores[place - 1], float("inf"))
    if value > top:
        lower = next((at for at, score in enumerate(scores, start=1) if score < top), None)
        ways = "no rate does" if lower is None else f"the lowest rate that does is {lower / (size + 1):.3g}"
        raise ThresholdError(
            f"{place} or more fine runs score {top:g}: rate={rate:g} could flag nothing; {ways}"
        )
    return Threshold(
        value=value,
        rate=rate,
        guaranteed=place / (size + 1),
        flagged=sum(score >= value for score in scores),
        sample=size,
    )


def _needed(rate: float) -> int:
    size = max(0, floor(1 / rate) - 2)
    while floor(rate * (size + 1) + 1e-9) < 1:
        size += 1
    return size
