from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.audit.calibration import DAY, LEAST, Budget, Reference, p_value


@given(st.lists(st.floats(0, 1), max_size=50), st.floats(0, 1), st.floats(0.001, 1))
def test_a_p_value_is_one(past: list[float], score: float, tie: float) -> None:
    assert 0 < p_value(score, sorted(past), tie) <= 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0, 1), st.floats(0, 1))
def test_a_stranger_score_is_never_less_unusual(past: list[float], one: float, other: float) -> None:
    ordered = sorted(past)
    low, high = sorted((one, other))
    assert p_value(high, ordered) <= p_value(low, ordered)


def test_p_values_of_exchangeable_scores_are_uniform() -> None:
    rng = random.Random(7)
    reference, found = Reference(), []
    for _ in range(4_000):
        score = rng.gauss(0, 1)
        found.append(reference.p(score, rng.random()))
        reference.learn(score)
    late = found[500:]
    for level in (0.01, 0.05, 0.2, 0.5):
        assert sum(p <= level for p in late) / len(late) == pytest.approx(
            level, abs=3 * (level / len(late)) ** 0.5
        )


def test_nothing_is_unusual_while_little_is_known() -> None:
    reference = Reference()
    for _ in range(LEAST - 1):
        reference.learn(0.0)
    assert reference.p(1e9) == 1.0


def test_what_is_old_is_forgotten() -> None:
    reference = Reference(memory=50)
    for score in range(200):
        reference.learn(float(score))
    assert len(reference) == 50
    assert reference.p(149.0) == 1.0


def test_the_bar_follows_the_number_of_runs() -> None:
    quiet, busy = Budget(5), Budget(5)
    for day in range(20):
        for number in range(20):
            quiet.count(day * DAY + number * DAY / 20)
        for number in range(1_000):
            busy.count(day * DAY + number * DAY / 1_000)
    assert quiet.bar(20 * DAY) == pytest.approx(5 / 20, rel=0.15)
    assert busy.bar(20 * DAY) == pytest.approx(5 / 1_000, rel=0.15)


def test_a_budget_of_nothing_alerts_on_nothing() -> None:
    budget = Budget(0)
    for hour in range(100):
        budget.count(hour * 3600.0)
    assert budget.bar(101 * 3600.0) == 0.0


def test_a_budget_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="alerts per day -1"):
        Budget(-1)
