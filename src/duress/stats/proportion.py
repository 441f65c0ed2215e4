"""One proportion with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the limits of its interval, all on one scale (proportions, not per cent)."""

    value: float
    low: float
    high: float


class Method(StrEnum):
    """How the interval of one proportion is made."""

    WILSON = "wilson"
    JEFFREYS = "jeffreys"
    CLOPPER_PEARSON = "clopper-pearson"


def interval(count: int, n: int, method: Method | str = Method.WILSON, confidence: float = 0.95) -> Estimate:
    """Return `count / n` with its interval by a named method.

    Wilson and Jeffreys hold the truth about as often as they say, on the average over rates;
    Clopper-Pearson never less often, and is wider for it (Brown, Cai and DasGupta 2001).

    Raises:
        ValueError: no such method, or values that `wilson` does not accept.
    """
    match Method(method):
        case Method.WILSON:
            return wilson(count, n, confidence)
        case Method.JEFFREYS:
            return jeffreys(count, n, confidence)
        case Method.CLOPPER_PEARSON:
            return clopper_pearson(count, n, confidence)


def wilson(count: int, n: int, confidence: float = 0.95) -> Estimate:
    """Return `count / n` with the Wilson score interval.

    The limits are the proportions that a two-sided score test at `1 - confidence` does not reject
    (Wilson 1927; Newcombe 1998a, method 3). They lie in [0, 1], and for a count of zero the upper
    limit is above zero.

    Raises:
        ValueError: `n` is not positive, `count` is not within 0..n, or `confidence` not in (0, 1).
    """
    _check(count, n)
    z = _z(confidence)
    p = count / n
    middle = count + z * z / 2
    half = z * sqrt(count * (n - count) / n + z * z / 4)
    # At the ends the formula gives exactly the end; rounding must not put it a hair off.
    low = 0.0 if count == 0 else (middle - half) / (n + z * z)
    high = 1.0 if count == n else (middle + half) / (n + z * z)
    return Estimate(p, low, high)


def jeffreys(count: int, n: int, confidence: float = 0.95) -> Estimate:
    """Return `count / n` with the equal-tailed interval of the Beta(1/2, 1/2) prior.

    For a count of zero the lower limit is 0 and for a count of n the upper one 1 (Brown, Cai and
    DasGupta 2001, section 3.1.3).

    Raises:
        ValueError: as `wilson`.
    """
    _check(count, n)
    return _beta(count, n, confidence, (count + 0.5, n - count + 0.5), (count + 0.5, n - count + 0.5))


def clopper_pearson(count: float, n: float, confidence: float = 0.95) -> Estimate:
    """Return `count / n` with the interval of the exact test with equal tails (Clopper and Pearson 1934).

    Raises:
        ValueError: as `wilson`.
    """
    _check(count, n)
    return _beta(count, n, confidence, (count, n - count + 1), (count + 1, n - count))


def _beta(
    count: float, n: float, confidence: float, lower: tuple[float, float], upper: tuple[float, float]
) -> Estimate:
    from scipy.special import betaincinv  # pyright: ignore[reportMissingTypeStubs]

    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, found {confidence}")
    tail = (1 - confidence) / 2
    return Estimate(
        count / n,
        0.0 if count == 0 else float(betaincinv(*lower, tail)),
        1.0 if count == n else float(betaincinv(*upper, 1 - tail)),
    )


def _check(count: float, n: float) -> None:
    if n < 1 or not 0 <= count <= n:
        raise ValueError(f"expected 0 <= count <= n and n >= 1, found count={count}, n={n}")


@cache
def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, found {confidence}")
    return NormalDist().inv_cdf((1 + confidence) / 2)
