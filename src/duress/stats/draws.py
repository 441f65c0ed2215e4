"""Shares and means of trials that share their draws: several conditions are played with the same one."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from duress.stats.proportion import Estimate
from duress.stats.weighted import score_limits

METHOD = "wilson, clustered by draw"


def share(draws: Sequence[tuple[int, int]], confidence: float = 0.95) -> Estimate:
    """Return the share of events, given (events, trials) of each draw, with Wilson limits.

    The size behind the limits is the number of trials over the design effect: the variance of the share with
    whole draws as units over that of as many single trials, at least 1 (Rao and Scott 1992). Where no trial
    or every trial has the event, nothing shows that draws matter, and the effect is 1.

    Raises:
        ValueError: there is no trial, or a draw has more events than trials.
    """
    count, n = sum(events for events, _ in draws), sum(trials for _, trials in draws)
    if n < 1 or any(not 0 <= events <= trials for events, trials in draws):
        raise ValueError(f"expected at least one trial and events among trials, found {count} of {n}")
    value = count / n
    low, high = score_limits(value, n / design_effect(draws), confidence)
    return Estimate(value, low, high)


def design_effect(draws: Sequence[tuple[int, int]]) -> float:
    """Return by how much shared draws widen the variance of a share, given (events, trials); at least 1."""
    used = [one for one in draws if one[1]]
    n = sum(trials for _, trials in used)
    value = sum(events for events, _ in used) / n
    if len(used) < 2 or value in (0.0, 1.0):
        return 1.0
    spread = sum((events - value * trials) ** 2 for events, trials in used) * len(used) / (len(used) - 1)
    return max(1.0, spread / (n * value * (1 - value)))


def mean(draws: Sequence[tuple[float, int]], confidence: float = 0.95) -> Estimate:
    """Return the mean per trial, given (sum, trials) of each draw, with limits by Student's t over draws.

    The variance is that of a ratio of two sums over draws (Cochran 1977, section 6.3). With a single draw
    nothing is known of it, and the limits are infinite.

    Raises:
        ValueError: there is no trial.
    """
    from duress.stats import law

    used = [one for one in draws if one[1]]
    n = sum(trials for _, trials in used)
    if n < 1:
        raise ValueError("expected at least one trial")
    value = sum(total for total, _ in used) / n
    if len(used) < 2:
        return Estimate(value, float("-inf"), float("inf"))
    spread = sum((total - value * trials) ** 2 for total, trials in used) * len(used) / (len(used) - 1)
    half = law.student_quantile((1 + confidence) / 2, len(used) - 1) * sqrt(spread) / n
    return Estimate(value, value - half, value + half)
