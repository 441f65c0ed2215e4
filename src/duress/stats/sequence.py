"""Confidence sequences: limits that hold at every look at once, however often somebody looks.

A 95 % interval misses the truth one time in twenty when it is computed once. Computed after every trial,
with a stop as soon as it says what one hopes, it misses far more often. The limits here may be computed
after every trial: the chance that they miss the truth *at any look, ever*, is at most alpha. They depend on
counts only, so every look can be recomputed from the rows.

How. For a null hypothesis, a bettor who starts with 1 and stakes a fixed fraction on each trial at odds that
are fair under the null holds a wealth that is a nonnegative (super)martingale, and so has the chance alpha at
most of ever reaching 1 / alpha (Ville 1939). The wealth here is spread over a fixed ladder of stakes, from
timid to bold; a sum of such wealths is one again (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021,
on mixtures). A value is kept in the confidence sequence for as long as the bet against it has not paid
1 / alpha (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"). For a
rate the bets are exactly the likelihood ratios of every other rate to it, so this is Wald's sequential test
with a mixture of alternatives.

For two independent cells of equal size the bets are made on blocks of one trial from each cell, which bets on
the difference without knowing the common level (after Turner, Ly and Gruenwald 2024 and Turner and Gruenwald
2023 on safe tests and anytime-valid intervals for 2x2 tables).

Two-sided limits give alpha / 2 to each side. The limits of one side alone, at level a, are those of the
two-sided sequence at alpha = 2 a.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import exp, inf, lgamma, log, log1p, pi, sin
from typing import TYPE_CHECKING, NamedTuple

from duress.stats.proportion import Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

METHOD = "betting-mixture"

_HALVINGS = 26
"""Steps of bisection: limits are exact to 2e-8 of their range, and rounded outwards."""

_BLOCKS = 0.75
"""The share of the wealth that bets on blocks of two cells; the rest bets on each cell for itself."""


class Sides(NamedTuple):
    """Anytime-valid p values of the two one-sided questions about one value.

    `above` is small where the data say that the truth lies above the value (it is the p value of "at or
    below"), `below` where they say that it lies below. Each is valid at every look: under its null hypothesis
    the chance that it is ever at or below alpha is at most alpha. It may rise again; the running minimum over
    the looks is valid too, and taking it is the caller's business (it needs every look's counts).
    """

    above: float
    below: float

    @property
    def either(self) -> float:
        """The two-sided p value: twice the smaller, at most 1."""
        return min(1.0, 2 * min(self))


def rate_sequence(count: int, n: int, alpha: float = 0.05) -> Estimate:
    """Return `count / n` with limits that hold the rate at all looks together with chance 1 - alpha.

    Holds for trials that are independent with one rate, and, as the martingale needs no more, for any trials
    whose chance, given all trials before, is that rate.

    Raises:
        ValueError: `n` is not positive, `count` is not within 0..n, or `alpha` not in (0, 1).
    """
    _check(alpha, count, n)
    return _rate_sequence(count, n, alpha)


def rate_p(count: int, n: int, threshold: float) -> Sides:
    """Return the anytime-valid p values of "the rate is above `threshold`" and "is below it".

    Raises:
        ValueError: counts that do not fit, or a threshold outside (0, 1).
    """
    _check(0.5, count, n)
    if not 0 < threshold < 1:
        raise ValueError(f"expected a threshold between 0 and 1, found {threshold}")
    return Sides(_p(_rate_wealth(count, n, threshold)), _p(_rate_wealth(n - count, n, 1 - threshold)))


def paired_difference_sequence(only_here: int, only_there: int, n: int, alpha: float = 0.05) -> Estimate:
    """Return (only_here - only_there) / n, the difference of two rates over `n` pairs, with its limits.

    `only_here` counts the pairs in which the event happened here and not there, `only_there` the reverse.
    Pairs share their seed and all their draws; nothing is assumed about how alike that makes them. The limits
    hold the difference at all looks together with chance 1 - alpha.

    Raises:
        ValueError: counts that do not fit into `n` pairs, or `alpha` not in (0, 1).
    """
    _check_pairs(alpha, only_here, only_there, n)
    return _paired_sequence(only_here, only_there, n, alpha)


def paired_difference_p(only_here: int, only_there: int, n: int, null: float = 0.0) -> Sides:
    """Return the anytime-valid p values of "the difference is above `null`" and "is below it".

    With `null=0` only pairs that differ count (a sequential McNemar test). For equivalence ask at `-margin`
    (above) and `margin` (below): the difference lies within the margin if both are at or below alpha.

    Raises:
        ValueError: counts that do not fit into `n` pairs, or a null outside (-1, 1).
    """
    _check_pairs(0.5, only_here, only_there, n)
    _check_null(null)
    return Sides(
        _p(_paired_wealth(only_here, only_there, n, null)),
        _p(_paired_wealth(only_there, only_here, n, -null)),
    )


def difference_sequence(count: int, n: int, ref_count: int, ref_n: int, alpha: float = 0.05) -> Estimate:
    """Return count / n - ref_count / ref_n for independent cells, with limits valid at every look.

    Cells of equal size are known best: three quarters of the wealth bets on blocks of one trial from each
    cell, and is heard only when the sizes are equal. With unequal sizes only the remaining quarter is heard,
    and the limits are wider; where the rows are at hand, cutting both cells to the trials that they share is
    often better, and it is valid as long as it is done at every look.

    Raises:
        ValueError: counts that do not fit, or `alpha` not in (0, 1).
    """
    _check(alpha, count, n)
    _check(alpha, ref_count, ref_n)
    return _difference_sequence(count, n, ref_count, ref_n, alpha)


def difference_p(count: int, n: int, ref_count: int, ref_n: int, null: float = 0.0) -> Sides:
    """Return the anytime-valid p values of "the difference is above `null`" and "is below it".

    Raises:
        ValueError: counts that do not fit, or a null outside (-1, 1).
    """
    _check(0.5, count, n)
    _check(0.5, ref_count, ref_n)
    _check_null(null)
    return Sides(
        _p(_difference_wealth(count, n, ref_count, ref_n, null)),
        _p(_difference_wealth(ref_count, ref_n, count, n, -null)),
    )


@lru_cache(maxsize=65536)
def _rate_sequence(count: int, n: int, alpha: float) -> Estimate:
    bar = log(2 / alpha)
    value = count / n
    low = _outermost(lambda t: _rate_wealth(count, n, t) >= bar, 0.0, value)
    high = 1 - _outermost(lambda t: _rate_wealth(n - count, n, t) >= bar, 0.0, 1 - value)
    return Estimate(value, low, max(value, high))


@lru_cache(maxsize=65536)
def _paired_sequence(here: int, there: int, n: int, alpha: float) -> Estimate:
    bar = log(2 / alpha)
    value = (here - there) / n
    low = _outermost(lambda null: _paired_wealth(here, there, n, null) >= bar, -1.0, value)
    high = -_outermost(lambda null: _paired_wealth(there, here, n, null) >= bar, -1.0, -value)
    return Estimate(value, low, high)


@lru_cache(maxsize=65536)
def _difference_sequence(s: int, n: int, r: int, m: int, alpha: float) -> Estimate:
    bar = log(2 / alpha)
    value = s / n - r / m
    low = _outermost(lambda null: _difference_wealth(s, n, r, m, null) >= bar, -1.0, value)
    high = -_outermost(lambda null: _difference_wealth(r, m, s, n, null) >= bar, -1.0, -value)
    return Estimate(value, low, high)


def _ladder() -> tuple[tuple[float, float], ...]:
    """Return (stake, log of its share of the wealth), from timid to bold; all of the stake below 1.

    Evenly spaced in the logit of the stake, so that some stake is near the best one whatever the truth: half
    a step off costs a few per cent of the growth. Timid stakes, which need long runs to pay, get less.
    """
    stakes = [1 / (1 + exp(-step / 2)) for step in range(-14, 7)]
    shares = [stake**0.35 for stake in stakes]
    whole = sum(shares) * (1 + _ALL_IN)
    return tuple((stake, log(share / whole)) for stake, share in zip(stakes, shares, strict=True))


_ALL_IN = 0.15
"""What is staked whole, as a share of the rest: pays most when an event never or always happens."""

_LADDER = _ladder()
_LOG_ALL_IN = log(_ALL_IN / (1 + _ALL_IN))


def _mixture(terms: list[float]) -> float:
    top = max(terms)
    return top if top in (inf, -inf) else top + log(sum(exp(term - top) for term in terms))


def _rate_wealth(count: int, n: int, rate: float) -> float:
    """Return the log wealth of betting that the chance is above `rate`; it decreases in `rate`.

    A stake w pays 1 + w (1 - rate) / rate on an event and 1 - w on none.
    """
    odds = (1 - rate) / rate
    rest = n - count
    terms = [share + count * log1p(w * odds) + rest * log1p(-w) for w, share in _LADDER]
    if rest == 0:
        terms.append(_LOG_ALL_IN + count * log1p(odds))
    return _mixture(terms)


def _paired_wealth(here: int, there: int, n: int, null: float) -> float:
    """Return the log wealth of betting that the mean difference is above `null`; it decreases in `null`.

    With differences z of 1, 0 and -1 and a stake w, a pair pays 1 + w (z - null) / (1 + null).
    """
    same = n - here - there
    up, level = (1 - null) / (1 + null), -null / (1 + null)
    terms = [
        share + here * log1p(w * up) + same * log1p(w * level) + there * log1p(-w) for w, share in _LADDER
    ]
    if there == 0:
        terms.append(_LOG_ALL_IN + here * log1p(up) + same * log1p(level))
    return _mixture(terms)


def _difference_wealth(s: int, n: int, r: int, m: int, null: float) -> float:
    """Return the log wealth of betting that the first rate is more than `null` above the second."""
    apart = log(1 - _BLOCKS) + _apart_wealth(s, n, r, m, null)
    return _mixture([apart, log(_BLOCKS) + _block_wealth(s, r, n, null)]) if n == m else apart


@cache
def _block_bets() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return guesses of the common level, the stakes, and each stake's log share (both as columns)."""
    import numpy as np

    levels = np.array([sin(pi * step / 16) ** 2 for step in range(9)])
    stakes = np.array([[32 * 1.3**-step] for step in range(34)])
    shares = stakes**0.3 / np.sqrt(1 + (stakes / 2) ** 2)
    return levels, stakes, np.log(shares / (shares.sum() * levels.size))


def _block_wealth(s: int, r: int, n: int, null: float) -> float:
    """Return the log wealth of betting on `n` blocks of one trial x from one cell and y from the other.

    With a = level + null / 2 and b = level - null / 2, a block pays (1 + c (x - a)) (1 - c (y - b)). Where
    the rates are a + u and b + v with u <= v, as the null hypothesis says, that is on average
    (1 + c u) (1 - c v) <= 1 - c^2 v^2 <= 1, whatever the level. A bet that could lose more than its stake is
    not made; for given level and stake every factor decreases in the null, so the whole does.
    """
    import numpy as np

    levels, stakes, shares = _block_bets()
    a, b = levels + null / 2, levels - null / 2
    pays = np.stack([1 + stakes * (1 - a), 1 - stakes * a, 1 - stakes * (1 - b), 1 + stakes * b])
    times = np.array([s, n - s, r, n - r], dtype=np.float64)[:, None, None]
    open_ = (pays > 0).all(axis=0)
    logs = np.log(np.where(pays > 0, pays, 1.0))
    wealth = np.where(open_, (times * logs).sum(axis=0) + shares, -inf)
    top = float(wealth.max())
    return top if top == -inf else top + log(float(np.exp(wealth - top).sum()))


def _apart_wealth(s: int, n: int, r: int, m: int, null: float) -> float:
    """Return the least log wealth, over all pairs of rates at most `null` apart, of betting on each cell.

    Against one pair of rates the wealth is the product of the two cells' beta-binomial likelihood ratios
    (Robbins 1970, with Jeffreys' prior as the mixture); a pair that differs by `null` at most must be left.
    """
    p, q = s / n, r / m
    if p - q > null:
        low, high = max(0.0, -null), min(1.0, 1 - null)
        for _ in range(40):
            middle = (low + high) / 2
            p, q = _inside(middle + null), _inside(middle)
            slope = s / p - (n - s) / (1 - p) + r / q - (m - r) / (1 - q)
            low, high = (middle, high) if slope > 0 else (low, middle)
    return _evidence(s, n, p) + _evidence(r, m, q)


def _inside(rate: float) -> float:
    return min(max(rate, 1e-15), 1 - 1e-15)


def _evidence(count: int, n: int, rate: float) -> float:
    """Return the log of the beta-binomial likelihood ratio of all rates (Jeffreys' prior) to `rate`."""
    rest = n - count
    every = lgamma(count + 0.5) + lgamma(rest + 0.5) - lgamma(n + 1) - log(pi)
    mine = (count * log(rate) if count else 0.0) + (rest * log1p(-rate) if rest else 0.0)
    return every - mine


def _outermost(left: Callable[[float], bool], floor: float, value: float) -> float:
    """Return where a bet stops paying between `floor` and `value`, from the side where it still pays."""
    low, high = floor, value
    for _ in range(_HALVINGS if value > floor else 0):
        middle = (low + high) / 2
        if left(middle):
            low = middle
        else:
            high = middle
    return low


def _p(wealth: float) -> float:
    return exp(-wealth) if wealth > 0 else 1.0


def _check(alpha: float, count: int, n: int) -> None:
    if n < 1 or not 0 <= count <= n:
        raise ValueError(f"expected 0 <= count <= n and n >= 1, found count={count}, n={n}")
    if not 0 < alpha < 1:
        raise ValueError(f"expected an alpha between 0 and 1, found {alpha}")


def _check_pairs(alpha: float, here: int, there: int, n: int) -> None:
    if n < 1 or here < 0 or there < 0 or here + there > n:
        raise ValueError(f"expected only_here + only_there <= n, found {here} + {there} and n={n}")
    _check(alpha, 0, n)


def _check_null(null: float) -> None:
    if not -1 < null < 1:
        raise ValueError(f"expected a null difference between -1 and 1, found {null}")
