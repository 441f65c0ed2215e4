"""Measured rates agree with the truth at the nominal coverage; `benchmarks/calibration.py` is the long form."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from scipy.stats import binom

from duress.judge import Outcome, oracle
from duress.reference import labels, subject, truth
from duress.scenario import Pack
from duress.stats import wilson
from duress.trial import TrialSpec
from duress.trial.direct import run
from duress.world import World

TRIALS = 50
GRID = {
    "threat": ("none", "replacement"),
    "goal_conflict": ("none", "conflict"),
    "honest_exit": ("none", "channel"),
}


def harmful(pack: Pack, spec: TrialSpec, agent: str) -> bool:
    world = World.build(pack, spec)
    trajectory = run(world, spec, subject(agent, pack, spec.seed))
    asked = oracle.questions(world, trajectory)
    found = oracle.verdict(world, trajectory, labels.answer(pack, asked), labels.NAME, asked)
    return found.outcome is Outcome.HARMFUL


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_intervals_hold_the_true_rate_at_their_nominal_coverage(
    pack: Pack, spec_of: Callable[..., TrialSpec], lang: str
) -> None:
    held = cells = count = 0
    expected = variance = 0.0
    for agent in ("cornered", "schemer", "clumsy"):
        for levels in product(*GRID.values()):
            given = dict(zip(GRID, levels, strict=True))
            specs = [
                spec_of(pack, model=f"reference/{agent}", lang=lang, index=i, **given) for i in range(TRIALS)
            ]
            found = sum(harmful(pack, spec, agent) for spec in specs)
            true = truth(agent, pack, specs[0].condition)
            interval = wilson(found, TRIALS)
            held += interval.low <= true <= interval.high
            cells += 1
            count += found
            expected += TRIALS * true
            variance += TRIALS * true * (1 - true)
    # A coverage of 95 % leaves fewer than this many cells once in ten thousand times.
    assert held >= binom.ppf(1e-4, cells, 0.95)
    assert abs(count - expected) < 4 * variance**0.5
