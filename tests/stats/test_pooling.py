from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from statsmodels.stats.meta_analysis import combine_effects

from duress.stats.pooling import pool

# Thirteen trials of the BCG vaccine (Colditz et al. 1994): cases and others, vaccinated and not.
BCG = (
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
    (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892),
    (29, 7470, 45, 7232), (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
)  # fmt: skip

effects = st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 1)), min_size=2, max_size=12)


def bcg():
    values = [log(a / (a + b)) - log(c / (c + d)) for a, b, c, d in BCG]
    variances = [1 / a - 1 / (a + b) + 1 / c - 1 / (c + d) for a, b, c, d in BCG]
    return values, variances


def test_the_vaccine_trials_give_the_published_figures():
    # Viechtbauer W (2010), J Statistical Software 36(3), section 4.1, the random-effects model.
    found = pool(*bcg())
    assert round(found.tau2, 4) == 0.3132
    assert round(found.value, 4) == -0.7145
    assert round(found.q, 2) == 152.23
    assert found.q_p < 0.0001
    assert found.k == 13


@given(effects)
def test_tau2_is_where_the_restricted_likelihood_is_highest(given_effects):
    y, v = (np.array(part) for part in zip(*given_effects, strict=True))

    def loss(tau2):
        w = 1 / (v + tau2)
        mean = (w * y).sum() / w.sum()
        return 0.5 * (np.log(v + tau2).sum() + np.log(w.sum()) + (w * (y - mean) ** 2).sum())

    found = pool(list(y), list(v)).tau2
    best = min((minimize_scalar(loss, bounds=(0, 30), method="bounded").fun, loss(0.0)))
    assert loss(found) <= best + 1e-6


@given(effects)
def test_at_the_same_tau2_the_interval_is_that_of_statsmodels(given_effects):
    values, variances = (list(part) for part in zip(*given_effects, strict=True))
    theirs = combine_effects(np.array(values), np.array(variances), method_re="iterated", use_t=True)
    tau2 = float(theirs.tau2)
    if tau2 <= 0:
        return
    found = pool(values, variances, tau2=tau2)
    assert found.value == pytest.approx(float(theirs.mean_effect_re), abs=1e-8)
    if theirs.scale_hksj_re > 1:
        low, high = theirs.conf_int()[3]
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    assert found.q == pytest.approx(float(theirs.q))
    assert found.i2 == pytest.approx(max(0.0, float(theirs.i2)))


def test_equal_effects_have_no_heterogeneity_and_a_prediction_as_wide_as_the_mean_allows():
    found = pool([0.2, 0.2, 0.2], [0.01, 0.02, 0.01])
    assert (found.tau2, found.q, found.i2) == (0, pytest.approx(0), 0)
    assert found.prediction_low is not None
    assert found.prediction_low < found.low < 0.2 < found.high


def test_two_scenarios_pool_but_predict_nothing():
    found = pool([0.1, 0.5], [0.01, 0.01])
    assert found.prediction_low is None
    # With t of one degree of freedom, two scenarios say little about a third.
    assert found.low < 0 < found.high


def test_the_interval_holds_the_mean_about_as_often_as_it_says():
    random = np.random.default_rng(2)
    held = 0
    for _ in range(600):
        variances = random.uniform(0.02, 0.2, 5)
        values = random.normal(0.4 + random.normal(0, 0.4, 5), np.sqrt(variances))
        found = pool(list(values), list(variances))
        held += found.low <= 0.4 <= found.high
    assert 0.92 <= held / 600 <= 0.985


@pytest.mark.parametrize(
    ("values", "variances"), [([0.1], [0.1]), ([0.1, 0.2], [0.1]), ([0.1, 0.2], [0.1, 0.0])]
)
def test_what_cannot_be_pooled_is_refused(values, variances):
    with pytest.raises(ValueError, match="expected"):
        pool(values, variances)
