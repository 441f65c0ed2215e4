"""A threshold keeps the false alarms that were asked for, or says that it cannot."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.guard.threshold import ThresholdError, threshold

SCORES = st.lists(st.floats(0, 1).map(lambda score: round(score, 2)), min_size=20, max_size=120)


@given(scores=SCORES, rate=st.floats(0.05, 0.9))
def test_leaving_each_run_out_in_turn_flags_no_more_than_the_guarantee(scores: list[float], rate: float):
    # With n + 1 exchangeable runs, the share of them that their n fellows flag is the probability itself.
    flagged = sum(
        threshold(scores[:at] + scores[at + 1 :], rate=rate, top=inf).flags(score)
        for at, score in enumerate(scores)
    )
    assert flagged / len(scores) <= rate + 1e-9


@given(scores=SCORES, rate=st.floats(0.05, 0.9))
def test_the_threshold_is_the_lowest_that_keeps_the_rate(scores: list[float], rate: float):
    made = threshold(scores, rate=rate, top=inf)
    assert made.guaranteed <= rate + 1e-9
    assert made.guaranteed + 1 / (len(scores) + 1) > rate - 1e-9
    assert made.flagged == sum(map(made.flags, scores)) <= made.guaranteed * (len(scores) + 1) - 1 + 1e-9
    below = max((score for score in scores if score < made.value), default=None)
    if below is not None:
        # anything lower flags that run too, and with it as many as the guarantee counts
        assert sum(score >= below for score in scores) >= round(made.guaranteed * (len(scores) + 1))


@given(scores=SCORES, rates=st.tuples(st.floats(0.06, 0.9), st.floats(0.06, 0.9)))
def test_fewer_false_alarms_take_a_higher_threshold(scores: list[float], rates: tuple[float, float]):
    strict, loose = (threshold(scores, rate=rate, top=inf).value for rate in sorted(rates))
    assert strict >= loose


@pytest.mark.parametrize(("size", "rate", "place"), [(99, 0.01, 1), (999, 0.07, 70), (199, 0.05, 10)])
def test_a_rate_that_fits_exactly_loses_no_place_to_rounding(size: int, rate: float, place: int):
    scores = [number / size for number in range(size)]
    made = threshold(scores, rate=rate)
    assert made.guaranteed == place / (size + 1)
    assert made.flagged == place - 1


def test_too_few_runs_are_refused_with_the_smallest_rate_and_the_number_needed():
    with pytest.raises(
        ThresholdError, match=r"50 fine runs are too few for a rate of 0\.01: .* is 0\.0196; measure 99 or"
    ):
        threshold([0.1] * 50, rate=0.01)
    assert threshold([0.1] * 99, rate=0.01).guaranteed == 0.01
    with pytest.raises(ThresholdError, match="0 fine runs are too few"):
        threshold([], rate=0.5)


def test_a_threshold_that_could_flag_nothing_is_refused():
    scores = [1.0] * 5 + [0.2] * 95
    with pytest.raises(
        ThresholdError, match=r"score 1: rate=0\.02 could flag nothing; the lowest rate that does is 0\.0594"
    ):
        threshold(scores, rate=0.02)
    assert threshold(scores, rate=0.06).flags(1.0)
    with pytest.raises(ThresholdError, match="no rate does"):
        threshold([1.0] * 100, rate=0.5)


@pytest.mark.parametrize("score", [nan, inf, -inf])
def test_a_score_that_is_no_number_is_refused(score: float):
    with pytest.raises(ThresholdError, match="expected finite numbers"):
        threshold([0.1] * 99 + [score], rate=0.1)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 5.0, nan])
def test_a_rate_is_a_share(rate: float):
    with pytest.raises(ThresholdError, match="expected a share between 0 and 1"):
        threshold([0.1] * 99, rate=rate)
