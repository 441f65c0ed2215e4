"""Rates as a fallible judge measured them, corrected with texts whose truth is known.

A trial is settled without reading, or somebody had to read it. Only what was read is corrected: the settled
trials enter as they are, and the sampling error is that of the whole rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from duress.stats.proportion import Estimate


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted, before any correction."""

    planned: int
    """All trials."""
    settled: int
    """Harmful without reading."""
    read: int
    """Trials whose harm rests on reading alone."""
    positive: int
    """Those of them that the judge found harmful."""

    def __post_init__(self) -> None:
        if not 0 <= self.positive <= self.read or self.settled < 0 or self.settled + self.read > self.planned:
            raise ValueError(f"expected positive <= read and settled + read <= planned, found {self}")


@dataclass(frozen=True, slots=True)
class Known:
    """How often a judge is right about texts of one truth, and on how many that was seen."""

    value: float
    n: float
    """Labelled texts; an effective number where they were drawn with different chances."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One trial that was read, with its truth."""

    truth: bool
    judged: bool
    weight: float = 1.0
    """How many trials it stands for."""
    stratum: str = ""


def rogan_gladen(
    measured: Measured, sensitivity: Known, specificity: Known, confidence: float = 0.95
) -> Estimate | None:
    """Return the rate corrected for the judge's sensitivity and specificity (Rogan and Gladen 1978).

    The limits are those of Lang and Reiczigel (2014): all three proportions are moved towards one half
    before their variances are propagated, and the middle is shifted for the bias of the ratio. Where trials
    were settled without reading, the same steps are taken with the variance of the sum; with none, the
    formulas are theirs.

    The labelled trials are part of the measured ones, while the method takes the two as independent; what
    that leaves out is of the order of their share.

    Returns:
        None where the judge tells harm from no harm no better than chance, or one of the two was never seen.
    """
    youden = sensitivity.value + specificity.value - 1
    if not measured.planned or not sensitivity.n or not specificity.n or youden <= 0:
        return None
    z = _z(confidence)
    share = measured.read / measured.planned
    found = measured.positive / measured.planned
    by_reading = (found - share * (1 - specificity.value)) / youden
    value = measured.settled / measured.planned + min(max(by_reading, 0.0), share)

    se, se_size = _towards_half(sensitivity)
    sp, sp_size = _towards_half(specificity)
    youden = se + sp - 1
    if youden <= 0:
        return None
    planned = measured.planned + z * z
    settled = (measured.settled + (1 - share) * z * z / 2) / planned
    found = (measured.positive + share * z * z / 2) / planned
    harm = (found - share * (1 - sp)) / youden
    middle = settled + harm
    se_variance, sp_variance = se * (1 - se) / se_size, sp * (1 - sp) / sp_size
    # Of what one trial adds to the sum: 1 if settled, sp / youden if found, (sp - 1) / youden if not.
    squares = settled + found * (sp / youden) ** 2 + (share - found) * ((1 - sp) / youden) ** 2
    variance = max(0.0, squares - middle * middle) / planned
    variance += (harm**2 * se_variance + (share - harm) ** 2 * sp_variance) / youden**2
    shift = 2 * z * z * (harm * se_variance - (share - harm) * sp_variance)
    half = z * sqrt(variance)
    low, high = max(0.0, middle + shift - half), min(1.0, middle + shift + half)
    return Estimate(value, min(low, value), max(high, value))


@dataclass(frozen=True, slots=True)
class Powered:
    """A rate by prediction-powered inference."""

    estimate: Estimate
    tuning: float
    """How far the judge's verdicts are used, 0 (labels alone) to 1."""


def prediction_powered(
    measured: Measured, labelled: Sequence[Labelled], confidence: float = 0.95
) -> Powered | None:
    """Return the rate by prediction-powered inference (Angelopoulos and others 2023) with power tuning.

    The judge's verdicts on all trials, used as far as they help (PPI++; Angelopoulos, Duchi and Zrnic 2023),
    plus the mean of what the labels say is wrong with them. The labelled trials are a stratified sample of
    those read, so this is the difference estimator of two-phase sampling: its variance is that of the rate
    itself over the planned trials, and within each stratum that of the errors, without what was labelled
    completely.

    The normal limits are kept honest for few labels: the rate is moved towards one half by z^2 trials
    (Agresti and Coull 1998), and two errors, one of each kind, are added to those that were seen.

    Returns:
        None without a labelled trial.
    """
    if not labelled or not measured.planned:
        return None
    strata: dict[str, list[Labelled]] = defaultdict(list)
    for one in labelled:
        strata[one.stratum].append(one)
    whole = sum(one.weight for one in labelled)
    parts = [_Stratum(group, whole, measured.read, len(labelled)) for group in strata.values()]
    spread = sum(part.factor * part.within(0, 1) for part in parts)
    tuning = 1.0
    if spread:
        tuning = min(1.0, max(0.0, sum(part.factor * part.joint() for part in parts) / spread))
    share = measured.read / measured.planned
    errors = sum(part.share * part.mean(tuning) for part in parts)
    by_reading = tuning * measured.positive / measured.planned + share * errors
    settled = measured.settled / measured.planned
    value = settled + min(max(by_reading, 0.0), share)
    z = _z(confidence)
    middle = (value * measured.planned + z * z / 2) / (measured.planned + z * z)
    variance = middle * (1 - middle) / (measured.planned + z * z)
    variance += share**2 * sum(part.factor * part.honest(tuning) for part in parts)
    half = z * sqrt(variance)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Powered(Estimate(value, min(low, value), max(high, value)), tuning)


class _Stratum:
    """The labelled trials of one stratum."""

    def __init__(self, group: Sequence[Labelled], whole: float, read: int, labelled: int) -> None:
        self._pairs = [(float(one.truth), float(one.judged)) for one in group]
        self.n = len(group)
        self.share = sum(one.weight for one in group) / whole
        # What was labelled completely has no sampling error.
        self.factor = self.share**2 * max(0.0, 1 / self.n - 1 / max(self.n, self.share * read))
        self._added = self.n / labelled

    def mean(self, tuning: float) -> float:
        """Return the mean of truth minus `tuning` times the verdict."""
        return sum(truth - tuning * judged for truth, judged in self._pairs) / self.n

    def within(self, truth: float, judged: float) -> float:
        """Return the variance of a combination of the two."""
        values = [truth * t + judged * j for t, j in self._pairs]
        mean = sum(values) / self.n
        return sum((value - mean) ** 2 for value in values) / (self.n - 1) if self.n > 1 else 0.0

    def joint(self) -> float:
        """Return the covariance of truth and verdict."""
        return (self.within(1, 1) - self.within(1, -1)) / 4

    def honest(self, tuning: float) -> float:
        """Return the variance of the errors with this stratum's share of two more."""
        squares = self.within(1, -tuning) * (self.n - 1) + 2 * self._added
        return squares / (self.n - 1 + 2 * self._added)


def _towards_half(known: Known) -> tuple[float, float]:
    return (known.n * known.value + 1) / (known.n + 2), known.n + 2


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
