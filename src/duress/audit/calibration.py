"""How unusual is unusual: p-values that hold without a model of the data, and alerts that keep to a budget.

Conformal prediction (Vovk, Gammerman and Shafer 2005): where past and present runs are exchangeable, the rank
of a new score among the past ones is uniform, whatever the score is. So a budget of five alerts a day is five
a day in the long run, without knowing how scores are distributed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Final

DAY: Final = 86_400.0
MEMORY: Final = 5_000
"""So many past scores of one kind are kept; what is older is forgotten."""
LEAST: Final = 20
"""With fewer past scores nothing is unusual yet."""


def p_value(score: float, past: Sequence[float], tie: float = 1.0) -> float:
    """Return how often an exchangeable past shows a score as high: in (0, 1].

    Args:
        score: the higher, the stranger.
        past: earlier scores, sorted upwards.
        tie: the share of equal scores that count as higher, 0 to 1. Drawn uniformly it makes the p-value
            exactly uniform; 1 makes it conservative.
    """
    higher = len(past) - bisect_right(past, score)
    equal = bisect_right(past, score) - bisect_left(past, score)
    return (higher + tie * (equal + 1)) / (len(past) + 1)


class Reference:
    """Past scores of one kind of run: sorted for ranks, in order for forgetting."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._sorted: list[float] = []
        self._ordered: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def p(self, score: float, tie: float = 1.0) -> float:
        """Return the p-value of a new score; 1 while fewer than `LEAST` are known."""
        return p_value(score, self._sorted, tie) if len(self._sorted) >= LEAST else 1.0

    def learn(self, score: float) -> None:
        """Take a score into the past; the oldest is forgotten where there are more than the memory holds."""
        insort(self._sorted, score)
        self._ordered.append(score)
        if len(self._ordered) > self._memory:
            oldest = self._ordered.pop(0)
            del self._sorted[bisect_left(self._sorted, oldest)]


class Budget:
    """Turns "so many alerts a day" into a bar for p-values, from how many runs a day there are.

    The rate of runs is measured on what came before, so the bar of a run never depends on the run itself.
    """

    def __init__(self, per_day: float, half_life: float = 3 * DAY) -> None:
        """Aim at `per_day` alerts; the rate of runs is averaged with this half-life, in seconds.

        Raises:
            ValueError: a budget below zero or a half-life that is not above zero.
        """
        if per_day < 0 or half_life <= 0:
            raise ValueError(f"alerts per day {per_day}, half-life {half_life}: expected 0 or more, above 0")
        self.per_day = per_day
        self._half_life = half_life
        self._weight = 0.0
        self._covered = 0.0
        self._last: float | None = None

    def bar(self, at: float) -> float:
        """Return the p-value up to which a run at this time (seconds) is an alert; 0 in the first hours."""
        weight, covered = self._faded(at)
        if covered < DAY / 24 or weight <= 0:
            return 0.0
        return min(1.0, self.per_day / (weight / covered * DAY))

    def count(self, at: float) -> None:
        """Take note that a run began."""
        self._weight, self._covered = self._faded(at)
        self._weight += 1.0
        self._last = max(at, self._last or at)

    def _faded(self, at: float) -> tuple[float, float]:
        """Return runs and seconds, both counted less the longer ago."""
        if self._last is None or at <= self._last:
            return self._weight, self._covered
        passed = at - self._last
        fade = 0.5 ** (passed / self._half_life)
        # the integral of the fading weight over the time that passed
        covered = self._half_life / 0.6931471805599453 * (1 - fade)
        return self._weight * fade, self._covered * fade + covered
