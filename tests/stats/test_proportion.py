from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from duress.stats import interval, wilson
from duress.stats.proportion import Method

counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        # Newcombe RG (1998), Statistics in Medicine 17:857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_limits_that_newcombe_published(count, n, low, high):
    found = wilson(count, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_no_event_in_a_hundred_trials_still_allows_3_7_percent():
    found = wilson(0, 100)
    assert found.low == 0.0
    assert f"{100 * found.high:.1f}" == "3.7"


@given(counts, confidences)
def test_wilson_agrees_with_statsmodels(pair, confidence):
    count, n = pair
    found = wilson(count, n, confidence)
    low, high = proportion_confint(count, n, alpha=1 - confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


@given(counts, confidences)
def test_the_interval_holds_the_rate_and_stays_within_zero_and_one(pair, confidence):
    found = wilson(*pair, confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


@given(counts)
def test_counting_the_opposite_mirrors_the_interval(pair):
    count, n = pair
    found, mirrored = wilson(count, n), wilson(n - count, n)
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert found.high == pytest.approx(1 - mirrored.low, abs=1e-12)


@given(counts)
def test_one_more_event_never_lowers_a_limit(pair):
    count, n = pair
    if count < n:
        fewer, more = wilson(count, n), wilson(count + 1, n)
        assert more.low > fewer.low
        assert more.high > fewer.high or count + 1 == n == more.high


@given(counts)
def test_more_confidence_and_fewer_trials_widen_the_interval(pair):
    count, n = pair
    narrow, sure = wilson(count, n, 0.9), wilson(count, n, 0.99)
    assert sure.low <= narrow.low
    assert sure.high >= narrow.high
    many = wilson(count * 4, n * 4)
    few = wilson(count, n)
    assert many.high - many.low < few.high - few.low


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    random = Random(5)
    held = total = 0
    for _ in range(2000):
        truth, n = random.random(), random.randint(20, 120)
        found = wilson(sum(random.random() < truth for _ in range(n)), n)
        held += found.low <= truth <= found.high
        total += 1
    assert 0.935 <= held / total <= 0.97


@pytest.mark.parametrize(("count", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(count, n):
    with pytest.raises(ValueError, match="expected 0 <= count <= n"):
        wilson(count, n)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_in_percent_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        wilson(1, 10, confidence)


@given(counts, confidences)
def test_jeffreys_and_clopper_pearson_agree_with_statsmodels(pair, confidence):
    count, n = pair
    for method, theirs in (("jeffreys", "jeffreys"), ("clopper-pearson", "beta")):
        found = interval(count, n, method, confidence)
        low, high = proportion_confint(count, n, alpha=1 - confidence, method=theirs)
        # At the ends Jeffreys is cut to the end (Brown, Cai and DasGupta 2001).
        assert found.low == (0.0 if count == 0 else pytest.approx(low, abs=1e-9))
        assert found.high == (1.0 if count == n else pytest.approx(high, abs=1e-9))


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        # Newcombe RG (1998), Statistics in Medicine 17:857-872, table I, method 5.
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_clopper_pearson_gives_the_limits_that_newcombe_published(count, n, low, high):
    found = interval(count, n, Method.CLOPPER_PEARSON)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(counts)
def test_the_exact_interval_is_the_widest_of_the_beta_intervals(pair):
    exact, jeffreys = interval(*pair, "clopper-pearson"), interval(*pair, "jeffreys")
    assert exact.low <= jeffreys.low + 1e-12
    assert exact.high >= jeffreys.high - 1e-12


def test_the_default_is_wilson_and_an_unknown_method_is_refused():
    assert interval(3, 40) == wilson(3, 40)
    with pytest.raises(ValueError, match="wald"):
        interval(3, 40, "wald")


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize(("count", "n", "confidence"), [(6, 5, 0.95), (1, 10, 95)])
def test_no_method_takes_impossible_values(method, count, n, confidence):
    with pytest.raises(ValueError, match="expected"):
        interval(count, n, method, confidence)
