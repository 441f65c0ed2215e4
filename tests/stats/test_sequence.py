from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.stats.sequence import (
    difference_p,
    difference_sequence,
    paired_difference_p,
    paired_difference_sequence,
    rate_p,
    rate_sequence,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
pairs = st.integers(1, 400).flatmap(
    lambda n: st.integers(0, n).flatmap(
        lambda here: st.tuples(st.just(here), st.integers(0, n - here), st.just(n))
    )
)
equal = st.integers(1, 200).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(0, n), st.just(n))
)
cells = st.one_of(equal, st.tuples(counts, counts).map(lambda p: (*p[0], *p[1])))
alphas = st.floats(0.001, 0.4)


def inside(found, lowest):
    return lowest <= found.low <= found.value <= found.high <= 1


@settings(deadline=None)
@given(counts, alphas)
def test_the_limits_of_a_rate_hold_the_estimate_and_stay_possible(cell, alpha):
    assert inside(rate_sequence(*cell, alpha), 0)


@settings(deadline=None)
@given(pairs, alphas)
def test_the_limits_of_a_paired_difference_hold_the_estimate_and_stay_possible(cell, alpha):
    assert inside(paired_difference_sequence(*cell, alpha), -1)


@settings(max_examples=60, deadline=None)
@given(cells, alphas)
def test_the_limits_of_a_difference_hold_the_estimate_and_stay_possible(two, alpha):
    assert inside(difference_sequence(*two, alpha), -1)


@settings(max_examples=60, deadline=None)
@given(counts, pairs, cells, alphas)
def test_a_smaller_alpha_never_narrows_the_limits(cell, pair, two, alpha):
    for found, wider in (
        (rate_sequence(*cell, alpha), rate_sequence(*cell, alpha / 2)),
        (paired_difference_sequence(*pair, alpha), paired_difference_sequence(*pair, alpha / 2)),
        (difference_sequence(*two, alpha), difference_sequence(*two, alpha / 2)),
    ):
        assert wider.low <= found.low
        assert wider.high >= found.high


@settings(deadline=None)
@given(counts)
def test_counting_what_did_not_happen_mirrors_the_rate(cell):
    count, n = cell
    found, other = rate_sequence(count, n), rate_sequence(n - count, n)
    assert (other.low, other.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(pairs, cells)
def test_swapping_the_two_sides_mirrors_the_difference(pair, two):
    here, there, n = pair
    found, other = paired_difference_sequence(here, there, n), paired_difference_sequence(there, here, n)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low), abs=1e-6)
    s, n, r, m = two
    found, other = difference_sequence(s, n, r, m), difference_sequence(r, m, s, n)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(equal)
def test_turning_both_events_round_mirrors_the_difference(two):
    s, n, r, m = two
    found, other = difference_sequence(s, n, r, m), difference_sequence(n - s, n, m - r, m)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(counts, pairs, cells, alphas)
def test_a_value_is_left_out_exactly_when_its_p_value_says_so(cell, pair, two, alpha):
    for found, lowest, p in (
        (rate_sequence(*cell, alpha), 0, lambda value: rate_p(*cell, value)),
        (paired_difference_sequence(*pair, alpha), -1, lambda value: paired_difference_p(*pair, value)),
        (difference_sequence(*two, alpha), -1, lambda value: difference_p(*two, value)),
    ):
        for value in (found.low - 1e-5, found.low + 1e-5):
            if lowest < value < 1:
                assert (p(value).above <= alpha / 2) == (value < found.low)
        for value in (found.high - 1e-5, found.high + 1e-5):
            if lowest < value < 1:
                assert (p(value).below <= alpha / 2) == (value > found.high)


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_without_a_margin_only_the_pairs_that_differ_count(here, there, same):
    if here + there:
        found = paired_difference_p(here, there, here + there + same)
        assert found == pytest.approx(rate_p(here, here + there, 0.5))


def test_p_values_point_the_way_the_counts_do():
    assert rate_p(12, 20, 0.05).above < 1e-6
    assert rate_p(12, 20, 0.05).below == 1
    assert rate_p(0, 100, 0.05).below < 0.05
    assert rate_p(0, 100, 0.05).above == 1
    assert rate_p(5, 100, 0.05).either == 1
    assert difference_p(40, 60, 10, 60).either == pytest.approx(2 * difference_p(10, 60, 40, 60).below)


def test_zeros_are_known_to_be_rare():
    assert rate_sequence(0, 100).high == pytest.approx(0.0457, abs=1e-4)


def test_limits_close_in_on_the_truth():
    widths = [
        rate_sequence(n // 20, n).high - rate_sequence(n // 20, n).low for n in (100, 1000, 10000, 100000)
    ]
    assert all(after < before / 2.2 for before, after in pairwise(widths))
    found = difference_sequence(50000, 100000, 40000, 100000)
    assert found.high - found.low < 0.03


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.5])
def test_the_chance_of_ever_missing_a_rate_stays_below_alpha(rate):
    """Exact: the chance of every path of 600 trials with a look after each is followed."""
    alpha, most = 0.05, 600
    above, below = 1, -1
    alive, missed = {0: 1.0}, 0.0
    for n in range(1, most + 1):
        moved: dict[int, float] = {}
        for count, chance in alive.items():
            moved[count] = moved.get(count, 0.0) + chance * (1 - rate)
            moved[count + 1] = moved.get(count + 1, 0.0) + chance * rate
        while above <= n and rate_p(above, n, rate).above > alpha / 2:
            above += 1
        while rate_p(below + 1, n, rate).below <= alpha / 2:
            below += 1
        missed += sum(chance for count, chance in moved.items() if count >= above or count <= below)
        alive = {count: chance for count, chance in moved.items() if below < count < above}
    assert 0.01 < missed <= alpha


@pytest.mark.parametrize(("here", "there"), [(0.3, 0.1), (0.05, 0.05), (0.02, 0.0)])
def test_the_chance_of_ever_missing_a_paired_difference_stays_below_alpha(here, there):
    alpha, most = 0.05, 45
    null = here - there
    alive, missed = {(0, 0): 1.0}, 0.0
    for n in range(1, most + 1):
        moved: dict[tuple[int, int], float] = {}
        for (a, b), chance in alive.items():
            for state, share in (((a + 1, b), here), ((a, b + 1), there), ((a, b), 1 - here - there)):
                if share > 0:
                    moved[state] = moved.get(state, 0.0) + chance * share
        gone = {s for s in moved if min(paired_difference_p(*s, n, null)) <= alpha / 2}
        missed += sum(moved.pop(state) for state in gone)
        alive = moved
    assert missed <= alpha


@pytest.mark.parametrize(("p", "q"), [(0.1, 0.1), (0.5, 0.5), (0.5, 0.2)])
def test_the_chance_of_ever_missing_a_difference_stays_below_alpha(p, q):
    """Exact, over blocks of one trial from each cell, with looks at equal and at unequal sizes."""
    alpha, most = 0.05, 24
    alive, missed = {(0, 0): 1.0}, 0.0
    for n in range(1, most + 1):
        for cell, rate in ((0, p), (1, q)):
            moved: dict[tuple[int, int], float] = {}
            for (a, b), chance in alive.items():
                for event, share in ((1, rate), (0, 1 - rate)):
                    state = (a + event, b) if cell == 0 else (a, b + event)
                    moved[state] = moved.get(state, 0.0) + chance * share
            if cell == 1 or n > 1:
                m = n if cell == 1 else n - 1
                gone = {s for s in moved if min(difference_p(s[0], n, s[1], m, p - q)) <= alpha / 2}
                missed += sum(moved.pop(state) for state in gone)
            alive = moved
    assert missed <= alpha


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: rate_sequence(3, 2), "count=3"),
        (lambda: rate_sequence(0, 0), "n=0"),
        (lambda: rate_sequence(1, 2, 0.0), "alpha"),
        (lambda: rate_p(1, 2, 1.0), "threshold"),
        (lambda: paired_difference_sequence(2, 2, 3), "only_here"),
        (lambda: paired_difference_p(1, 1, 3, -1.0), "null"),
        (lambda: difference_sequence(1, 2, 3, 2), "count=3"),
        (lambda: difference_p(1, 2, 1, 2, inf), "null"),
    ],
)
def test_what_cannot_be_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
