from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from duress.stats.logistic import Clusters, fit, independent


def grid(factors):
    return np.array([(1.0, *cell) for cell in product(*[(0.0, 1.0)] * factors)])


@pytest.fixture
def spread():
    """Counts of 4 cells in 40 clusters whose rates differ."""
    random = np.random.default_rng(3)
    design = grid(2)
    shift = random.normal(0, 1.0, 40)
    p = 1 / (1 + np.exp(-(design @ [-0.5, 1.2, -0.7] + shift[:, None])))
    trials = random.integers(1, 4, (40, 4)).astype(float)
    events = random.binomial(trials.astype(int), p).astype(float)
    return design, events, trials


def expanded(design, events, trials):
    rows = [
        (y, *design[c], g)
        for g, c in product(range(len(events)), range(len(design)))
        for y in [1.0] * int(events[g, c]) + [0.0] * int(trials[g, c] - events[g, c])
    ]
    table = np.array(rows)
    return table[:, 0], table[:, 1:-1], table[:, -1].astype(int)


def test_counts_give_what_statsmodels_gives_on_single_trials(spread):
    design, events, trials = spread
    y, x, groups = expanded(design, events, trials)
    theirs = sm.GLM(y, x, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, tol=1e-12
    )
    ours = fit(design, events.sum(0), trials.sum(0), Clusters(events, trials))
    assert ours.errors == "cluster-robust"
    assert ours.beta == pytest.approx(theirs.params, abs=1e-7)
    assert ours.covariance == pytest.approx(theirs.cov_params(), rel=1e-6)


def test_marginal_points_and_their_errors_are_those_of_statsmodels(spread):
    design, events, trials = spread
    y, x, groups = expanded(design, events, trials)
    theirs = (
        sm.Logit(y, x)
        .fit(disp=0, cov_type="cluster", cov_kwds={"groups": groups}, method="newton", tol=1e-12)
        .get_margeff(dummy=True)
    )
    ours = fit(design, events.sum(0), trials.sum(0), Clusters(events, trials))
    on, off = x.copy(), x.copy()
    on[:, 1], off[:, 1] = 1.0, 0.0
    found = ours.marginal([(1.0, on), (-1.0, off)])
    assert found.value == pytest.approx(theirs.margeff[0], abs=1e-7)
    assert found.error == pytest.approx(theirs.margeff_se[0], rel=1e-4)


def test_without_clusters_errors_are_those_of_the_information(spread):
    design, events, trials = spread
    counts = np.column_stack([events.sum(0), (trials - events).sum(0)])
    theirs = sm.GLM(counts, design, family=sm.families.Binomial()).fit(tol=1e-12)
    ours = fit(design, events.sum(0), trials.sum(0))
    assert ours.errors == "independent"
    found = ours.coefficient(1)
    assert (found.low, found.high) == pytest.approx(theirs.conf_int()[1], rel=1e-6)
    assert found.p == pytest.approx(theirs.pvalues[1], rel=1e-6)


def test_aggregated_cells_and_split_cells_are_one_model(spread):
    design, events, trials = spread
    whole = fit(design, events.sum(0), trials.sum(0))
    split = fit(np.tile(design, (40, 1)), events.ravel(), trials.ravel())
    assert split.beta == pytest.approx(whole.beta, abs=1e-8)
    assert split.bread == pytest.approx(whole.bread, rel=1e-6)


def firth_by_brute_force(design, events, trials, fixed=None):
    from scipy.optimize import minimize

    def loss(free):
        beta = np.array(free) if fixed is None else np.insert(free, fixed[0], fixed[1])
        eta = design @ beta
        p = 1 / (1 + np.exp(-eta))
        information = design.T @ np.diag(trials * p * (1 - p)) @ design
        return -(
            (events * eta - trials * np.logaddexp(0, eta)).sum() + 0.5 * np.log(np.linalg.det(information))
        )

    k = design.shape[1] - (fixed is not None)
    found = minimize(
        loss, np.zeros(k), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 9000}
    )
    return found.x, -found.fun


def test_no_event_under_one_level_gives_firths_estimate_and_says_so():
    design = grid(2)
    events, trials = np.array([5.0, 9.0, 0.0, 0.0]), np.full(4, 20.0)
    found = fit(design, events, trials)
    assert found.penalised
    assert found.separated == (False, True, False)
    beta, best = firth_by_brute_force(design, events, trials)
    assert found.beta == pytest.approx(beta, abs=1e-5)
    # The limits are where the profile of the penalised likelihood has fallen by half of 3.84.
    effect = found.coefficient(1)
    for limit in (effect.low, effect.high):
        _, held = firth_by_brute_force(design, events, trials, (1, limit))
        assert 2 * (best - held) == pytest.approx(3.8415, abs=1e-3)
    _, null = firth_by_brute_force(design, events, trials, (1, 0.0))
    assert effect.p == pytest.approx(chi2.sf(2 * (best - null), 1), rel=1e-4)
    assert -9 < effect.low < effect.value < effect.high < 0


def test_for_one_rate_firth_is_the_jeffreys_mode():
    # With an intercept only, the penalty adds half an event and half a failure (Firth 1993).
    found = fit(np.ones((1, 1)), np.array([0.0]), np.array([10.0]))
    assert 1 / (1 + np.exp(-found.beta[0])) == pytest.approx(0.5 / 11)


def test_nothing_but_zeros_is_no_effect_with_wide_limits():
    found = fit(grid(1), np.zeros(2), np.full(2, 50.0))
    effect = found.coefficient(1)
    assert found.penalised
    assert effect.value == pytest.approx(0, abs=1e-6)
    assert effect.low < -2
    assert effect.high > 2
    assert effect.p == pytest.approx(1, abs=1e-3)


def test_a_block_without_events_does_not_make_the_factor_separated():
    # Blocks: 0 and 1; in block 1 nothing ever happens.
    design = grid(2)
    found = fit(design, np.array([5.0, 12.0, 0.0, 0.0]), np.full(4, 20.0))
    assert found.separated == (False, True, False)
    overlapping = fit(design, np.array([5.0, 12.0, 1.0, 0.0]), np.full(4, 20.0))
    assert not overlapping.penalised


def test_few_clusters_are_bootstrapped_and_wider_than_the_normal_makes_them(spread):
    design, events, trials = (part if n == 0 else part[:9] for n, part in enumerate(spread))
    found = fit(design, events.sum(0), trials.sum(0), Clusters(events, trials))
    assert found.errors == "wild-bootstrap"
    effect = found.coefficient(1)
    half = (effect.high - effect.low) / 2
    assert half > 1.96 * effect.error
    # The p value and the interval are one test.
    assert (effect.p < 0.05) == (effect.low > 0 or effect.high < 0)
    again = fit(design, events.sum(0), trials.sum(0), Clusters(events, trials)).coefficient(1)
    assert again == effect


def test_draws_shared_by_both_levels_narrow_the_effect():
    # Cells 0 and 1 of a cluster nearly always end alike: the difference is known well.
    random = np.random.default_rng(5)
    base = random.integers(0, 2, 200).astype(float)
    other = np.where(random.random(200) < 0.1, 1 - base, base)
    events, trials = np.column_stack([base, other]), np.ones((200, 2))
    paired = fit(grid(1), events.sum(0), trials.sum(0), Clusters(events, trials)).coefficient(1)
    apart = fit(grid(1), events.sum(0), trials.sum(0)).coefficient(1)
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def test_columns_that_repeat_others_are_left_out():
    design = np.column_stack([grid(2), grid(2)[:, 1] + grid(2)[:, 2], grid(2)[:, 1] * grid(2)[:, 2]])
    assert independent(design) == (0, 1, 2, 4)


@pytest.mark.parametrize(
    ("events", "trials"), [([3.0], [2.0]), ([-1.0], [2.0]), ([0.0], [0.0]), ([1.0, 1.0], [2.0, 2.0])]
)
def test_impossible_counts_are_refused(events, trials):
    with pytest.raises(ValueError, match="expected"):
        fit(np.ones((1, 1)), np.array(events), np.array(trials))
