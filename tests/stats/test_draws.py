"""Shares and means of trials that share their draws."""

from __future__ import annotations

from math import inf, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.stats import wilson
from duress.stats.draws import design_effect, mean, share

ones = st.lists(st.integers(0, 1), min_size=2, max_size=60)


@given(ones)
def test_with_one_trial_per_draw_it_is_nearly_wilson_s_interval(events: list[int]) -> None:
    """The sample variance has n - 1 below the line: the design effect is n / (n - 1), nothing else."""
    found, plain = share([(one, 1) for one in events]), wilson(sum(events), len(events))
    assert found.value == plain.value
    assert found.low <= plain.low + 1e-12 and found.high >= plain.high - 1e-12
    assert abs(found.low - plain.low) < 0.05 and abs(found.high - plain.high) < 0.05


@given(ones, st.integers(2, 6))
def test_draws_that_decide_all_their_trials_know_no_more_than_one_trial_each(
    events: list[int], size: int
) -> None:
    draws = [(one * size, size) for one in events]
    if 0 < sum(events) < len(events):
        assert isclose(design_effect(draws), size * len(events) / (len(events) - 1))
        single = share([(one, 1) for one in events])
        assert isclose(share(draws).low, single.low) and isclose(share(draws).high, single.high)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(4, 9)), min_size=2, max_size=40))
def test_limits_hold_the_share_and_stay_within_zero_and_one(draws: list[tuple[int, int]]) -> None:
    found = share(draws)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert design_effect(draws) >= 1


def test_no_event_at_all_leaves_the_plain_interval() -> None:
    found, plain = share([(0, 4)] * 25), wilson(0, 100)
    assert (found.low, found.value) == (0.0, 0.0)
    assert found.high == pytest.approx(plain.high)


def test_a_mean_is_student_s_over_draws() -> None:
    # 1, 2, 3, 4, 5: mean 3, standard error sqrt(2.5 / 5), t(0.975, 4) = 2.776445.
    found = mean([(value, 1) for value in (1.0, 2.0, 3.0, 4.0, 5.0)])
    assert found.value == 3.0
    assert found.high - 3.0 == pytest.approx(2.776445 * (2.5 / 5) ** 0.5, rel=1e-6)
    assert 3.0 - found.low == pytest.approx(found.high - 3.0)


def test_one_draw_tells_nothing_of_the_spread() -> None:
    found = mean([(6.0, 3)])
    assert (found.value, found.low, found.high) == (2.0, -inf, inf)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        share([])
    with pytest.raises(ValueError, match="events among trials"):
        share([(3, 2)])
    with pytest.raises(ValueError, match="at least one trial"):
        mean([])
