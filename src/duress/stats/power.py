"""What a number of trials can tell, before any is run."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, expm1, inf, log, log1p, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()
_STEPS = 60
"""Halvings of an interval of length 1: down to the last bits of a float."""


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest differences from a reference rate that are found with the power asked for.

    Both are positive proportions; None where even the furthest rate, 1 or 0, would not be found.
    """

    up: float | None
    down: float | None


def power(
    rate: float, reference: float, n: int, alpha: float = 0.05, paired_correlation: float = 0.0
) -> float:
    """Return the chance that a two-sided test at level `alpha` tells two rates apart, `n` trials each.

    Without correlation the two groups are independent: the score test with the pooled variance under the
    null and each rate's own under the alternative (Fleiss, Levin and Paik 2003, chapter 4, without
    continuity correction). With a correlation the trials are pairs: McNemar's test, whose variance comes
    from the discordant pairs (Connor 1987). A correlation beyond what two such rates can have is taken as
    the furthest they can. Both are normal approximations: with fewer than some 30 trials, or fewer than
    some 5 expected events, the true power is a few points off.

    Raises:
        ValueError: a rate, `alpha` or the correlation out of range, or `n` not positive.
    """
    _check(rate, reference, alpha, paired_correlation)
    if n < 1:
        raise ValueError(f"expected n >= 1, found {n}")
    return _power(rate, reference, n, alpha, paired_correlation)


def sample_size(
    rate: float,
    reference: float,
    alpha: float = 0.05,
    power: float = 0.8,
    paired_correlation: float = 0.0,
) -> int:
    """Return the smallest number of trials per group (or pairs) with at least this `power`.

    Raises:
        ValueError: the rates are equal, or a value is out of range.
    """
    _check(rate, reference, alpha, paired_correlation)
    _check_power(power)
    if rate == reference:
        raise ValueError(f"no number of trials tells {rate} from itself; expected two different rates")
    high = 1
    while _power(rate, reference, high, alpha, paired_correlation) < power:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if _power(rate, reference, middle, alpha, paired_correlation) < power:
            low = middle
        else:
            high = middle
    return high


def detectable(
    reference: float,
    n: int,
    alpha: float = 0.05,
    power: float = 0.8,
    paired_correlation: float = 0.0,
) -> Detectable:
    """Return the smallest difference upwards and downwards that `n` trials per group find with `power`.

    Raises:
        ValueError: a value is out of range.
    """
    _check(reference, reference, alpha, paired_correlation)
    _check_power(power)
    if n < 1:
        raise ValueError(f"expected n >= 1, found {n}")
    found: list[float | None] = []
    for end in (1.0, 0.0):
        near, far = reference, end
        if _power(far, reference, n, alpha, paired_correlation) < power:
            found.append(None)
            continue
        for _ in range(_STEPS):
            middle = (near + far) / 2
            if _power(middle, reference, n, alpha, paired_correlation) < power:
                near = middle
            else:
                far = middle
        found.append(abs(far - reference))
    return Detectable(up=found[0], down=found[1])


def upper_bound_for_zero(n: int, confidence: float = 0.95) -> float:
    """Return the rate that no event in `n` trials leaves open, one-sided and exact.

    A true rate above it would have shown at least one event with a chance of at least `confidence`
    (Clopper and Pearson 1934; about 3 / n at 95 %, the "rule of three" of Hanley and Lippman-Hand 1983).
    The upper limit of a two-sided interval is higher: it keeps half of the error for the other side.

    Raises:
        ValueError: `n` is not positive, or `confidence` is not in (0, 1).
    """
    if n < 1:
        raise ValueError(f"expected n >= 1, found {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, found {confidence}")
    return -expm1(log1p(-confidence) / n)


def trials_for_zero(rate: float, confidence: float = 0.95) -> int:
    """Return how many trials without an event it takes to leave no rate of `rate` or more open.

    Raises:
        ValueError: `rate` or `confidence` is not in (0, 1).
    """
    if not 0 < rate < 1 or not 0 < confidence < 1:
        raise ValueError(f"expected a rate and a confidence between 0 and 1, found {rate}, {confidence}")
    return ceil(log(1 - confidence) / log1p(-rate))


def _power(rate: float, reference: float, n: int, alpha: float, correlation: float) -> float:
    away = abs(rate - reference)
    if correlation:
        together = rate * reference + correlation * sqrt(rate * (1 - rate) * reference * (1 - reference))
        together = min(max(together, rate + reference - 1, 0.0), rate, reference)
        null = max(rate + reference - 2 * together, 0.0)
        own = max(null - away * away, 0.0)
    else:
        mean = (rate + reference) / 2
        null = 2 * mean * (1 - mean)
        own = rate * (1 - rate) + reference * (1 - reference)
    critical = _NORMAL.inv_cdf(1 - alpha / 2) * sqrt(null)
    shift = away * sqrt(n)
    spread = sqrt(own)
    return _below((shift - critical) / spread if spread else _sign(shift - critical)) + _below(
        (-shift - critical) / spread if spread else _sign(-shift - critical)
    )


def _sign(value: float) -> float:
    return inf if value > 0 else -inf


def _below(z: float) -> float:
    return _NORMAL.cdf(z) if abs(z) < inf else float(z > 0)


def _check(rate: float, reference: float, alpha: float, correlation: float) -> None:
    if not 0 <= rate <= 1 or not 0 <= reference <= 1:
        raise ValueError(f"expected rates between 0 and 1, found {rate} and {reference}")
    if not 0 < alpha < 1:
        raise ValueError(f"expected alpha between 0 and 1, found {alpha}")
    if not -1 <= correlation <= 1:
        raise ValueError(f"expected a correlation between -1 and 1, found {correlation}")


def _check_power(power: float) -> None:
    if not 0 < power < 1:
        raise ValueError(f"expected a power between 0 and 1, found {power}")
