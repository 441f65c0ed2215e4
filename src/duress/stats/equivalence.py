"""Is a difference too small to matter?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from duress.stats.contrast import difference
from duress.stats.proportion import Estimate

_STEPS = 50


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The two one-sided tests of a difference against a margin on both sides."""

    margin: float
    p: float
    """The larger of the two one-sided p values; at most 0.5."""
    low: float
    high: float
    """The interval at confidence `1 - 2 alpha`, which must lie within the margin."""
    equivalent: bool


def tost(interval: Callable[[float], Estimate], margin: float, alpha: float = 0.05) -> Equivalence:
    """Return whether the interval of a difference lies within `margin` of zero, and the p value.

    `interval` gives the limits at a confidence; the two one-sided tests at `alpha` both reject where the
    interval at `1 - 2 alpha` lies inside the margin (Westlake 1981; Schuirmann 1987). The p value is the
    smallest alpha at which it does, 0.5 where none is.

    Raises:
        ValueError: the margin is not positive, or `alpha` is not in (0, 0.5).
    """
    if margin <= 0:
        raise ValueError(f"expected a margin above 0, found {margin}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"expected alpha between 0 and 0.5, found {alpha}")
    asked = interval(1 - 2 * alpha)

    def inside(level: float) -> bool:
        found = interval(1 - 2 * level)
        return -margin < found.low and found.high < margin

    low, high = 1e-12, 0.5 - 1e-12
    if not inside(high):
        p = 0.5
    else:
        for _ in range(_STEPS):
            middle = (low * high) ** 0.5
            if inside(middle):
                high = middle
            else:
                low = middle
        p = high
    return Equivalence(margin, p, asked.low, asked.high, -margin < asked.low and asked.high < margin)


def tost_rates(
    count: int, n: int, reference_count: int, reference_n: int, margin: float, alpha: float = 0.05
) -> Equivalence:
    """Return whether two independent rates differ by less than `margin` (a proportion).

    By Newcombe's hybrid score interval (Newcombe 1998b, method 10), which holds up for rates near 0.

    Raises:
        ValueError: impossible counts, or as `tost`.
    """
    return tost(
        lambda confidence: difference(count, n, reference_count, reference_n, confidence), margin, alpha
    )
