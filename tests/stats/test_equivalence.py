from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep, tost_proportions_2indep

from duress.stats.equivalence import tost, tost_rates
from duress.stats.proportion import Estimate

counts = st.integers(5, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def normal(value, error):
    def interval(confidence):
        z = norm.ppf((1 + confidence) / 2)
        return Estimate(value, value - z * error, value + z * error)

    return interval


@given(st.floats(-0.3, 0.3), st.floats(0.005, 0.2), st.floats(0.02, 0.4))
def test_for_a_normal_estimate_it_is_the_larger_of_the_two_one_sided_tests(value, error, margin):
    found = tost(normal(value, error), margin)
    expected = max(norm.sf((value + margin) / error), norm.cdf((value - margin) / error))
    assert found.p == pytest.approx(min(expected, 0.5), abs=1e-6)
    assert found.equivalent == (found.p < 0.05) or found.p == pytest.approx(0.05, abs=1e-6)


@given(counts, counts, st.floats(0.01, 0.5))
def test_two_rates_are_equivalent_where_statsmodels_interval_lies_within_the_margin(a, b, margin):
    found = tost_rates(*a, *b, margin)
    low, high = confint_proportions_2indep(*a, *b, method="newcomb", compare="diff", alpha=0.10)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert found.equivalent == (-margin < low and high < margin)


def test_p_values_are_near_those_of_the_score_test():
    # Another method (Farrington and Manning), so near is all that can be asked.
    for a, b in (((40, 100), (42, 100)), ((80, 400), (70, 400)), ((3, 200), (5, 200))):
        theirs = tost_proportions_2indep(*a, *b, -0.15, 0.15, method="score").pvalue
        assert tost_rates(*a, *b, 0.15).p == pytest.approx(float(theirs), abs=0.02)


def test_no_difference_found_is_not_no_difference():
    few, many = tost_rates(4, 20, 4, 20, 0.05), tost_rates(400, 2000, 400, 2000, 0.05)
    assert not few.equivalent
    assert many.equivalent
    assert many.p < 0.001 < few.p


@pytest.mark.parametrize(("margin", "alpha"), [(0, 0.05), (-0.1, 0.05), (0.1, 0.5)])
def test_impossible_margins_are_refused(margin, alpha):
    with pytest.raises(ValueError, match="expected"):
        tost_rates(1, 10, 1, 10, margin, alpha)
