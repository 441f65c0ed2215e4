"""Paired proportions against published values."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from duress.stats.paired import mcnemar, paired_difference

COUNTS = st.integers(0, 60)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:2635-2650: method 10 on 36, 12, 2, 0.
        ((36, 12, 2, 0), 0.0569, 0.3404),
        # Fagerland, Lydersen and Laake 2014, Statistics in Medicine 33:2850-2875: the square-and-add interval.
        ((1, 1, 7, 12), -0.507, -0.026),
    ],
)
def test_the_interval_is_the_published_one(table: tuple[int, int, int, int], low: float, high: float) -> None:
    found = paired_difference(*table)
    assert found.low == pytest.approx(low, abs=5e-4)
    assert found.high == pytest.approx(high, abs=5e-4)


def test_the_exact_test_is_a_binomial_test_of_the_pairs_that_differ() -> None:
    for one, other in product(range(9), range(9)):
        if one + other:
            expected = binomtest(one, one + other, 0.5).pvalue
            assert mcnemar(one, other) == pytest.approx(expected)
    assert mcnemar(0, 0) == 1.0


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_interval_holds_its_value_and_turns_round_with_the_order(a: int, b: int, c: int, d: int) -> None:
    if a + b + c + d == 0:
        with pytest.raises(ValueError):
            paired_difference(a, b, c, d)
        return
    found, other = paired_difference(a, b, c, d), paired_difference(a, c, b, d)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.high > found.low
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low))


@pytest.mark.parametrize("counts", [(-1, 2, 3, 4), (0, 0, 0, 0)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError):
        paired_difference(*counts)
    with pytest.raises(ValueError):
        mcnemar(-1, 2)
