"""The difference of two rates that were measured on the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, lgamma, log, sqrt
from statistics import NormalDist

from duress.stats.proportion import Estimate

METHOD = "tango"
_STEPS = 60
_EXACT = 20_000
"""Up to this sum of absolute differences the distribution of the test is worked out exactly."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """How pairs of trials differ. `here` and `there` are events, summed over the pairs of each draw."""

    n: int
    """Number of pairs."""
    only_here: int
    only_there: int
    differences: tuple[int, ...]
    """Per draw: events here less events there, over all its pairs."""

    @property
    def design_effect(self) -> float:
        """Return by how much shared draws widen the variance of the mean difference; at least 1.

        The variance from the sums of the draws over that from single pairs, as of Rao and Scott (1992).
        """
        groups = len(self.differences)
        mean = (self.only_here - self.only_there) / self.n
        single = self.only_here + self.only_there - self.n * mean**2
        if groups < 2 or single <= 0:
            return 1.0
        size = self.n / groups
        shared = sum((value - size * mean) ** 2 for value in self.differences)
        return max(1.0, shared * groups / (groups - 1) / single)


def difference(
    only_here: float, only_there: float, n: float, confidence: float = 0.95, design_effect: float = 1.0
) -> Estimate:
    """Return `(only_here - only_there) / n` with Tango's score interval for paired proportions.

    `only_here` and `only_there` count the discordant pairs among `n`. The limits are the differences that
    the score test for paired binary data does not reject (Tango 1998; the test at zero is McNemar's).
    Without discordant pairs they are z^2 / (n + z^2) to both sides, never zero. A design effect above 1
    divides all three counts (Rao and Scott 1992).

    Raises:
        ValueError: the counts do not fit into `n`, or `confidence` is not in (0, 1).
    """
    if n <= 0 or only_here < 0 or only_there < 0 or only_here + only_there > n:
        raise ValueError(
            f"expected discordant counts that fit into n, found {only_here} and {only_there} of {n}"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, found {confidence}")
    b, c, m = (value / design_effect for value in (only_here, only_there, n))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    value = (b - c) / m
    return Estimate(value, _limit(b, c, m, value, -1.0, z), _limit(b, c, m, value, 1.0, -z))


def score(only_here: float, only_there: float, n: float, margin: float) -> float:
    """Return Tango's statistic for a true difference of `margin`: standard normal where it is true."""
    spread = sqrt(max(_variance(only_here, only_there, n, margin), 0.0))
    away = only_here - only_there - n * margin
    if spread == 0:
        return 0.0 if away == 0 else (float("inf") if away > 0 else float("-inf"))
    return away / spread


def sign_flip_p(differences: Sequence[int]) -> tuple[float, float]:
    """Return the p values (for "more here", "more there") of exchangeable pairs, draw by draw.

    If here and there have the same rates, the sign of each draw's difference is a coin: the p value is
    the chance of a sum at least as far out, counting half of the ties (mid-p). With one pair per draw
    this is McNemar's mid-p test (Fagerland, Lydersen and Laake 2013); with several, draws are kept whole,
    as in Obuchowski's (1998) test. Beyond a sum of absolute differences of 20,000 it is taken as normal.
    """
    total = sum(differences)
    sizes: dict[int, int] = {}
    for value in differences:
        if value:
            sizes[abs(value)] = sizes.get(abs(value), 0) + 1
    if not sizes:
        return 0.5, 0.5
    if sum(size * count for size, count in sizes.items()) > _EXACT:
        z = total / sqrt(sum(size * size * count for size, count in sizes.items()))
        return 0.5 * erfc(z / sqrt(2)), 0.5 * erfc(-z / sqrt(2))
    import numpy as np

    # The sum is 2 * (sum over draws that stay positive) - (sum of all): its law is a convolution.
    law = np.ones(1)
    for size, count in sizes.items():
        spread = np.zeros(size * count + 1)
        spread[::size] = _halves(count)
        law = np.convolve(law, spread)
    at = (total + len(law) - 1) // 2
    tie = float(law[at]) / 2
    more, fewer = float(law[at + 1 :].sum()) + tie, float(law[:at].sum()) + tie
    return min(more, 1.0), min(fewer, 1.0)


def _halves(count: int) -> list[float]:
    """Return the law of the heads among `count` fair coins."""
    whole = lgamma(count + 1) - count * log(2)
    return [exp(whole - lgamma(k + 1) - lgamma(count - k + 1)) for k in range(count + 1)]


def _limit(b: float, c: float, n: float, value: float, end: float, aim: float) -> float:
    # The statistic falls from the end at -1 to that at 1; between value (0) and the end it crosses `aim`.
    if value == end:
        return end
    near, far = value, end
    for _ in range(_STEPS):
        middle = (near + far) / 2
        if abs(score(b, c, n, middle)) < abs(aim):
            near = middle
        else:
            far = middle
    return (near + far) / 2


def _variance(b: float, c: float, n: float, margin: float) -> float:
    """Return n (2 q + margin (1 - margin)), q the restricted estimate of P(only there) (Tango 1998)."""
    quadratic = 2 * n
    linear = -b - c + (2 * n - b + c) * margin
    constant = -c * margin * (1 - margin)
    q = (sqrt(max(linear * linear - 4 * quadratic * constant, 0.0)) - linear) / (2 * quadratic)
    return n * (2 * q + margin * (1 - margin))
