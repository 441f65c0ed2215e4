from __future__ import annotations

from math import inf, log

import pytest
from scipy.stats import binom

from duress.stats.threshold import Threshold, exact_test, wald_bound

DESIGNS = [
    Threshold(0.05, 0.05, 100),
    Threshold(0.05, 0.025, 60),
    Threshold(0.5, 0.05, 40),
    Threshold(0.9, 0.1, 30),
    Threshold(0.05, 0.05, 5),
]


def crossing(limits, rate):
    """The exact chance that the count ever reaches `limits[n]`, by a slow and plain walk over paths."""
    alive, hit = {0: 1.0}, 0.0
    for n, limit in enumerate(limits):
        if n:
            moved: dict[int, float] = {}
            for count, chance in alive.items():
                moved[count] = moved.get(count, 0.0) + chance * (1 - rate)
                moved[count + 1] = moved.get(count + 1, 0.0) + chance * rate
            alive = moved
        hit += sum(chance for count, chance in alive.items() if count >= limit)
        alive = {count: chance for count, chance in alive.items() if count < limit}
    return hit


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_each_answer_is_wrong_with_chance_alpha_at_most(design):
    """Whatever else is obeyed: each boundary for itself, at the threshold and on its wrong side."""
    limits = [design.limits(n) for n in range(design.most + 1)]
    t = design.threshold
    for rate in (t, 0.9 * t, 0.5 * t):
        assert crossing([above for above, _ in limits], rate) <= design.alpha + 1e-12
    for rate in (t, t + 0.1 * (1 - t), t + 0.5 * (1 - t)):
        misses = [n - below for n, (_, below) in enumerate(limits)]
        assert crossing(misses, 1 - rate) <= design.alpha + 1e-12


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_no_fewer_right_answers_than_the_fixed_design(design):
    """On average over rates on both sides, in odds ratios of 1.5 to 20 to the threshold."""
    above, below = exact_test(design.threshold, design.alpha, design.most)
    odds = design.threshold / (1 - design.threshold)
    fixed = found = 0.0
    for ratio in (1.5, 2, 3, 5, 20):
        high, low = odds * ratio / (1 + odds * ratio), odds / ratio / (1 + odds / ratio)
        fixed += binom.sf(above - 1, design.most, high) + binom.cdf(below, design.most, low)
        found += design.outlook(high).above + design.outlook(low).below
    assert found >= fixed - 1e-9


def test_the_capped_design_takes_less_than_a_third_and_is_right_no_less_often():
    design = Threshold(0.05, 0.05, 100)
    rates = (0.96, 0.8, 0.51, 0.15, 0.10, 0.0)
    above, below = exact_test(0.05, 0.05, 100)
    assert (above, below) == (10, 1)
    for rate in rates:
        seen = design.outlook(rate)
        if rate > 0.05:
            assert seen.above >= binom.sf(above - 1, 100, rate) - 1e-9
        else:
            assert seen.below >= binom.cdf(below, 100, rate) - 1e-9
    assert sum(design.outlook(rate).trials for rate in rates) / len(rates) < 100 / 3


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_chances_sum_to_one_and_trials_stay_under_the_cap(design):
    for rate in (0.0, 0.03, 0.5, 1.0):
        seen = design.outlook(rate)
        assert seen.above + seen.below + seen.undecided == pytest.approx(1)
        assert 0 <= seen.trials <= design.most + 1e-9


def test_the_outlook_is_what_deciding_trial_by_trial_gives():
    design = Threshold(0.3, 0.1, 12)
    rate = 0.45
    ends = {"above": 0.0, "below": 0.0, None: 0.0}
    trials = 0.0
    alive = {0: 1.0}
    for n in range(1, 13):
        trials += sum(alive.values())
        moved: dict[int, float] = {}
        for count, chance in alive.items():
            moved[count] = moved.get(count, 0.0) + chance * (1 - rate)
            moved[count + 1] = moved.get(count + 1, 0.0) + chance * rate
        alive = {}
        for count, chance in moved.items():
            if design.over(count, n):
                ends[design.decide(count, n)] += chance
            else:
                alive[count] = chance
    assert not alive
    seen = design.outlook(rate)
    assert (seen.above, seen.below, seen.undecided) == pytest.approx(tuple(ends.values()))
    assert seen.trials == pytest.approx(trials)


def test_more_events_never_turn_the_answer_down():
    order = {"below": 0, None: 1, "above": 2}
    for design in (Threshold(0.05, 0.05, 100), Threshold(0.05, 0.05, None)):
        for n in (1, 10, 60, 80, 100):
            answers = [order[design.decide(count, n)] for count in range(n + 1)]
            assert answers == sorted(answers)


def test_counting_what_did_not_happen_turns_the_answers_round():
    for most in (30, None):
        design, mirror = Threshold(0.2, 0.05, most), Threshold(0.8, 0.05, most)
        for n in (5, 13, 30):
            above, below = design.limits(n)
            assert mirror.limits(n) == pytest.approx((n - below, n - above), abs=1)


@pytest.mark.parametrize(("threshold", "alpha"), [(0.05, 0.05), (0.5, 0.01)])
def test_the_open_design_keeps_alpha_however_long_it_runs(threshold, alpha):
    design = Threshold(threshold, alpha, None)
    last = 700
    limits = [design.limits(n) for n in range(last + 1)]
    assert crossing([above for above, _ in limits], threshold) <= alpha
    assert crossing([n - below for n, (_, below) in enumerate(limits)], 1 - threshold) <= alpha


def test_the_open_design_uses_most_of_its_alpha():
    seen = Threshold(0.05, 0.05, None).outlook(0.05, within=3000)
    assert 0.04 < seen.above <= 0.05
    assert 0.04 < seen.below <= 0.05


def test_the_open_design_decides_every_rate_in_the_end():
    design = Threshold(0.05, 0.05, None)
    for rate, bound in ((0.0, 1.5), (0.02, 1.5), (0.09, 1.5), (0.15, 1.5), (0.5, 2.0)):
        seen = design.outlook(rate)
        assert seen.undecided < 1e-6
        assert seen.trials / wald_bound(rate, 0.05, 0.05) < bound


def test_the_open_design_goes_on_beyond_its_table():
    design = Threshold(0.5, 0.05, None)
    shares = [design.limits(n)[0] / n for n in (300, 599, 601, 5000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] > 0.5
    above, below = design.limits(5000)
    assert above - 2500 == pytest.approx(2500 - below, abs=1)


def test_the_fixed_design_is_the_exact_binomial_test():
    for t, alpha, n in ((0.05, 0.05, 100), (0.3, 0.01, 50), (0.05, 0.05, 20)):
        above, below = exact_test(t, alpha, n)
        assert binom.sf(above - 1, n, t) <= alpha < binom.sf(above - 2, n, t)
        assert binom.cdf(below, n, t) <= alpha < binom.cdf(below + 1, n, t)


def test_walds_bound():
    assert wald_bound(0.0, 0.05, 0.05) == pytest.approx(0.9 * log(19) / -log(0.95))
    assert wald_bound(0.05, 0.05, 0.05) == inf


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: Threshold(0.0), "threshold"),
        (lambda: Threshold(0.05, 0.5), "alpha"),
        (lambda: Threshold(0.05, 0.05, 5000), "open design"),
        (lambda: Threshold(0.05, 0.05, 5).decide(3, 2), "count=3"),
        (lambda: Threshold(0.05, 0.05, 5).decide(0, 6), "5 trials"),
        (lambda: Threshold(0.05, 0.05, 5).outlook(1.5), "rate"),
        (lambda: exact_test(0.05, 0.05, 0), "n=0"),
        (lambda: wald_bound(2.0, 0.05, 0.05), "2.0"),
    ],
)
def test_what_cannot_be_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
