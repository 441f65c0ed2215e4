"""Group-sequential boundaries: a few planned looks, each with its critical value.

A study that looks K times and stops as soon as |z| passes 1.96 is wrong far more often than one time in
twenty. The critical values here make the chance of ever passing them, when there is nothing, alpha. They are
found by following the distribution of the statistic from look to look by numerical integration (Armitage,
McPherson and Rowe 1969; Jennison and Turnbull 2000, chapter 19). They rest on the normal approximation: for
small cells and rare events use the sequences and thresholds that count exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from math import e, erfc, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Spending = Literal["obrien-fleming", "pocock"]

_NORMAL = NormalDist()

_FAR = 9.0
"""Standard deviations beyond which a normal tail is nothing."""


def spent(fraction: float, alpha: float, spending: Spending = "obrien-fleming") -> float:
    """Return how much of a one-sided `alpha` may be spent by a fraction of the information.

    Lan and DeMets (1983).
    O'Brien-Fleming type: 2 - 2 Phi(z(alpha / 2) / sqrt(fraction)), little at first and most at the end.
    Pocock type: alpha log(1 + (e - 1) fraction), about the same at each look.

    Raises:
        ValueError: a fraction outside (0, 1], or an alpha outside (0, 1).
    """
    if not 0 < fraction <= 1 or not 0 < alpha < 1:
        raise ValueError(f"expected 0 < fraction <= 1 and 0 < alpha < 1, found {fraction} and {alpha}")
    if spending == "obrien-fleming":
        return erfc(_NORMAL.inv_cdf(1 - alpha / 2) / sqrt(fraction) / sqrt(2))
    return alpha * log(1 + (e - 1) * fraction)


def boundaries(
    looks: int | Sequence[float],
    alpha: float = 0.05,
    spending: Spending = "obrien-fleming",
    sides: Literal[1, 2] = 2,
) -> tuple[float, ...]:
    """Return the critical z of each look, by alpha spending (Lan and DeMets 1983).

    `looks` is a number of equally spaced looks, or the fractions of the planned information at each, rising
    to 1 at most; looks may come at other times than planned, as the boundary up to a look depends on the
    looks so far only. With two sides, |z| is compared, and each side spends alpha / 2.

    Raises:
        ValueError: no looks, fractions that do not rise within (0, 1], or an alpha outside (0, 1).
    """
    return _boundaries(_fractions(looks), _alpha(alpha), spending, sides)


def constant_boundaries(
    looks: int, alpha: float = 0.05, shape: Spending = "pocock", sides: Literal[1, 2] = 2
) -> tuple[float, ...]:
    """Return the critical z of each of `looks` equally spaced looks in the classic designs.

    Pocock (1977): the same at every look. O'Brien and Fleming (1979): C sqrt(looks / look).

    Raises:
        ValueError: no looks, or an alpha outside (0, 1).
    """
    fractions = _fractions(looks)
    power = 0.0 if shape == "pocock" else -0.5
    return _constant(fractions, _alpha(alpha), power, sides)


def conditional_power(z: float, fraction: float, critical: float, drift: float) -> float:
    """Return the chance that the last look passes `critical`, given `z` at a fraction of the information.

    `drift` is the expected z at full information: for the effect one planned for, or, for the trend seen so
    far, `z / sqrt(fraction)` (Lan, Simon and Halperin 1982; Jennison and Turnbull 2000, chapter 10). Stopping
    for futility when it is small is not binding: the boundaries hold whether or not one stops.

    Raises:
        ValueError: a fraction outside (0, 1).
    """
    if not 0 < fraction < 1:
        raise ValueError(f"expected a fraction between 0 and 1, found {fraction}")
    left = 1 - fraction
    return _NORMAL.cdf((z * sqrt(fraction) + drift * left - critical) / sqrt(left))


def difference_z(count: int, n: int, ref_count: int, ref_n: int) -> float:
    """Return the pooled score z of count / n against ref_count / ref_n; 0 where all trials are alike.

    Raises:
        ValueError: counts that do not fit.
    """
    if n < 1 or ref_n < 1 or not 0 <= count <= n or not 0 <= ref_count <= ref_n:
        raise ValueError(f"expected counts within their trials, found {count}/{n} and {ref_count}/{ref_n}")
    pooled = (count + ref_count) / (n + ref_n)
    spread = sqrt(pooled * (1 - pooled) * (1 / n + 1 / ref_n))
    return (count / n - ref_count / ref_n) / spread if spread > 0 else 0.0


def paired_z(only_here: int, only_there: int) -> float:
    """Return McNemar's z of the pairs that differ; 0 where none do.

    Raises:
        ValueError: a count below 0.
    """
    if only_here < 0 or only_there < 0:
        raise ValueError(f"expected counts of pairs, found {only_here} and {only_there}")
    differing = only_here + only_there
    return (only_here - only_there) / sqrt(differing) if differing else 0.0


@lru_cache(maxsize=1024)
def _boundaries(
    fractions: tuple[float, ...], alpha: float, spending: Spending, sides: int
) -> tuple[float, ...]:
    each = alpha / sides
    walk = _Walk(sides)
    found: list[float] = []
    before = 0.0
    for fraction in fractions:
        now = spent(fraction, each, spending)
        aim = (now - before) * sides
        critical = _root(lambda z, at=fraction, aim=aim: walk.exit(at, z) - aim, 0.0, 8.5)
        walk.go(fraction, critical)
        found.append(critical)
        before = now
    return tuple(found)


@lru_cache(maxsize=1024)
def _constant(fractions: tuple[float, ...], alpha: float, power: float, sides: int) -> tuple[float, ...]:
    def excess(constant: float) -> float:
        walk, total = _Walk(sides), 0.0
        for fraction in fractions:
            total += walk.exit(fraction, constant * fraction**power)
            walk.go(fraction, constant * fraction**power)
        return total - alpha

    constant = _root(excess, 0.0, 8.5)
    return tuple(constant * fraction**power for fraction in fractions)


class _Walk:
    """The score statistic between looks, where it has not passed a boundary: a Brownian motion, cut."""

    def __init__(self, sides: int) -> None:
        self.sides = sides
        self.at = 0.0
        self.places: Floats | None = None
        self.masses: Floats | None = None

    def exit(self, fraction: float, z: float) -> float:
        """Return the chance of passing `z` at the look at `fraction`, not having passed before."""
        edge, spread = z * sqrt(fraction), sqrt(fraction - self.at)
        if self.places is None or self.masses is None:
            return self.sides * _tail(z)
        out = 0.0
        for place, mass in zip(self.places.tolist(), self.masses.tolist(), strict=True):
            out += mass * _tail((edge - place) / spread)
            if self.sides == 2:
                out += mass * _tail((edge + place) / spread)
        return out

    def go(self, fraction: float, z: float) -> None:
        """Go on from the look at `fraction` with what did not pass `z`."""
        import numpy as np

        edge, spread = z * sqrt(fraction), sqrt(fraction - self.at)
        reach = _FAR * sqrt(fraction)
        high = min(edge, reach)
        low = max(-edge, -reach) if self.sides == 2 else -reach
        # Five points to a standard deviation of the step are enough for what is this smooth.
        nodes, weights = _legendre(64 + 32 * min(20, int(5 * (high - low) / spread / 32)))
        places = (high - low) / 2 * nodes + (high + low) / 2
        scale = (high - low) / 2 / (spread * sqrt(2 * np.pi))
        if self.places is None or self.masses is None:
            density = np.exp(-((places / spread) ** 2) / 2)
        else:
            apart = (places[:, None] - self.places[None, :]) / spread
            density = np.exp(-(apart**2) / 2) @ self.masses
        self.at, self.places, self.masses = fraction, places, weights * density * scale


@cache
def _legendre(points: int) -> tuple[Floats, Floats]:
    import numpy as np

    return np.polynomial.legendre.leggauss(points)


def _tail(z: float) -> float:
    return erfc(z / sqrt(2)) / 2


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high


def _fractions(looks: int | Sequence[float]) -> tuple[float, ...]:
    fractions = tuple((look + 1) / looks for look in range(looks)) if isinstance(looks, int) else tuple(looks)
    last = 0.0
    for fraction in fractions:
        if not last < fraction <= 1:
            raise ValueError(f"expected fractions rising within (0, 1], found {fractions}")
        last = fraction
    if not fractions:
        raise ValueError("expected at least one look")
    return fractions


def _alpha(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise ValueError(f"expected an alpha between 0 and 1, found {alpha}")
    return alpha
