from __future__ import annotations

from math import comb, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from statsmodels.stats.contingency_tables import mcnemar

from duress.stats.paired import Pairs, difference, score, sign_flip_p

tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 200)).map(
    lambda t: (t[0], t[1], t[0] + t[1] + t[2])
)


def test_the_limits_are_those_published_for_airway_hyperresponsiveness():
    # Bentur et al. (2009): 1 pair before only, 7 after only, of 21, as analysed by Fagerland, Lydersen
    # and Laake (2014), Statistics in Medicine 33:2850-2875: Tango's interval is -0.517 to -0.026.
    found = difference(1, 7, 21)
    assert (round(found.low, 3), round(found.high, 3)) == (-0.517, -0.026)


def test_the_mid_p_test_is_the_published_one():
    # The same example: McNemar mid-p .039 (Fagerland, Lydersen and Laake 2013).
    more, fewer = sign_flip_p([1, *[-1] * 7, *[0] * 13])
    assert round(2 * min(more, fewer), 3) == 0.039


def restricted_by_brute_force(b, c, n, margin):
    """The score statistic with P(only there) found by maximising the likelihood numerically."""

    def loss(q):
        parts = [(b, q + margin), (c, q), (n - b - c, 1 - 2 * q - margin)]
        return -sum(k * log(p) for k, p in parts if k)

    low, high = max(0.0, -margin), (1 - margin) / 2
    q = minimize_scalar(
        loss, bounds=(low + 1e-12, high - 1e-12), method="bounded", options={"xatol": 1e-12}
    ).x
    return (b - c - n * margin) / sqrt(n * (2 * q + margin * (1 - margin)))


@given(tables, st.floats(-0.9, 0.9))
def test_the_statistic_is_that_of_the_restricted_likelihood(table, margin):
    b, c, n = table
    if b and c and b + c < n:
        assert score(b, c, n, margin) == pytest.approx(restricted_by_brute_force(b, c, n, margin), abs=1e-3)


@given(tables)
def test_limits_are_what_the_test_does_not_reject_and_zero_is_mcnemar(table):
    b, c, n = table
    found = difference(b, c, n)
    assert -1 <= found.low <= found.value <= found.high <= 1
    for limit, aim in ((found.low, 1.959964), (found.high, -1.959964)):
        if abs(limit) < 1 - 1e-9:
            assert score(b, c, n, limit) == pytest.approx(aim, abs=1e-3)
    if b + c:
        theirs = mcnemar([[0, b], [c, 0]], exact=False, correction=False).statistic
        assert score(b, c, n, 0.0) ** 2 == pytest.approx(theirs, abs=1e-6)


@given(tables)
def test_swapping_the_arms_mirrors_the_interval(table):
    b, c, n = table
    found, swapped = difference(b, c, n), difference(c, b, n)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


def test_without_discordant_pairs_there_is_room_on_both_sides():
    found = difference(0, 0, 100)
    edge = 1.959964**2 / (100 + 1.959964**2)
    assert (found.low, found.high) == pytest.approx((-edge, edge), abs=1e-6)


@given(st.integers(0, 40), st.integers(0, 40))
def test_with_one_pair_per_draw_the_test_is_mcnemars_exact_one_less_half_the_ties(b, c):
    more, fewer = sign_flip_p([1] * b + [-1] * c)
    n = b + c
    tie = comb(n, b) / 2**n / 2
    assert more == pytest.approx(sum(comb(n, k) for k in range(b, n + 1)) / 2**n - tie, abs=1e-12)
    assert more + fewer == pytest.approx(1)


def test_draws_with_several_pairs_are_flipped_whole():
    # By hand: sums of +-3 +-1 are 4, 2, -2, -4; at 4 the tie counts half.
    assert sign_flip_p([3, 1]) == pytest.approx((0.125, 0.875))
    assert sign_flip_p([3, -1]) == pytest.approx((0.375, 0.625))
    assert sign_flip_p([0, 0]) == (0.5, 0.5)


def test_large_samples_go_over_to_the_normal_smoothly():
    small = sign_flip_p([1] * 10_050 + [-1] * 9_950)
    large = sign_flip_p([1] * 10_051 + [-1] * 9_950)
    assert small[0] == pytest.approx(large[0], abs=0.005)


def test_the_design_effect_sees_draws_that_move_together():
    alone = Pairs(200, 40, 20, tuple([1] * 40 + [-1] * 20 + [0] * 140))
    together = Pairs(200, 40, 20, tuple([4] * 10 + [-4] * 5 + [0] * 35))
    assert alone.design_effect == pytest.approx(1, abs=0.01)
    assert together.design_effect == pytest.approx(4, rel=0.05)
    assert Pairs(10, 0, 0, (0,) * 10).design_effect == 1.0
    wide, narrow = (difference(40, 20, 200, design_effect=deff) for deff in (together.design_effect, 1.0))
    assert wide.high - wide.low == pytest.approx(2 * (narrow.high - narrow.low), rel=0.1)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(1)
    held = rounds = 0
    for _ in range(1500):
        p = random.dirichlet([1, 1, 3])
        n = int(random.integers(20, 100))
        b, c, _ = random.multinomial(n, p)
        found = difference(int(b), int(c), n)
        held += found.low <= p[0] - p[1] <= found.high
        rounds += 1
    assert 0.935 <= held / rounds <= 0.97


@pytest.mark.parametrize(("b", "c", "n"), [(3, 3, 5), (-1, 0, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(b, c, n):
    with pytest.raises(ValueError, match="discordant"):
        difference(b, c, n)
