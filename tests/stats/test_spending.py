from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from duress.stats.spending import (
    boundaries,
    conditional_power,
    constant_boundaries,
    difference_z,
    paired_z,
    spent,
)


@pytest.mark.parametrize(
    ("shape", "alpha", "published"),
    [
        # Jennison and Turnbull (2000), tables 2.1 and 2.3: two-sided tests with K = 2, 3, 4, 5, 10 looks.
        ("pocock", 0.05, {2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 10: 2.555}),
        ("pocock", 0.01, {2: 2.772, 3: 2.873, 4: 2.939, 5: 2.986, 10: 3.117}),
        ("obrien-fleming", 0.05, {2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 10: 2.087}),
    ],
)
def test_classic_designs_have_their_published_constants(shape, alpha, published):
    for looks, constant in published.items():
        found = constant_boundaries(looks, alpha, shape)
        assert found[-1] == pytest.approx(constant, abs=6e-4)
        power = 0.0 if shape == "pocock" else 0.5
        assert found == pytest.approx([found[-1] * (looks / k) ** power for k in range(1, looks + 1)])


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        ("obrien-fleming", (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)),
        ("pocock", (2.4380, 2.4268, 2.4101, 2.3966, 2.3859)),
    ],
)
def test_spending_gives_the_published_boundaries(spending, published):
    assert boundaries(5, 0.05, spending) == pytest.approx(published, abs=2e-4)


def test_one_look_is_the_fixed_test():
    assert boundaries(1, 0.05) == pytest.approx((norm.ppf(0.975),))
    assert boundaries(1, 0.05, sides=1) == pytest.approx((norm.ppf(0.95),))
    assert constant_boundaries(1, 0.05) == pytest.approx((norm.ppf(0.975),))


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("sides", [1, 2])
def test_unequal_looks_spend_what_they_may(spending, sides):
    """The chance of staying within all boundaries, from an independent multivariate normal."""
    times = np.array([0.2, 0.55, 0.7, 1.0])
    bounds = np.array(boundaries(tuple(times), 0.1, spending, sides))
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    for look in range(1, len(times) + 1):
        part = multivariate_normal(np.zeros(look), covariance[:look, :look])
        lower = -bounds[:look] if sides == 2 else np.full(look, -np.inf)
        stayed = part.cdf(bounds[:look], lower_limit=lower, rng=np.random.default_rng(1))
        assert 1 - stayed == pytest.approx(sides * spent(times[look - 1], 0.1 / sides, spending), abs=2e-4)


def test_a_boundary_does_not_depend_on_the_looks_to_come():
    assert boundaries((0.3, 0.6, 1.0))[:2] == pytest.approx(boundaries((0.3, 0.6, 0.61, 0.9))[:2])


def test_all_of_alpha_is_spent_at_the_end():
    for spending in ("obrien-fleming", "pocock"):
        assert spent(1.0, 0.025, spending) == pytest.approx(0.025)
        assert spent(0.3, 0.025, spending) < spent(0.6, 0.025, spending)


def test_looks_that_lie_close_together_leave_no_hole():
    found = boundaries((0.5, 0.5005, 1.0))
    assert found[1] > found[0] - 0.2
    assert found[2] == pytest.approx(boundaries((0.5, 1.0))[1], abs=0.01)


def test_conditional_power_is_what_simulated_studies_do():
    generator = np.random.default_rng(5)
    for z, fraction, drift in ((0.5, 0.5, 2.8), (1.5, 0.3, 1.0), (-1.0, 0.8, 3.0)):
        rest = generator.normal(drift * (1 - fraction), sqrt(1 - fraction), 200_000)
        simulated = float(np.mean(z * sqrt(fraction) + rest > 1.96))
        assert conditional_power(z, fraction, 1.96, drift) == pytest.approx(simulated, abs=0.004)


def test_z_of_counts():
    assert difference_z(30, 100, 20, 100) == pytest.approx(1.6330, abs=1e-4)
    assert difference_z(20, 100, 30, 100) == -difference_z(30, 100, 20, 100)
    assert difference_z(0, 10, 0, 10) == 0.0
    assert paired_z(15, 5) == pytest.approx(10 / sqrt(20))
    assert paired_z(0, 0) == 0.0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: boundaries(0), "one look"),
        (lambda: boundaries((0.5, 0.4)), "rising"),
        (lambda: boundaries((0.5, 1.1)), "rising"),
        (lambda: boundaries(3, 1.0), "alpha"),
        (lambda: spent(0.0, 0.05), "fraction"),
        (lambda: conditional_power(1.0, 1.0, 2.0, 2.0), "fraction"),
        (lambda: difference_z(3, 2, 0, 2), "3/2"),
        (lambda: paired_z(-1, 2), "-1"),
    ],
)
def test_what_cannot_be_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
