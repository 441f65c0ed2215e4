"""Survival: published values, limits that stay within what is possible, and answers where there is nothing to see."""

from __future__ import annotations

from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.stats.survival import (
    Times,
    cox,
    dose_response,
    half_life,
    kaplan_meier,
    log_rank,
    mean_difference,
    trend,
)

TREATED = Times(
    (6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35),
    (True,) * 9 + (False,) * 12,
)
"""Weeks in remission of 21 patients with leukaemia under 6-MP (Freireich et al. 1963), and under a placebo."""
PLACEBO = Times((1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23), (True,) * 21)

times = st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=60).map(
    lambda rows: Times(tuple(turn for turn, _ in rows), tuple(it for _, it in rows))
)


def test_the_curve_of_freireich_is_as_published() -> None:
    curve = kaplan_meier(TREATED, 35)
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for week, value in published.items():
        assert curve.at(week).value == pytest.approx(value, abs=6e-4)
    assert half_life(curve) == 23
    assert half_life(kaplan_meier(PLACEBO, 23)) == 8


def test_the_log_rank_test_of_freireich_is_as_published() -> None:
    found = log_rank({"6-MP": TREATED, "placebo": PLACEBO})
    assert found is not None
    assert found.statistic == pytest.approx(16.79, abs=0.01)
    assert found.freedom == 1


def test_the_hazard_ratio_of_freireich_is_as_published() -> None:
    both = Times(PLACEBO.turns + TREATED.turns, PLACEBO.happened + TREATED.happened)
    found = cox({"placebo": [1.0] * 21 + [0.0] * 21}, both, None)
    assert found is not None
    # Efron's ties: coefficient 1.572 (Kalbfleisch and Prentice 2002).
    assert log(found[0].ratio.value) == pytest.approx(1.572, abs=2e-3)


def test_a_cluster_counted_twice_says_no_more_than_once() -> None:
    both = Times(PLACEBO.turns + TREATED.turns, PLACEBO.happened + TREATED.happened)
    twice = Times(both.turns * 2, both.happened * 2)
    group = [1.0] * 21 + [0.0] * 21
    once = cox({"placebo": group}, both, list(range(42)))
    doubled = cox({"placebo": group * 2}, twice, list(range(42)) * 2)
    naive = cox({"placebo": group * 2}, twice, None)
    assert once and doubled and naive
    width = [log(one[0].ratio.high / one[0].ratio.low) for one in (once, doubled, naive)]
    assert width[1] == pytest.approx(width[0], rel=0.05)
    assert width[2] < 0.8 * width[0]


def test_the_restricted_mean_is_the_area_under_the_curve() -> None:
    times = Times((1, 2, 3, 3), (True, True, True, False))
    # S is 1, .75, .5, .25 from turn 0, 1, 2, 3.
    curve = kaplan_meier(times, 3)
    assert curve.mean.value == pytest.approx(1 + 0.75 + 0.5)
    assert curve.mean.low < curve.mean.value < curve.mean.high <= 3


def test_where_nothing_happened_the_limits_still_say_how_little_is_known() -> None:
    few, many = (kaplan_meier(Times((6,) * n, (False,) * n), 6) for n in (5, 200))
    assert few.at(6).value == many.at(6).value == 1.0
    assert few.at(6).low < many.at(6).low < 1.0
    assert few.mean.low < many.mean.low < 6.0 == many.mean.high


@given(times)
def test_limits_hold_the_value_and_curves_never_rise(held: Times) -> None:
    curve = kaplan_meier(held, 6)
    values = [point.survival.value for point in curve.points]
    assert values[0] == 1.0
    assert all(a >= b - 1e-12 for a, b in pairwise(values))
    for point in curve.points:
        assert (
            0.0
            <= point.survival.low
            <= point.survival.value + 1e-9
            <= point.survival.high + 2e-9
            <= 1.0 + 3e-9
        )
    assert curve.mean.low <= curve.mean.value + 1e-9 <= curve.mean.high + 2e-9


@given(times, times)
def test_the_difference_of_means_turns_its_sign_with_the_groups(one: Times, other: Times) -> None:
    there, back = mean_difference(one, other, 6), mean_difference(other, one, 6)
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high)


def test_the_isotonic_hazard_never_falls_with_intensity() -> None:
    counts = {0: (1, 100), 1: (9, 100), 2: (5, 100), 3: (30, 100)}
    units = [{rung: (int(i < e), 1) for rung, (e, _) in counts.items()} for i in range(100)]
    found = dose_response(units)
    assert [one.events for one in found] == [1, 9, 5, 30]
    assert [one.isotonic for one in found] == pytest.approx([0.01, 0.07, 0.07, 0.30])
    assert trend(dict(counts.items())) is not None


def test_twins_do_not_make_a_hazard_more_certain() -> None:
    single = [{1: (int(i < 20), 1)} for i in range(100)]
    twins = [{1: (2 * int(i < 20), 2)} for i in range(100)]
    here, there = dose_response(single)[0].rate, dose_response(twins)[0].rate
    assert there.value == here.value
    assert there.high - there.low == pytest.approx(here.high - here.low, rel=0.02)


def test_the_trend_test_of_agresti_is_as_published() -> None:
    """Alcohol and malformation (Agresti 2013, table 3.8): z squared is 6.57."""
    table = {0.0: (48, 17114), 0.5: (38, 14502), 1.5: (5, 793), 4.0: (1, 127), 7.0: (1, 38)}
    found = trend(table)
    assert found is not None
    assert found.statistic == pytest.approx(6.57, abs=0.01)
    assert found.p == pytest.approx(0.0104, abs=2e-4)


def test_what_cannot_be_told_is_none_and_what_is_wrong_is_an_error() -> None:
    quiet = Times((6, 6), (False, False))
    assert log_rank({"a": quiet, "b": quiet}) is None
    assert log_rank({"a": TREATED}) is None
    assert cox({"x": [0.0, 1.0]}, quiet, None) is None
    assert cox({"x": [1.0] * 21}, PLACEBO, None) is None
    assert (
        cox({"x": [1.0] * 5 + [0.0] * 5}, Times((1,) * 5 + (6,) * 5, (True,) * 5 + (False,) * 5), None)
        is None
    )
    assert trend({0: (0, 10), 1: (0, 10)}) is None
    assert dose_response([]) == ()
    with pytest.raises(ValueError, match="at least one unit"):
        kaplan_meier(Times((), ()), 6)
    with pytest.raises(ValueError, match="no time below 0"):
        Times((-1,), (True,))


def test_limits_of_means_are_wider_at_more_confidence() -> None:
    narrow, wide = (kaplan_meier(TREATED, 30, confidence).mean for confidence in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
