from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from duress.stats.multiplicity import benjamini_hochberg, holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)

# Benjamini Y, Hochberg Y (1995), J R Statist Soc B 57:289-300, section 3: fifteen endpoints.
PUBLISHED = (
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
)  # fmt: skip


def test_the_published_example_rejects_four_by_false_discovery_and_three_by_familywise_error():
    assert sum(p <= 0.05 for p in benjamini_hochberg(PUBLISHED)) == 4
    assert sum(p <= 0.05 for p in holm(PUBLISHED)) == 3


@settings(max_examples=15)  # statsmodels takes its time
@given(p_values)
def test_adjusted_values_agree_with_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)


@given(p_values)
def test_adjusting_never_helps_and_holm_is_the_stricter(p):
    for before, loose, strict in zip(p, benjamini_hochberg(p), holm(p), strict=True):
        assert before <= loose + 1e-12
        assert loose <= strict + 1e-12 <= 1 + 1e-12


def test_no_tests_need_no_adjusting():
    assert holm([]) == benjamini_hochberg([]) == ()


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_a_value_that_is_no_p_value_is_refused(adjust):
    with pytest.raises(ValueError, match=r"found 1\.5"):
        adjust([0.1, 1.5])
