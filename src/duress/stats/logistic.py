"""The logistic model of rates, from counts by cell and by cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from duress.stats import law

FEW = 20
"""With fewer clusters, sandwich errors are too small: the wild bootstrap takes their place."""
DRAWS = 1999
_STEPS = 100
_FAR = 30.0
"""A log odds ratio beyond this has no limit on its side."""
_TINY = 1e-9

Errors = Literal["cluster-robust", "wild-bootstrap", "independent"]
Matrix: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Inference:
    """A value on its scale with limits and a two-sided p value of zero. Limits may be infinite."""

    value: float
    low: float
    high: float
    p: float
    error: float | None
    """Standard error, where the limits come from one."""


@dataclass(frozen=True)
class Clusters:
    """Events and trials by cluster (rows) and cell (columns)."""

    events: Matrix
    trials: Matrix


@dataclass(frozen=True)
class Fit:
    """A fitted model. `design` has a row per cell and a column per coefficient."""

    design: Matrix
    trials: Matrix
    events: Matrix
    beta: Matrix
    bread: Matrix
    """Inverse information."""
    separated: tuple[bool, ...]
    """Per coefficient: whether no finite value is best, as some cells have only events or none."""
    penalised: bool
    """Whether the estimates are Firth's, as they are where any coefficient is separated."""
    clusters: Clusters | None

    @property
    def errors(self) -> Errors:
        """Return what standard errors rest on: `cluster-robust`, `wild-bootstrap` or `independent`."""
        if self.clusters is None or len(self.clusters.trials) < 2:
            return "independent"
        return "wild-bootstrap" if len(self.clusters.trials) < FEW else "cluster-robust"

    @cached_property
    def covariance(self) -> Matrix:
        """Return the covariance of the coefficients.

        With clusters it is the sandwich of the summed scores of the clusters (Liang and Zeger 1986) with
        the factor G / (G - 1) * (N - 1) / (N - k) for few clusters; without, the inverse information.
        """
        if self.errors == "independent":
            return self.bread
        groups, total, k = len(self._scores), self.trials.sum(), len(self.beta)
        factor = groups / (groups - 1) * (total - 1) / max(total - k, 1)
        return self.bread @ (self._scores.T @ self._scores) @ self.bread * factor

    def coefficient(self, number: int, confidence: float = 0.95) -> Inference:
        """Return a coefficient (a log odds ratio) with its limits and p value.

        By its standard error (Wald), with t of G - 1 degrees of freedom for G clusters or by the wild
        bootstrap; of a penalised model by the profile of the penalised likelihood (Heinze and Schemper
        2002), which takes trials as independent.
        """
        if self.penalised:
            return self._profile(number, confidence)
        gradient = np.zeros(len(self.beta))
        gradient[number] = 1.0
        return self.inference(float(self.beta[number]), gradient, confidence)

    def marginal(self, terms: Sequence[tuple[float, Matrix]], confidence: float = 0.95) -> Inference:
        """Return a sum of weight * mean predicted rate over terms (weight, rows), by the delta method.

        `rows` are design rows of cells: those of a factor's level with weight 1 and those of its
        reference with -1 give its average marginal effect, as a proportion.
        """
        value = 0.0
        gradient = np.zeros(len(self.beta))
        for weight, rows in terms:
            p = _expit(rows @ self.beta)
            value += weight * float(p.mean())
            gradient += weight * ((p * (1 - p)) @ rows) / len(rows)
        return self.inference(value, gradient, confidence)

    def inference(self, value: float, gradient: Matrix, confidence: float) -> Inference:
        """Return a smooth function of the coefficients with limits from its gradient."""
        error = sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))
        if error < _TINY:
            # Every cluster says exactly the same, or no trial says anything: no spread to learn from.
            return Inference(value, -inf, inf, 1.0, None)
        t = abs(value) / error
        quantile, p = self._reference(t, gradient, confidence)
        return Inference(value, value - quantile * error, value + quantile * error, p, error)

    def _reference(self, t: float, gradient: Matrix, confidence: float) -> tuple[float, float]:
        """Return the quantile of |t| and the p value of `t`."""
        match self.errors:
            case "independent":
                return law.normal_quantile((1 + confidence) / 2), law.normal_two_sided(t)
            case "cluster-robust":
                df = len(self._scores) - 1
                return law.student_quantile((1 + confidence) / 2, df), law.student_two_sided(t, df)
            case _:
                drawn = self._wild(gradient)
                p = (1 + float((drawn >= t * (1 - _TINY)).sum())) / (1 + len(drawn))
                return float(np.quantile(drawn, confidence, method="higher")), p

    @cached_property
    def _p(self) -> Matrix:
        return _expit(self.design @ self.beta)

    @cached_property
    def _scores(self) -> Matrix:
        """Per cluster the sum of the scores of its trials."""
        assert self.clusters is not None
        return (self.clusters.events - self.clusters.trials * self._p) @ self.design

    def _wild(self, gradient: Matrix) -> Matrix:
        """Return |t| under the score wild bootstrap with Webb's six weights.

        The scores of the clusters are given random signs and sizes, the coefficients take one Newton
        step from them, and the scores are taken anew there, to first order (Kline and Santos 2012; the
        weights of Webb 2023). The same draws each time.
        """
        assert self.clusters is not None
        groups = len(self._scores)
        six = np.sqrt(np.array([0.5, 1.0, 1.5]))
        weights = np.random.default_rng(20120301).choice(np.concatenate([-six, six]), (DRAWS, groups))
        steps = weights @ self._scores @ self.bread
        toward = self.bread @ gradient
        shares = self.clusters.trials * (self._p * (1 - self._p))
        information = np.stack([(self.design.T * share) @ self.design @ toward for share in shares])
        again = weights * (self._scores @ toward) - steps @ information.T
        factor = groups / (groups - 1) * (self.trials.sum() - 1) / max(self.trials.sum() - len(self.beta), 1)
        error = np.sqrt((again**2).sum(axis=1) * factor)
        moved = np.abs(steps @ gradient)
        return np.divide(moved, error, out=np.full(DRAWS, inf), where=error > _TINY * moved.max())

    def _profile(self, number: int, confidence: float) -> Inference:
        best = _penalised_likelihood(self.design, self.events, self.trials, self.beta)
        value = float(self.beta[number])

        def lost(at: float) -> float:
            beta = _newton(self.design, self.events, self.trials, True, (number, at), self.beta)
            held = _penalised_likelihood(self.design, self.events, self.trials, beta)
            return max(0.0, 2 * (best - held))

        most = law.chi2_quantile(confidence, 1)
        step = 2 * sqrt(float(self.bread[number, number]))
        limits = [_crossing(lost, value, way * step, most) for way in (-1, 1)]
        return Inference(value, limits[0], limits[1], law.chi2_tail(lost(0.0), 1), None)


def fit(design: Matrix, events: Matrix, trials: Matrix, clusters: Clusters | None = None) -> Fit:
    """Fit a binomial model with logit link to counts by cell.

    The maximum likelihood estimate where there is one. Where cells without events, or with nothing else,
    would send a coefficient to infinity (found by linear programming; Konis 2007), the estimate is that
    of Firth's penalised likelihood (Firth 1993; Heinze and Schemper 2002), and the coefficients concerned
    are named. Columns must be linearly independent (`independent` finds those that are).

    Raises:
        ValueError: shapes that do not belong together, or counts that are not within 0..trials.
    """
    if design.shape[0] != len(events) or len(events) != len(trials):
        raise ValueError(f"expected a row per cell, found {design.shape[0]}, {len(events)}, {len(trials)}")
    if (events < 0).any() or (events > trials).any() or trials.sum() <= 0:
        raise ValueError("expected 0 <= events <= trials in every cell, and any trials at all")
    separated = _separated(design, events, trials)
    penalised = any(separated)
    start: Matrix = np.zeros(len(separated))
    beta = _newton(design, events, trials, penalised, None, start)
    bread: Matrix = np.linalg.inv(_information(design, trials, _expit(design @ beta))).astype(np.float64)
    return Fit(design, trials, events, beta, bread, separated, penalised, clusters)


def independent(design: Matrix) -> tuple[int, ...]:
    """Return the columns that are no linear combination of columns before them."""
    kept: list[int] = []
    basis = np.zeros((design.shape[0], 0))
    for number in range(design.shape[1]):
        column = design[:, number]
        # Twice: once leaves rounding errors of the size of what is being looked for.
        left = column - basis @ (basis.T @ column)
        left = left - basis @ (basis.T @ left)
        size = float(np.linalg.norm(left))
        if size > 1e-8 * max(1.0, float(np.linalg.norm(column))):
            basis = np.column_stack([basis, left / size])
            kept.append(number)
    return tuple(kept)


def _newton(
    design: Matrix,
    events: Matrix,
    trials: Matrix,
    penalised: bool,
    fixed: tuple[int, float] | None,
    start: Matrix,
) -> Matrix:
    """Return the coefficients at which the (penalised) likelihood is highest, one of them held if asked."""
    beta = start.copy()
    free = np.ones(len(beta), dtype=bool)
    if fixed is not None:
        beta[fixed[0]] = fixed[1]
        free[fixed[0]] = False
    if not free.any():
        return beta
    likelihood = _penalised_likelihood if penalised else _likelihood
    here = likelihood(design, events, trials, beta)
    for _ in range(_STEPS):
        p = _expit(design @ beta)
        information = _information(design, trials, p)
        residual = events - trials * p
        if penalised:
            weight = trials * p * (1 - p)
            leverage = weight * np.einsum("ij,jk,ik->i", design, np.linalg.pinv(information), design)
            residual = residual + leverage * (0.5 - p)
        score = (design.T @ residual)[free]
        step = _solved(information[np.ix_(free, free)], score)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        moved, there = _moved(beta, free, step), -inf
        for _ in range(30):
            moved = _moved(beta, free, step)
            there = likelihood(design, events, trials, moved)
            if there >= here - 1e-12 * abs(here):
                break
            step = step / 2
        beta, here = moved, there
        if float(np.abs(step).max()) < 1e-9:
            break
    return beta


def _solved(information: Matrix, score: Matrix) -> Matrix:
    return np.linalg.lstsq(information, score, rcond=None)[0].astype(np.float64)


def _moved(beta: Matrix, free: NDArray[np.bool_], step: Matrix) -> Matrix:
    out = beta.copy()
    out[free] += step
    return out


def _likelihood(design: Matrix, events: Matrix, trials: Matrix, beta: Matrix) -> float:
    eta = design @ beta
    return float((events * eta - trials * np.logaddexp(0, eta)).sum())


def _penalised_likelihood(design: Matrix, events: Matrix, trials: Matrix, beta: Matrix) -> float:
    sign, logarithm = np.linalg.slogdet(_information(design, trials, _expit(design @ beta)))
    if sign <= 0:
        return -inf
    return _likelihood(design, events, trials, beta) + float(logarithm) / 2


def _information(design: Matrix, trials: Matrix, p: Matrix) -> Matrix:
    return (design.T * (trials * p * (1 - p))) @ design


def _expit(eta: Matrix) -> Matrix:
    return 1 / (1 + np.exp(-np.clip(eta, -700, 700)))


def _separated(design: Matrix, events: Matrix, trials: Matrix) -> tuple[bool, ...]:
    """Return which coefficients have a direction in which the likelihood never falls (Konis 2007)."""
    from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

    used = trials > 0
    none, every = used & (events == 0), used & (events == trials)
    mixed = used & ~none & ~every
    k = design.shape[1]
    if not none.any() and not every.any():
        return (False,) * k
    one_sided = np.vstack([design[none], -design[every]])
    equal = design[mixed] if mixed.any() else None

    def reach(objective: Matrix) -> bool:
        found: Any = cast("Any", optimize).linprog(
            -objective,
            A_ub=one_sided,
            b_ub=np.zeros(len(one_sided)),
            A_eq=equal,
            b_eq=None if equal is None else np.zeros(len(equal)),
            bounds=[(-1, 1)] * k,
            method="highs",
        )
        return bool(found.status == 0 and -found.fun > 1e-7)

    if not reach(-one_sided.sum(axis=0)):
        return (False,) * k
    unit = np.eye(k)
    return tuple(any(reach(sign * unit[j]) for sign in (1.0, -1.0)) for j in range(k))


def _crossing(lost: Callable[[float], float], start: float, step: float, most: float) -> float:
    """Return where the loss of likelihood from `start` towards `step` reaches `most`, or an infinity."""
    near, far = start, start + step
    while lost(far) < most:
        near, far = far, start + 2 * (far - start)
        if abs(far) > _FAR:
            return inf if step > 0 else -inf
    for _ in range(_STEPS):
        middle = (near + far) / 2
        if lost(middle) < most:
            near = middle
        else:
            far = middle
        if abs(far - near) < 1e-5:
            break
    return (near + far) / 2
