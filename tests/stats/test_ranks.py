from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from duress.stats.ranks import Rank, intervals


def comparisons(counts, n):
    def p(a, b):
        mean = (a + b) / 2 / n
        error = (2 * mean * (1 - mean) / n) ** 0.5
        return 0.5 if error == 0 else float(norm.cdf((a - b) / n / error))

    return [[p(a, b) for b in counts] for a in counts]


def test_rates_far_apart_have_one_rank_each_and_equal_ones_all():
    assert intervals(comparisons([5, 50, 95], 100)) == (Rank(1, 1), Rank(2, 2), Rank(3, 3))
    assert intervals(comparisons([30, 30, 30], 100)) == (Rank(1, 3),) * 3


def test_a_rate_between_two_that_differ_may_rank_with_either():
    assert intervals(comparisons([40, 50, 70], 100)) == (Rank(1, 2), Rank(1, 2), Rank(3, 3))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_the_observed_order_is_among_the_ranks(counts):
    found = intervals(comparisons(counts, 50))
    for at, count in enumerate(counts):
        fewer = sum(other < count for other in counts)
        ties = sum(other == count for other in counts)
        assert found[at].low <= fewer + ties
        assert found[at].high >= fewer + 1
        assert 1 <= found[at].low <= found[at].high <= len(counts)


def test_all_true_ranks_are_held_at_once_at_least_as_often_as_said():
    random = np.random.default_rng(7)
    rates = [0.1, 0.15, 0.15, 0.3, 0.5]
    held = 0
    for _ in range(400):
        found = intervals(comparisons(list(random.binomial(80, rates)), 80))
        held += all(
            one.low <= 1 + sum(r < rate for r in rates) + sum(r == rate for r in rates) - 1
            and one.high >= 1 + sum(r < rate for r in rates)
            for one, rate in zip(found, rates, strict=True)
        )
    assert held / 400 >= 0.93


def test_a_table_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="expected 2"):
        intervals([[0.5, 0.1], [0.9]])
