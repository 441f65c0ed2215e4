"""How far raters agree beyond chance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from duress.stats.proportion import Estimate
from duress.stats.weighted import score_limits


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement of two raters beyond chance: 1 is perfect, 0 is chance."""

    value: float
    low: float
    high: float
    error: float
    """Standard error of Fleiss, Cohen and Everitt."""


REPLICATES = 2000
"""Bootstrap samples behind the limits of Krippendorff's alpha."""


def cohen_kappa(
    table: Sequence[Sequence[float]], n: float | None = None, confidence: float = 0.95
) -> Kappa | None:
    """Return Cohen's kappa (1960) of two raters with its limits.

    The limits come from the standard error of Fleiss, Cohen and Everitt (1969). Where the raters agree
    (almost) always that error vanishes, however few the texts were; so no limit is nearer than the one that
    Wilson's limits of the observed agreement give while chance agreement is held at what was seen (Cohen's
    own assumption of 1960).

    Args:
        table: How often (or with what weight) the first rater chose the row's and the second the column's
            category; square.
        n: Observations that the table knows as much as, if they were weighted; its sum where None.
        confidence: Of the interval.

    Returns:
        None where kappa is not defined: an empty table, or both raters only ever chose one same category.
    """
    total = sum(map(sum, table))
    size = total if n is None else n
    if not total or not size:
        return None
    k = range(len(table))
    p = [[value / total for value in row] for row in table]
    rows = [sum(p[i]) for i in k]
    columns = [sum(p[i][j] for i in k) for j in k]
    agreed = sum(p[i][i] for i in k)
    chance = sum(rows[i] * columns[i] for i in k)
    if chance > 1 - 1e-12:
        return None
    value = (agreed - chance) / (1 - chance)
    inside = sum(p[i][i] * ((1 - chance) - (rows[i] + columns[i]) * (1 - agreed)) ** 2 for i in k)
    outside = sum(p[i][j] * (columns[i] + rows[j]) ** 2 for i in k for j in k if i != j)
    rest = (agreed * chance - 2 * chance + agreed) ** 2
    variance = (inside + (1 - agreed) ** 2 * outside - rest) / (size * (1 - chance) ** 4)
    error = sqrt(max(0.0, variance))
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error
    least, most = ((limit - chance) / (1 - chance) for limit in score_limits(agreed, size, confidence))
    return Kappa(value, max(-1.0, min(value - half, least)), min(1.0, max(value + half, most)), error)


def krippendorff_alpha(
    units: Sequence[Sequence[Hashable | None]],
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate | None:
    """Return Krippendorff's alpha for nominal categories with its limits.

    Any number of raters may be missing from a unit; units that fewer than two rated do not count
    (Krippendorff 2011, "Computing Krippendorff's alpha-reliability"). The limits are percentiles over
    bootstrap samples of whole clusters, and no nearer than those that Wilson's limits of the observed
    disagreement over the clusters give: a bootstrap of units that all agree would know no error at all.

    Args:
        units: What each rater said of each unit; None where one is missing.
        clusters: Which units go together (texts of one trial); every unit by itself where None.
        confidence: Of the interval.
        seed: Of the bootstrap; equal seeds give equal limits.

    Returns:
        None where alpha is not defined: nothing was rated twice, or every rating is the same.
    """
    import numpy as np

    known = list(dict.fromkeys(value for unit in units for value in unit if value is not None))
    sums: dict[Hashable, list[float]] = defaultdict(lambda: [0.0] * (1 + len(known)))
    for place, unit in enumerate(units):
        counts = Counter(value for value in unit if value is not None)
        rated = counts.total()
        if rated < 2:
            continue
        into = sums[place if clusters is None else clusters[place]]
        # Ordered pairs of unequal values, as the coincidence matrix weighs them.
        into[0] += (rated * rated - sum(count * count for count in counts.values())) / (rated - 1)
        for position, value in enumerate(known, start=1):
            into[position] += counts[value]
    kinds = Counter(map(tuple, sums.values()))
    if not kinds:
        return None
    vectors = np.array(list(kinds), dtype=float)
    often = np.array(list(kinds.values()), dtype=float)

    def alpha(weights: np.ndarray) -> np.ndarray:
        whole = weights @ vectors
        observed, by_value = whole[:, 0], whole[:, 1:]
        total = by_value.sum(axis=1)
        expected = total * total - (by_value * by_value).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 - (total - 1) * observed / expected

    value = float(alpha(often[None, :])[0])
    if value != value:
        return None
    draws = np.random.default_rng(seed).multinomial(int(often.sum()), often / often.sum(), REPLICATES)
    samples = alpha(draws.astype(float))
    samples = samples[np.isfinite(samples)]
    tail = (1 - confidence) / 2
    low, high = (float(x) for x in np.quantile(samples, [tail, 1 - tail])) if len(samples) else (-1.0, 1.0)
    whole = often @ vectors
    total = float(whole[1:].sum())
    observed = float(whole[0]) / total
    chance = (total * total - float((whole[1:] ** 2).sum())) / (total * (total - 1))
    best, worst = score_limits(observed, float(often.sum()), confidence)
    return Estimate(
        value, max(-1.0, min(low, 1 - worst / chance, value)), min(1.0, max(high, 1 - best / chance, value))
    )


def quadratic_kappa(
    pairs: Sequence[tuple[int, int]],
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate | None:
    """Return Cohen's kappa with quadratic weights (1968) of two raters on an ordered scale.

    A disagreement weighs as the square of its distance. The limits are percentiles over bootstrap samples of
    whole clusters; replicates on which kappa is not defined are left out.

    Args:
        pairs: What the first and the second rater said of each unit.
        clusters: Which units go together (turns of one trial); every unit by itself where None.
        confidence: Of the interval.
        seed: Of the bootstrap; equal seeds give equal limits.

    Returns:
        None where kappa is not defined: no units, or both raters only ever chose one same value.
    """
    import numpy as np

    # Sums from which kappa follows: n, a, b, a squared, b squared, and the squared distances.
    sums: dict[Hashable, list[float]] = defaultdict(lambda: [0.0] * 6)
    for place, (a, b) in enumerate(pairs):
        into = sums[place if clusters is None else clusters[place]]
        for position, value in enumerate((1, a, b, a * a, b * b, (a - b) ** 2)):
            into[position] += value
    if not sums:
        return None
    kinds = Counter(map(tuple, sums.values()))
    vectors = np.array(list(kinds), dtype=float)
    often = np.array(list(kinds.values()), dtype=float)

    def kappa(weights: np.ndarray) -> np.ndarray:
        n, a, b, aa, bb, apart = (weights @ vectors).T
        expected = aa + bb - 2 * a * b / n
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(expected > 1e-9, 1 - apart / expected, np.nan)

    value = float(kappa(often[None, :])[0])
    if value != value:
        return None
    draws = np.random.default_rng(seed).multinomial(int(often.sum()), often / often.sum(), REPLICATES)
    samples = kappa(draws.astype(float))
    samples = samples[np.isfinite(samples)]
    tail = (1 - confidence) / 2
    low, high = (float(x) for x in np.quantile(samples, [tail, 1 - tail])) if len(samples) else (-1.0, 1.0)
    return Estimate(value, min(low, value), max(high, value))
