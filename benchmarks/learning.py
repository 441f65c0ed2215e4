"""Learning on counts: logistic regression and gradient-boosted trees, small enough to read, no library.

Targets are degrees between 0 and 1, so that what judges disagreed on teaches what they disagreed on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from duress.audit.scorer.features import CAP
from duress.audit.scorer.model import Expert, Node

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

FLOOR = 0.25
"""No feature is scaled up by more than its inverse: what nearly never occurs must not decide."""


@dataclass(frozen=True)
class Settings:
    """How much is learned; chosen on grouped folds of `kpi_pressure`, where the optimum is flat."""

    penalty: float = 10.0
    rounds: int = 150
    rate: float = 0.05
    leaves: int = 6
    least: int = 20
    shrink: float = 5.0
    rows: float = 0.7
    columns: float = 0.3
    seed: int = 0


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))


def logistic(counts: Counts, degrees: Floats, weights: Floats, settings: Settings) -> tuple[float, Floats]:
    """Return intercept and weights per logarithm of a count, by penalised maximum likelihood."""
    values = np.log1p(counts)
    total = weights.sum()
    mean = weights @ values / total
    scale = np.maximum(np.sqrt(weights @ (values - mean) ** 2 / total), FLOOR)
    x = (values - mean) / scale

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = theta[0] + x @ theta[1:]
        error = weights * (sigmoid(z) - degrees)
        value = weights @ (np.logaddexp(0, z) - degrees * z) + settings.penalty / 2 * theta[1:] @ theta[1:]
        return float(value), np.concatenate([[error.sum()], x.T @ error + settings.penalty * theta[1:]])

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    slopes = found[1:] / scale
    return float(found[0] - slopes @ mean), slopes


Tree = list[tuple[int, int, int, int, float]]
"""Nodes: feature (-1 in a leaf), threshold, left, right, value."""


def boosted(counts: Counts, degrees: Floats, weights: Floats, settings: Settings) -> tuple[float, list[Tree]]:
    """Return a start and trees that are added to it (Friedman 2001; gains of Chen and Guestrin 2016)."""
    rng = np.random.default_rng(settings.seed)
    rows, features = counts.shape
    above = np.concatenate([counts >= level for level in range(1, CAP + 1)], axis=1).astype(np.float64)
    share = np.clip(weights @ degrees / weights.sum(), 0.01, 0.99)
    start = float(np.log(share / (1 - share)))
    state = np.full(rows, start)
    trees: list[Tree] = []
    for _ in range(settings.rounds):
        p = sigmoid(state)
        gradient, curvature = weights * (p - degrees), weights * p * (1 - p)
        taken = rng.random(rows) < settings.rows
        chosen = rng.permutation(features)[: max(1, int(settings.columns * features))]
        columns = np.sort(np.concatenate([chosen + level * features for level in range(CAP)]))
        tree = _grow(above, gradient, curvature, np.flatnonzero(taken), columns, features, settings)
        trees.append(tree)
        state += _apply(tree, counts)
    return start, trees


def _grow(
    above: Floats,
    gradient: Floats,
    curvature: Floats,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    features: int,
    settings: Settings,
) -> Tree:
    tree: Tree = [(-1, 0, 0, 0, 0.0)]
    leaves = {0: rows}
    best = {0: _split(above, gradient, curvature, rows, columns, settings)}
    while len(leaves) < settings.leaves:
        leaf = max(best, key=lambda at: best[at][0])
        gain, column = best[leaf]
        if gain <= 1e-9:
            break
        inside = leaves.pop(leaf)
        best.pop(leaf)
        right = above[inside, column] > 0
        tree[leaf] = (int(column % features), int(column // features) + 1, len(tree), len(tree) + 1, 0.0)
        for part in (inside[~right], inside[right]):
            at = len(tree)
            tree.append((-1, 0, 0, 0, 0.0))
            leaves[at] = part
            best[at] = _split(above, gradient, curvature, part, columns, settings)
    for at, inside in leaves.items():
        value = -gradient[inside].sum() / (curvature[inside].sum() + settings.shrink)
        tree[at] = (-1, 0, 0, 0, float(settings.rate * value))
    return tree


def _split(
    above: Floats,
    gradient: Floats,
    curvature: Floats,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    settings: Settings,
) -> tuple[float, int]:
    part = above[np.ix_(rows, columns)]
    g, h = gradient[rows], curvature[rows]
    right_g, right_h, right_n = g @ part, h @ part, part.sum(axis=0)
    all_g, all_h, n = g.sum(), h.sum(), len(rows)
    left_g, left_h = all_g - right_g, all_h - right_h
    gain = (
        right_g**2 / (right_h + settings.shrink)
        + left_g**2 / (left_h + settings.shrink)
        - all_g**2 / (all_h + settings.shrink)
    )
    gain[(right_n < settings.least) | (n - right_n < settings.least)] = 0.0
    at = int(np.argmax(gain))
    return float(gain[at]), int(columns[at])


def _apply(tree: Tree, counts: Counts) -> Floats:
    found = np.zeros(len(counts))
    waiting = [(0, np.arange(len(counts)))]
    while waiting:
        at, rows = waiting.pop()
        feature, threshold, left, right, value = tree[at]
        if feature < 0:
            found[rows] = value
        else:
            high = counts[rows, feature] >= threshold
            waiting += [(left, rows[~high]), (right, rows[high])]
    return found


Scorer = Callable[[Counts], Floats]


@dataclass(frozen=True)
class Fitted:
    """Both halves of an expert, before calibration."""

    names: tuple[str, ...]
    intercept: float
    weights: Floats
    start: float
    trees: list[Tree]

    def raw(self, counts: Counts) -> Floats:
        """Return the sum of both halves for every row."""
        return (
            self.intercept
            + np.log1p(counts) @ self.weights
            + self.start
            + np.sum([_apply(tree, counts) for tree in self.trees], axis=0)
        )

    def expert(self, slope: float, offset: float, share: float) -> Expert:
        """Return it as it is shipped."""
        return Expert(
            round(self.intercept + self.start, 5),
            {
                name: round(float(w), 5)
                for name, w in zip(self.names, self.weights, strict=True)
                if abs(w) >= 5e-5
            },
            tuple(
                tuple(
                    Node(self.names[f] if f >= 0 else "", threshold, left, right, round(value, 5))
                    for f, threshold, left, right, value in tree
                )
                for tree in self.trees
            ),
            round(slope, 5),
            round(offset, 5),
            round(share, 5),
        )


def fit(names: Sequence[str], counts: Counts, degrees: Floats, weights: Floats, settings: Settings) -> Fitted:
    """Return an expert, fitted."""
    intercept, slopes = logistic(counts, degrees, weights, settings)
    start, trees = boosted(counts, degrees, weights, settings)
    return Fitted(tuple(names), intercept, slopes, start, trees)


def platt(raw: Floats, labels: Floats) -> tuple[float, float]:
    """Return slope and offset of the logistic curve through scores and labels, with Platt's targets."""
    positives = labels.sum()
    high, low = (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2)
    target = np.where(labels > 0, high, low)

    def loss(theta: Floats) -> float:
        z = theta[0] * raw + theta[1]
        return float(np.sum(np.logaddexp(0, z) - target * z))

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    return float(slope), float(offset)


def folds(groups: Sequence[str], sources: Sequence[str], number: int, seed: int = 0) -> NDArray[np.int64]:
    """Return a fold per row; a group is never split, and every source is spread over all folds."""
    rng = np.random.default_rng(seed)
    found = np.zeros(len(groups), dtype=np.int64)
    of = np.array([f"{source}\0{group}" for source, group in zip(sources, groups, strict=True)])
    for source in sorted(set(sources)):
        mine = sorted({name for name in of.tolist() if name.startswith(f"{source}\0")})
        for at, name in enumerate(rng.permutation(mine).tolist()):
            found[of == name] = at % number
    return found
