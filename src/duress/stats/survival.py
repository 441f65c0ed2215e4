"""How long something lasts: curves, means, comparisons and a regression of times until an event.

Times are whole numbers of turns. An event at time t happened at the t-th turn; a time without an event is
censored after its t-th turn. The estimators are those of `lifelines`, which is loaded where one is asked for.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt
from statistics import NormalDist
from typing import Any, cast

import numpy as np
from scipy.optimize import isotonic_regression  # pyright: ignore[reportMissingTypeStubs]

from duress.stats.law import chi2_tail
from duress.stats.proportion import Estimate, clopper_pearson


@dataclass(frozen=True, slots=True)
class Times:
    """When something happened to some units, or how long they were seen without it."""

    turns: tuple[int, ...]
    happened: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.turns) != len(self.happened) or any(turn < 0 for turn in self.turns):
            raise ValueError("expected as many times as events, and no time below 0")


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a survival curve."""

    turn: int
    at_risk: int
    events: int
    survival: Estimate
    """P(nothing has happened by the end of this turn)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A survival curve from turn 0 to the last."""

    points: tuple[Point, ...]
    mean: Estimate
    """Mean number of turns without an event, of those up to the horizon (restricted mean survival time)."""
    horizon: int
    units: int
    events: int

    def at(self, turn: int) -> Estimate:
        """Return P(nothing has happened by the end of a turn)."""
        return max((p for p in self.points if p.turn <= turn), key=lambda p: p.turn).survival


@lru_cache(maxsize=512)
def kaplan_meier(times: Times, horizon: int, confidence: float = 0.95) -> Curve:
    """Return the curve of Kaplan and Meier (1958) up to a horizon.

    Its limits are those of Greenwood's variance on the scale log(-log S), which stay within 0 and 1
    (Kalbfleisch and Prentice 1980); where nothing or everything has happened, which leaves no variance, those
    of Clopper and Pearson for the units still at risk. The restricted mean is the area under the curve up to
    the horizon, with the variance of Klein and Moeschberger (2003, equation 4.5.2) and limits on the log
    scale of what it lacks to the horizon.

    Raises:
        ValueError: no unit, or a horizon below 1.
    """
    if not times.turns or horizon < 1:
        raise ValueError("expected at least one unit and a horizon of 1 or more")
    from lifelines import KaplanMeierFitter  # pyright: ignore[reportMissingTypeStubs]

    fitter: Any = KaplanMeierFitter(alpha=1.0 - confidence)
    fitter.fit(times.turns, times.happened, timeline=list(range(horizon + 1)))
    held = [float(value) for value in fitter.survival_function_.iloc[:, 0]]
    limits = fitter.confidence_interval_
    points: list[Point] = []
    for turn in range(horizon + 1):
        at_risk = sum(one >= turn for one in times.turns)
        events = sum(one == turn and it for one, it in zip(times.turns, times.happened, strict=True))
        value = held[turn]
        low, high = (float(limits.iloc[turn, side]) for side in (0, 1))
        if not 1e-12 < value < 1.0 - 1e-12 or low != low or high != high:
            # Units that were censored before tell nothing more about this turn.
            seen = max(at_risk, 1)
            exact = clopper_pearson(round(value * seen), seen, confidence)
            low, high = exact.low, exact.high
        points.append(Point(turn, at_risk, events, Estimate(value, low, high)))
    return Curve(
        tuple(points),
        _restricted_mean(points, horizon, confidence),
        horizon,
        len(times.turns),
        sum(times.happened),
    )


def _restricted_mean(points: Sequence[Point], horizon: int, confidence: float) -> Estimate:
    survival = [point.survival.value for point in points]
    # The curve steps down at its turns, and stands between them.
    mean = sum(survival[:horizon])
    variance = 0.0
    for number, point in enumerate(points):
        area = sum(survival[number:horizon])
        left = point.at_risk - point.events
        if point.events and left > 0:
            variance += area * area * point.events / (point.at_risk * left)
    lost = horizon - mean
    if variance <= 0.0:
        # Nothing happened: at worst, as many as can be were lost at once.
        exact = clopper_pearson(round(mean / horizon * points[0].at_risk), points[0].at_risk, confidence)
        return Estimate(mean, horizon * exact.low, horizon * exact.high)
    # The turns lost cannot fall below 0, and few events make their error skewed: limits on their log scale.
    spread = exp(NormalDist().inv_cdf(0.5 + confidence / 2) * sqrt(variance) / lost)
    return Estimate(mean, max(0.0, horizon - lost * spread), horizon - lost / spread)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between groups, with the p value of no difference."""

    statistic: float
    freedom: int
    p: float


def log_rank(groups: Mapping[Hashable, Times]) -> Difference | None:
    """Return the log-rank test that all groups have one curve (Mantel 1966; Peto and Peto 1972).

    None where nothing happened in any group, or there are fewer than two.
    """
    held = {name: times for name, times in groups.items() if times.turns}
    if len(held) < 2 or not any(any(times.happened) for times in held.values()):
        return None
    from lifelines import statistics  # pyright: ignore[reportMissingTypeStubs]

    turns = [turn for times in held.values() for turn in times.turns]
    happened = [it for times in held.values() for it in times.happened]
    labels = [number for number, times in enumerate(held.values()) for _ in times.turns]
    found: Any = cast("Any", statistics).multivariate_logrank_test(turns, labels, happened)
    return Difference(float(found.test_statistic), len(held) - 1, float(found.p_value))


def mean_difference(one: Times, other: Times, horizon: int, confidence: float = 0.95) -> Estimate:
    """Return the difference of two restricted means, one minus other, in turns (Royston and Parmar 2013).

    The groups are taken as independent.
    """
    here, there = (kaplan_meier(times, horizon, confidence).mean for times in (one, other))
    value = here.value - there.value
    # Limits from those of each mean (Zou and Donner 2008), which need not be symmetric.
    low = value - sqrt((here.value - here.low) ** 2 + (there.high - there.value) ** 2)
    high = value + sqrt((here.high - here.value) ** 2 + (there.value - there.low) ** 2)
    return Estimate(value, low, high)


@dataclass(frozen=True, slots=True)
class HazardRatio:
    """How many times the hazard is that of the reference."""

    name: str
    ratio: Estimate
    p: float


def cox(
    covariates: Mapping[str, Sequence[float]],
    times: Times,
    clusters: Sequence[int] | None,
    confidence: float = 0.95,
) -> tuple[HazardRatio, ...] | None:
    """Return the hazard ratios of a proportional-hazards model (Cox 1972), ties by Efron's method (1977).

    With clusters the variance is the sandwich of Lin and Wei (1989), summed within clusters. None where no
    finite ratio fits best (a group without events), or nothing varies: the curves tell it then.
    """
    varied = {name: values for name, values in covariates.items() if len(set(values)) > 1}
    if not varied or not any(times.happened):
        return None
    import warnings

    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]
    from lifelines import CoxPHFitter  # pyright: ignore[reportMissingTypeStubs]
    from lifelines.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
        ConvergenceError,
        ConvergenceWarning,
    )

    table = pd.DataFrame(cast("Any", {**varied, "_turn": times.turns, "_happened": times.happened}))
    if clusters is not None:
        table["_cluster"] = list(clusters)
    fitter: Any = CoxPHFitter(alpha=1.0 - confidence)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            fitter.fit(table, "_turn", "_happened", cluster_col=None if clusters is None else "_cluster")
    except (ConvergenceError, ConvergenceWarning, np.linalg.LinAlgError):
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    out: list[HazardRatio] = []
    for name in varied:
        beta, error = float(fitter.params_[name]), float(fitter.standard_errors_[name])
        if not error > 0.0 or abs(beta) > _FAR:
            return None
        ratio = Estimate(exp(beta), exp(beta - z * error), exp(beta + z * error))
        out.append(HazardRatio(name, ratio, float(fitter.summary.loc[name, "p"])))
    return tuple(out)


_FAR = 15.0
"""A log hazard ratio beyond this has no limit on its side."""


@dataclass(frozen=True, slots=True)
class Dose:
    """What happened at one intensity: how often, of the units that met it without an event before."""

    rung: float
    events: int
    at_risk: int
    rate: Estimate
    """Observed hazard per turn with its limits."""
    isotonic: float
    """The closest hazard that never falls with intensity (pool adjacent violators; Barlow et al. 1972)."""


def dose_response(
    clusters: Sequence[Mapping[float, tuple[int, int]]], confidence: float = 0.95
) -> tuple[Dose, ...]:
    """Return the hazard per turn by intensity, in order of intensity.

    Each cluster maps an intensity to (events, units at risk); units of a cluster need not be independent. The
    limits are those of Clopper and Pearson at the effective number of units (Korn and Graubard 1998): as many
    as would be as uncertain if they were independent; the clusters where nothing or everything happened.
    """
    rungs = sorted({rung for one in clusters for rung, (_, at_risk) in one.items() if at_risk})
    if not rungs:
        return ()
    held = {rung: [one[rung] for one in clusters if rung in one and one[rung][1]] for rung in rungs}
    sums = {rung: (sum(e for e, _ in of), sum(n for _, n in of)) for rung, of in held.items()}
    rates = [sums[rung][0] / sums[rung][1] for rung in rungs]
    weights = [float(sums[rung][1]) for rung in rungs]
    rising = cast("Any", isotonic_regression)(rates, weights=weights).x
    return tuple(
        Dose(rung, *sums[rung], _clustered(held[rung], confidence), float(level))
        for rung, level in zip(rungs, rising, strict=True)
    )


def _clustered(held: Sequence[tuple[int, int]], confidence: float) -> Estimate:
    events, units, groups = sum(e for e, _ in held), sum(n for _, n in held), len(held)
    rate = events / units
    spread = sum((e - rate * n) ** 2 for e, n in held) / units**2
    variance = spread * groups / (groups - 1) if groups > 1 else 0.0
    effective = rate * (1.0 - rate) / variance if variance > 0.0 else float(groups)
    effective = min(effective, float(units))
    return clopper_pearson(min(rate * effective, effective), effective, confidence)


def trend(counts: Mapping[float, tuple[int, int]]) -> Difference | None:
    """Return the test of Cochran (1954) and Armitage (1955) that the hazard is the same at every rung."""
    held = [(rung, events, n) for rung, (events, n) in counts.items() if n]
    total, happened = sum(n for *_, n in held), sum(events for _, events, _ in held)
    if not 0 < happened < total:
        return None
    share = happened / total
    middle = sum(rung * n for rung, _, n in held) / total
    score = sum(events * (rung - middle) for rung, events, _ in held)
    spread = share * (1 - share) * sum(n * (rung - middle) ** 2 for rung, _, n in held)
    if spread <= 0.0:
        return None
    statistic = score * score / spread
    return Difference(statistic, 1, chi2_tail(statistic, 1))


def half_life(curve: Curve) -> int | None:
    """Return the first turn by whose end at least half have had the event, or None where that never came."""
    return next((point.turn for point in curve.points if point.survival.value <= 0.5), None)
