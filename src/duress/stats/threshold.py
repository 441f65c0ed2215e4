"""Is a rate above or below a threshold? Decided as early as the trials allow, with alpha for each error.

Two designs, each with a look after every trial:

*   The capped design ends after `most` trials, and what is undecided then is said to be undecided. It is
    found by backward induction, as the Bayes solution of a truncated sequential problem is (Wald and
    Wolfowitz 1948; Arrow, Blackwell and Girshick 1949): a trial costs 1, a right decision is worth many
    trials, and a decision taken when the rate is exactly the threshold costs what it must for the chance of
    ever taking it to be alpha. That chance is not simulated or approximated, it is summed over all paths.

*   The open design has no cap. It stops when the likelihood ratio of a mixture of rates on one side of the
    threshold to the threshold itself reaches a bar (Robbins 1970, a test of power one). Ville's inequality
    would put the bar at 1 / alpha; as a ratio jumps over its bar, that wastes alpha. Here the bar is lowered
    until the chance of ever reaching it, summed exactly over all paths to a horizon and bounded by Ville's
    inequality beyond it, is alpha.

In both, the chance of ever saying "above" when the rate is at or below the threshold is at most alpha, and so
is the chance of ever saying "below" when it is at or above. Each boundary keeps its promise whether or not
the other one, or the stop for futility, is obeyed, and whatever looks are left out.

Both spread their hopes over the same mixture of alternatives: half the weight lies within an odds ratio of
about 3 of the threshold, the rest falls off slowly, and some lies on "never" and on "always". What is
promised does not depend on the mixture; how soon it is kept does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, inf, lgamma, log, log1p
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LARGEST = 2000
"""The largest cap: the tables of the capped design grow with its square."""

_WORTHS = (10, 30, 100)
"""What a right decision may be worth, in units of `most` trials; the first with enough power is taken."""

_SCALE = 0.7
_EXTREME = 0.3
"""The weight of "never" below a threshold near 0, and of "always" above one near 1."""

_HORIZON = 10000

Answer = Literal["above", "below"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a design does at one true rate: chances of each answer, and the mean number of trials."""

    above: float
    below: float
    undecided: float
    trials: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A sequential test of one rate against a threshold; capped at `most` trials, or open if that is None.

    `alpha` is the chance of each wrong answer ("above" at a rate that is not, "below" at a rate that is not).
    The first use of a design computes its table (a fraction of a second at 100 trials, a second or so for the
    open one, several at a cap of 1,000), which is kept; after that an answer is a look into the table.

    Raises:
        ValueError: threshold or alpha outside (0, 1), alpha above a half, or a cap outside 1..2000.
    """

    threshold: float
    alpha: float = 0.05
    most: int | None = 100

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(f"expected a threshold between 0 and 1, found {self.threshold}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"expected an alpha between 0 and 0.5, found {self.alpha}")
        if self.most is not None and not 1 <= self.most <= LARGEST:
            raise ValueError(
                f"expected at most {LARGEST} trials, found {self.most}; leave the cap out for an open design"
            )

    def decide(self, count: int, n: int) -> Answer | None:
        """Return the answer after `count` events in `n` trials, or None where there is none (yet).

        Raises:
            ValueError: `count` is not within 0..n, or `n` is beyond the cap.
        """
        self._check(count, n)
        table = self._table()
        above, below = table.limits(n)
        return "above" if count >= above else "below" if count <= below else None

    def over(self, count: int, n: int) -> bool:
        """Return whether to stop: decided, at the cap, or (capped only) no answer worth its trials is left.

        Raises:
            ValueError: `count` is not within 0..n, or `n` is beyond the cap.
        """
        if n == self.most or self.decide(count, n) is not None:
            return True
        low, high = self._table().futile(n)
        return low <= count <= high

    def limits(self, n: int) -> tuple[int, int]:
        """Return (smallest count that says "above", largest that says "below") after `n` trials.

        The first is n + 1 or more, and the second -1, where no count says so.
        """
        self._check(0, n)
        return self._table().limits(n)

    def outlook(self, rate: float, within: int | None = None) -> Outlook:
        """Return what the design does at a true rate, with a look after every trial, summed over all paths.

        `within` stops counting after so many trials (default: the cap, or 10,000 for the open design); what
        is not decided by then is undecided.

        Raises:
            ValueError: a rate outside [0, 1].
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"expected a rate between 0 and 1, found {rate}")
        last = within or self.most or _HORIZON
        table = self._table()
        return _follow(table, rate, last if self.most is None else min(last, self.most))

    def _table(self) -> _Capped | _Open:
        if self.most is None:
            return _open_table(self.threshold, self.alpha)
        return _capped_table(self.threshold, self.alpha, self.most)

    def _check(self, count: int, n: int) -> None:
        if n < 0 or not 0 <= count <= n:
            raise ValueError(f"expected 0 <= count <= n, found count={count}, n={n}")
        if self.most is not None and n > self.most:
            raise ValueError(f"expected at most {self.most} trials in this design, found {n}")


def exact_test(threshold: float, alpha: float, n: int) -> tuple[int, int]:
    """Return the fixed design: from which count on `n` trials say "above", and up to which they say "below".

    The one-sided exact binomial tests at `alpha` each. The second is -1 where no count is small enough.

    Raises:
        ValueError: threshold or alpha outside (0, 1), or no trials.
    """
    if n < 1 or not 0 < threshold < 1 or not 0 < alpha < 1:
        raise ValueError(f"expected n >= 1 and chances, found n={n}, threshold={threshold}, alpha={alpha}")
    import numpy as np

    chances = _binomial(n, threshold)
    above = np.cumsum(chances[::-1])[::-1] <= alpha
    below = np.cumsum(chances) <= alpha
    return (int(np.argmax(above)) if above.any() else n + 1), int(below.sum()) - 1


def wald_bound(rate: float, threshold: float, alpha: float) -> float:
    """Return Wald's lower bound on the mean number of trials at `rate`, for errors of `alpha` at both rates.

    No test that is wrong with chance alpha at most, both when the rate is `rate` and when it is `threshold`,
    takes fewer trials on average (Wald 1947, on the efficiency of the sequential probability ratio test):
    ((1 - alpha) log((1 - alpha) / alpha) + alpha log(alpha / (1 - alpha))) / KL(rate, threshold). That test
    is told both rates beforehand. At the threshold the bound is infinite.

    Raises:
        ValueError: a rate outside [0, 1], a threshold outside (0, 1) or an alpha outside (0, 0.5).
    """
    if not 0 <= rate <= 1 or not 0 < threshold < 1 or not 0 < alpha < 0.5:
        raise ValueError(f"expected chances, found {rate}, {threshold} and alpha={alpha}")
    gain = rate * log(rate / threshold) if rate else 0.0
    gain += (1 - rate) * log((1 - rate) / (1 - threshold)) if rate < 1 else 0.0
    return (1 - 2 * alpha) * log((1 - alpha) / alpha) / gain if gain > 0 else inf


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Rates on one side of a threshold, with weights that sum to 1."""

    rates: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class _Capped:
    """The table of a capped design, by number of trials."""

    above: tuple[int, ...]
    below: tuple[int, ...]
    vain: tuple[tuple[int, int], ...]

    def limits(self, n: int) -> tuple[int, int]:
        return self.above[n], self.below[n]

    def futile(self, n: int) -> tuple[int, int]:
        return self.vain[n]


@dataclass(frozen=True, slots=True)
class _Open:
    """The bars of an open design, with its table up to a horizon."""

    threshold: float
    bars: tuple[float, float]
    above: tuple[int, ...]
    below: tuple[int, ...]

    def limits(self, n: int) -> tuple[int, int]:
        if n < len(self.above):
            return self.above[n], self.below[n]
        return _beyond(self.threshold, self.bars, n)

    def futile(self, n: int) -> tuple[int, int]:
        return (0, -1)


def _mixtures(threshold: float) -> tuple[_Mixture, _Mixture]:
    """Return the rates above and below the threshold that a design hopes for.

    With x the log odds ratio to the threshold over 0.7, weights go with x / (1 + x^3).
    """
    import numpy as np

    apart = np.arange(0.15, 8.0, 0.3)
    x = apart / _SCALE
    weights = x / (1 + x**3)
    weights /= weights.sum()
    odds = threshold / (1 - threshold)
    sides: list[_Mixture] = []
    for extreme, sign, share in ((1.0, 1, _EXTREME * threshold), (0.0, -1, _EXTREME * (1 - threshold))):
        turned = odds * np.exp(sign * apart)
        rates = np.append(turned / (1 + turned), extreme)
        sides.append(_Mixture(rates, np.append(weights * (1 - share), share)))
    return sides[0], sides[1]


def _log_likelihood(mixture: _Mixture, counts: Ints, n: Ints | int) -> Floats:
    """Return the log of the mixture's chance of one sequence with `counts` events in `n` trials."""
    import numpy as np

    s = counts[:, None].astype(np.float64)
    rest = (n - counts)[:, None].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(s > 0, s * np.log(mixture.rates), 0.0)
        terms += np.where(rest > 0, rest * np.log1p(-mixture.rates), 0.0)
    terms += np.log(mixture.weights)
    top = terms.max(axis=1)
    return top + np.log(np.exp(terms - top[:, None]).sum(axis=1))


def _binomial(n: int, rate: float) -> Floats:
    """Return the chances of 0..n events; `rate` is strictly between 0 and 1."""
    import numpy as np

    logs = [
        lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(rate) + (n - k) * log1p(-rate)
        for k in range(n + 1)
    ]
    return np.exp(np.array(logs))


def _step(chances: Floats, rate: float) -> Floats:
    """Return the chances of each count after one more trial."""
    import numpy as np

    moved = np.zeros(chances.size + 1)
    moved[:-1] += chances * (1 - rate)
    moved[1:] += chances * rate
    return moved


def _crossing(limits: list[int], rate: float) -> tuple[float, Floats]:
    """Return the chance that the count ever reaches `limits[n]`, and those of the counts that have not."""
    import numpy as np

    alive, hit = np.ones(1), 0.0
    for n, limit in enumerate(limits):
        if n:
            alive = _step(alive, rate)
        if limit < alive.size:
            hit += float(alive[limit:].sum())
            alive = alive[:limit]
    return hit, alive


def _follow(table: _Capped | _Open, rate: float, last: int) -> Outlook:
    """Return what a table does at `rate`, looking after every trial up to `last`."""
    import numpy as np

    alive, first = np.ones(1), 0
    above = below = vain = trials = 0.0
    for n in range(last + 1):
        if n:
            trials += float(alive.sum())
            alive = _step(alive, rate)
        over, under = table.limits(n)
        cut = max(over - first, 0)
        above += float(alive[cut:].sum())
        alive = alive[:cut]
        cut = max(under - first + 1, 0)
        below += float(alive[:cut].sum())
        alive, first = alive[cut:], first + cut
        low, high = table.futile(n)
        if low <= high:
            low, high = max(low - first, 0), max(high - first + 1, 0)
            vain += float(alive[low:high].sum())
            alive[low:high] = 0.0
        if alive.sum() < 1e-13:
            break
    return Outlook(above, below, vain + float(alive.sum()), trials)


class _Induction:
    """Backward induction for one capped problem, for any price of the two wrong answers."""

    def __init__(self, threshold: float, most: int) -> None:
        import numpy as np

        self.threshold, self.most = threshold, most
        high, low = _mixtures(threshold)
        null = _Mixture(np.array([threshold]), np.ones(1))
        before: Floats | None = None
        self.high: list[Floats] = []
        self.low: list[Floats] = []
        self.null: list[Floats] = []
        self.event: list[Floats] = []
        """The chance, given n and the count, that the next trial is an event."""
        for n in range(most + 1):
            counts = np.arange(n + 1)
            parts = [_log_likelihood(high, counts, n), _log_likelihood(low, counts, n)]
            parts = [part - log(2) for part in parts] + [_log_likelihood(null, counts, n)]
            whole = np.logaddexp(np.logaddexp(parts[0], parts[1]), parts[2])
            if before is not None:
                self.event.append(np.exp(whole[1:] - before))
            before = whole
            for kept, part in zip((self.high, self.low, self.null), parts, strict=True):
                kept.append(np.exp(part - whole))

    def solve(self, worth: float, prices: tuple[float, float]) -> _Capped:
        """Return the best table if a right answer is worth `worth` trials and a wrong one costs `prices`.

        "Above" is only said where the share of events is at or above the threshold, "below" where it is at
        or below: then each path to an answer is likeliest, of the rates where it is wrong, at the threshold.
        """
        import numpy as np

        above, below, vain = [0] * (self.most + 1), [0] * (self.most + 1), [(0, -1)] * (self.most + 1)
        value = np.zeros(0)
        for n in range(self.most, -1, -1):
            share = np.arange(n + 1) - n * self.threshold
            yes = np.where(share >= 0, worth * self.high[n] - prices[0] * self.null[n], -1.0)
            no = np.where(share <= 0, worth * self.low[n] - prices[1] * self.null[n], -1.0)
            more = np.full(n + 1, -1.0)
            if n < self.most:
                event = self.event[n]
                more = (1 - event) * value[:-1] + event * value[1:] - (self.high[n] + self.low[n])
            rest = np.maximum(more, 0.0)
            over, under = yes > rest, no > rest
            above[n] = int(np.argmax(over)) if over.any() else n + 1
            below[n] = n - int(np.argmax(under[::-1])) if under.any() else -1
            idle = np.flatnonzero((more <= 0) & ~over & ~under)
            if idle.size:
                vain[n] = int(idle[0]), int(idle[-1])
            value = np.maximum(rest, np.maximum(yes, no))
        return _Capped(tuple(above), tuple(below), tuple(vain))

    def errors(self, table: _Capped) -> tuple[float, float]:
        """Return the chances, at the threshold, that the counts ever reach each boundary of the table."""
        return (
            _crossing(list(table.above), self.threshold)[0],
            _crossing([n - limit for n, limit in enumerate(table.below)], 1 - self.threshold)[0],
        )

    def fit(self, worth: float, alpha: float) -> _Capped:
        """Return the table with the lowest prices at which both errors are at most `alpha`."""
        dear = log(1 / alpha) + 3  # by Ville's inequality more than enough
        tries = [log(1 / alpha)] * 2

        def table() -> _Capped:
            return self.solve(worth, (worth * exp(tries[0]), worth * exp(tries[1])))

        for side in (0, 1, 0, 1):
            low, high = -3.0, dear
            for _ in range(12):
                tries[side] = (low + high) / 2
                if self.errors(table())[side] <= alpha:
                    high = tries[side]
                else:
                    low = tries[side]
            tries[side] = high
        # Each price moves the other boundary a little: settle what the last step unsettled.
        while True:
            found = table()
            wrong = [side for side, error in enumerate(self.errors(found)) if error > alpha]
            if not wrong:
                return found
            for side in wrong:
                tries[side] += 0.01

    def power(self, table: _Capped) -> float:
        """Return the chance of the right answer, averaged over both mixtures of alternatives."""
        high, low = _mixtures(self.threshold)
        right = 0.0
        for rate, weight in zip(high.rates.tolist(), high.weights.tolist(), strict=True):
            right += weight * _follow(table, rate, self.most).above
        for rate, weight in zip(low.rates.tolist(), low.weights.tolist(), strict=True):
            right += weight * _follow(table, rate, self.most).below
        return right / 2


@lru_cache(maxsize=64)
def _capped_table(threshold: float, alpha: float, most: int) -> _Capped:
    """Return the cheapest table on the ladder of worths with no less power than the fixed design."""
    problem = _Induction(threshold, most)
    fixed = _curtailed(threshold, alpha, most)
    aim = problem.power(fixed)
    for worth in _WORTHS:
        table = problem.fit(worth * most, alpha)
        if problem.power(table) >= aim:
            return table
    return fixed


def _curtailed(threshold: float, alpha: float, most: int) -> _Capped:
    """Return the fixed design, stopped as soon as the trials left cannot change its answer."""
    above, below = exact_test(threshold, alpha, most)
    vain: list[tuple[int, int]] = []
    for n in range(most + 1):
        left = most - n
        vain.append((max(below + 1, 0), above - left - 1))
    return _Capped(
        tuple(above for _ in range(most + 1)),
        tuple(below - (most - n) if below >= most - n else -1 for n in range(most + 1)),
        tuple(vain),
    )


def _bars_to_counts(threshold: float, side: int, bar: float, trials: Ints) -> Ints:
    """Return, for each number of trials, the outermost count whose likelihood ratio reaches a log bar.

    For side 0 the smallest count of events that says "above"; for side 1 the smallest count of trials
    without event that says "below". It is more than the trials where none does.
    """
    import numpy as np

    if side:
        mixture = _mixtures(threshold)[1]
        mixture, null = _Mixture(1 - mixture.rates, mixture.weights), 1 - threshold
    else:
        mixture, null = _mixtures(threshold)[0], threshold
    low, high = np.zeros_like(trials), trials + 1
    for _ in range(int(trials.max()).bit_length() + 1):
        middle = np.minimum((low + high) // 2, trials)
        ratio = _log_likelihood(mixture, middle, trials)
        ratio -= middle * log(null) + (trials - middle) * log1p(-null)
        enough = (ratio >= bar) & (low < high)
        high = np.where(enough, middle, high)
        low = np.where(enough | (low >= high), low, middle + 1)
    return high


@lru_cache(maxsize=64)
def _open_table(threshold: float, alpha: float) -> _Open:
    """Return the lowest bars at which the chance of ever reaching either is at most `alpha`.

    Up to the horizon the chance is summed over all paths. From there on, by Ville's inequality, a path with
    likelihood ratio m still reaches the bar b with chance m / b at most.
    """
    import numpy as np

    horizon = min(_HORIZON, ceil(150 / (threshold * (1 - threshold))))
    trials = np.arange(horizon + 1)
    bars: list[float] = []
    tables: list[Ints] = []
    for side in (0, 1):
        null = 1 - threshold if side else threshold

        def error(bar: float, side: int = side, null: float = null) -> float:
            limits = _bars_to_counts(threshold, side, bar, trials)
            hit, alive = _crossing(limits.tolist(), null)
            counts = np.arange(alive.size)
            mixture = _mixtures(threshold)[side]
            ratio = _log_likelihood(mixture, horizon - counts if side else counts, horizon)
            ratio -= counts * log(null) + (horizon - counts) * log1p(-null)
            return hit + float((alive * np.exp(np.minimum(ratio - bar, 0.0))).sum())

        low, high = log(1 / alpha) - 2.0, log(1 / alpha)
        for _ in range(9):
            middle = (low + high) / 2
            low, high = (low, middle) if error(middle) <= alpha else (middle, high)
        bars.append(high)
        tables.append(_bars_to_counts(threshold, side, high, trials))
    return _Open(
        threshold,
        (bars[0], bars[1]),
        tuple(tables[0].tolist()),
        tuple((trials - tables[1]).tolist()),
    )


@lru_cache(maxsize=65536)
def _beyond(threshold: float, bars: tuple[float, float], n: int) -> tuple[int, int]:
    """Return the limits of an open design beyond its horizon."""
    import numpy as np

    trials = np.array([n])
    above, none = (_bars_to_counts(threshold, side, bars[side], trials) for side in (0, 1))
    return int(above[0]), n - int(none[0])
