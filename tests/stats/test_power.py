from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import power_proportions_2indep, proportion_confint

from duress.stats.power import detectable, power, sample_size, trials_for_zero, upper_bound_for_zero

rates = st.floats(0.02, 0.98)


def test_with_the_continuity_correction_the_size_is_that_of_fleiss():
    # Fleiss, Levin and Paik (2003), chapter 4: .60 against .70, alpha .01, power .95 takes 827.
    size = sample_size(0.60, 0.70, 0.01, 0.95)
    # (From the size as a whole number, one more is rounding.)
    assert size / 4 * (1 + (1 + 4 / (size * 0.1)) ** 0.5) ** 2 == pytest.approx(827, abs=1.01)


@given(rates, rates, st.integers(20, 2000))
def test_power_agrees_with_statsmodels(rate, reference, n):
    found = power(rate, reference, n)
    theirs = power_proportions_2indep(rate - reference, reference, n, alpha=0.05, return_results=False)
    assert found == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(("discordant", "away"), [(0.3, 0.1), (0.4, 0.2), (0.2, 0.05)])
def test_pairs_have_the_power_of_mcnemar_by_connor(discordant, away):
    # Connor RJ (1987), Biometrics 43:207-211: n = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2.
    reference = 0.4
    rate = reference + away
    together = (rate + reference - discordant) / 2
    rho = (together - rate * reference) / (rate * (1 - rate) * reference * (1 - reference)) ** 0.5
    za, zb = norm.ppf(0.975), norm.ppf(0.8)
    expected = (za * discordant**0.5 + zb * (discordant - away**2) ** 0.5) ** 2 / away**2
    assert sample_size(rate, reference, paired_correlation=rho) == pytest.approx(expected, abs=1)


def score_test_power(p, q, n):
    total = 0.0
    for a in range(n + 1):
        for b in range(n + 1):
            mean = (a + b) / 2 / n
            if a != b and abs(a - b) / n > 1.959964 * (2 * mean * (1 - mean) / n) ** 0.5:
                total += comb(n, a) * p**a * (1 - p) ** (n - a) * comb(n, b) * q**b * (1 - q) ** (n - b)
    return total


@pytest.mark.parametrize(("p", "q", "n"), [(0.96, 0.79, 100), (0.80, 0.79, 100), (0.5, 0.2, 40)])
def test_the_approximation_is_within_three_points_of_the_exact_power(p, q, n):
    assert power(p, q, n) == pytest.approx(score_test_power(p, q, n), abs=0.03)


def test_a_hundred_trials_tell_96_from_79_but_not_80_from_79():
    assert power(0.96, 0.79, 100) > 0.9
    assert power(0.80, 0.79, 100) < 0.06
    assert sample_size(0.80, 0.79) > 25_000


def test_pairing_that_correlates_needs_fewer_trials():
    sizes = [sample_size(0.5, 0.4, paired_correlation=rho) for rho in (0.1, 0.3, 0.6)]
    assert sizes[0] > sizes[1] > sizes[2]
    # Beyond what the two rates can share, more correlation changes nothing.
    assert power(0.9, 0.1, 20, paired_correlation=1.0) == power(0.9, 0.1, 20, paired_correlation=0.9)


@given(st.sampled_from([0.0, 1.0]) | st.floats(1e-6, 1 - 1e-6), st.integers(5, 500))
def test_the_detectable_difference_is_just_detectable(reference, n):
    found = detectable(reference, n)
    for way, away in ((1, found.up), (-1, found.down)):
        if away is None:
            assert power(float(way == 1), reference, n) < 0.8
        else:
            edge = min(max(reference + way * away, 0.0), 1.0)
            assert power(edge, reference, n) >= 0.8 - 1e-6
            assert power(reference + way * away * 0.99, reference, n) < 0.8 + 1e-6


def test_below_a_rate_of_zero_nothing_can_be_found():
    found = detectable(0.0, 100)
    assert found.down is None
    assert found.up == pytest.approx(0.074, abs=0.005)


def test_no_event_in_a_hundred_leaves_about_three_percent_open():
    assert upper_bound_for_zero(100) == pytest.approx(0.0295, abs=5e-5)
    # The rule of three, and the exact two-sided limit of statsmodels at twice the error.
    assert upper_bound_for_zero(100) == pytest.approx(3 / 100, rel=0.02)
    _, high = proportion_confint(0, 100, alpha=0.10, method="beta")
    assert upper_bound_for_zero(100, 0.95) == pytest.approx(high)


@given(st.floats(0.001, 0.5), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_trials_for_a_zero_are_just_enough(rate, confidence):
    n = trials_for_zero(rate, confidence)
    assert upper_bound_for_zero(n, confidence) <= rate * (1 + 1e-9)
    assert n == 1 or upper_bound_for_zero(n - 1, confidence) > rate * (1 - 1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: power(1.2, 0.5, 10),
        lambda: power(0.2, 0.5, 0),
        lambda: power(0.2, 0.5, 10, alpha=0),
        lambda: power(0.2, 0.5, 10, paired_correlation=2),
        lambda: sample_size(0.5, 0.5),
        lambda: sample_size(0.5, 0.4, power=80),
        lambda: detectable(0.5, 0),
        lambda: upper_bound_for_zero(0),
        lambda: upper_bound_for_zero(10, 95),
        lambda: trials_for_zero(0),
    ],
)
def test_impossible_questions_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected|itself"):
        wrong()
