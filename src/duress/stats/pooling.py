"""One effect seen in several scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

METHOD = "reml-hksj"
_GRID = 100
_STEPS = 60
_GOLDEN = (sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean effect over scenarios like these, and how much scenarios differ."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of a mean effect of zero."""
    k: int
    tau2: float
    """Variance of the true effects between scenarios."""
    q: float
    q_p: float
    """Cochran's Q and its p value, of no heterogeneity."""
    i2: float
    """Share of the variation that is not chance (Higgins and Thompson 2002), from 0 to 1."""
    prediction_low: float | None
    prediction_high: float | None
    """Where the effect in one more scenario of the kind would lie; None with fewer than three."""


def pool(
    values: Sequence[float],
    variances: Sequence[float],
    confidence: float = 0.95,
    tau2: float | None = None,
) -> Pooled:
    """Return the random-effects mean of effects with their sampling variances.

    The variance between scenarios is the restricted maximum likelihood estimate (Viechtbauer 2005), unless
    `tau2` is given. The interval is that of Hartung and Knapp (2001) and Sidik and Jonkman (2002), with t
    of k - 1 degrees of freedom, and never narrower than the classical standard error makes it (Roever,
    Knapp and Friede 2015). The prediction interval is that of Higgins, Thompson and Spiegelhalter (2009),
    with t of k - 2.

    Raises:
        ValueError: fewer than two effects, or a variance that is not positive.
    """
    from duress.stats import law

    k = len(values)
    if k < 2 or len(variances) != k:
        raise ValueError(f"expected at least two effects with as many variances, found {k}, {len(variances)}")
    if min(variances) <= 0:
        raise ValueError(f"expected variances above 0, found {min(variances)}")
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, found {confidence}")
    between = _reml(values, variances) if tau2 is None else tau2
    weights = [1 / (v + between) for v in variances]
    whole = sum(weights)
    mean = sum(w * y for w, y in zip(weights, values, strict=True)) / whole
    spread = sum(w * (y - mean) ** 2 for w, y in zip(weights, values, strict=True)) / (k - 1)
    error = sqrt(max(spread, 1.0) / whole)
    half = law.student_quantile((1 + confidence) / 2, k - 1) * error
    q = _q(values, variances)
    ahead = None
    if k > 2:
        ahead = law.student_quantile((1 + confidence) / 2, k - 2) * sqrt(between + error**2)
    return Pooled(
        value=mean,
        low=mean - half,
        high=mean + half,
        p=law.student_two_sided(mean / error, k - 1),
        k=k,
        tau2=between,
        q=q,
        q_p=law.chi2_tail(q, k - 1),
        i2=(q - (k - 1)) / q if q > k - 1 else 0.0,
        prediction_low=None if ahead is None else mean - ahead,
        prediction_high=None if ahead is None else mean + ahead,
    )


def _q(values: Sequence[float], variances: Sequence[float]) -> float:
    weights = [1 / v for v in variances]
    mean = sum(w * y for w, y in zip(weights, values, strict=True)) / sum(weights)
    return sum(w * (y - mean) ** 2 for w, y in zip(weights, values, strict=True))


def _reml(values: Sequence[float], variances: Sequence[float]) -> float:
    """Return the tau^2 at which the restricted likelihood is highest.

    The likelihood can have two peaks: it is searched over its whole range before the best is refined.
    """

    def loss(tau2: float) -> float:
        weights = [1 / (v + tau2) for v in variances]
        whole = sum(weights)
        mean = sum(w * y for w, y in zip(weights, values, strict=True)) / whole
        away = sum(w * (y - mean) ** 2 for w, y in zip(weights, values, strict=True))
        return log(whole) + away - sum(log(w) for w in weights)

    # No peak lies beyond the sum of squares of the effects.
    mean = sum(values) / len(values)
    most = sum((value - mean) ** 2 for value in values)
    least = 1e-6 * min(variances)
    if most <= least:
        return 0.0
    grid = [0.0, *(least * (most / least) ** (n / _GRID) for n in range(_GRID + 1))]
    best = min(range(len(grid)), key=lambda n: loss(grid[n]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    for _ in range(_STEPS):
        left, right = low + (high - low) * (1 - _GOLDEN), low + (high - low) * _GOLDEN
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    found = (low + high) / 2
    # A gain in the last bits of a float is none.
    return found if loss(found) < loss(0.0) - 1e-9 else 0.0
