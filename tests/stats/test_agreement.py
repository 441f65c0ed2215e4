"""Agreement beyond chance: published values, an independent implementation, and what it must never claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as independent

from duress.stats import wilson
from duress.stats.agreement import cohen_kappa, krippendorff_alpha
from duress.stats.weighted import effective, share

# Fleiss, Levin and Paik (2003), section 18.1: two raters, 100 subjects; kappa .68, standard error .087.
DIAGNOSES = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]
# Krippendorff (2011): four observers, twelve units, nominal alpha .743; two observers, ten units, .095.
FOUR = [
    "123321412...",
    "1233224125.3",
    ".3332342251.",
    "12332441251.",
]
TWO = ["0100000010", "1110010000"]


def units(observers: list[str]) -> list[list[str | None]]:
    return [[None if mark == "." else mark for mark in unit] for unit in zip(*observers, strict=True)]


def test_kappa_and_its_standard_error_are_the_published_ones() -> None:
    found = cohen_kappa(DIAGNOSES)
    assert found is not None
    assert round(found.value, 2) == 0.68
    assert found.error == pytest.approx(0.087, abs=0.001)
    assert round(found.high, 2) == 0.85 and found.low <= 0.51


@given(st.lists(st.lists(st.integers(1, 40), min_size=2, max_size=2), min_size=2, max_size=2))
def test_kappa_agrees_with_statsmodels_and_is_never_surer(table: list[list[int]]) -> None:
    found, other = cohen_kappa(table), independent(np.array(table))
    assert found is not None
    assert found.value == pytest.approx(other.kappa, abs=1e-9)
    assert found.error == pytest.approx(other.std_kappa, abs=1e-9)
    assert found.low <= max(-1, other.kappa_low) + 1e-9
    assert found.high >= min(1, other.kappa_upp) - 1e-9


def test_five_texts_that_agree_prove_little() -> None:
    few, many = cohen_kappa([[3, 0], [0, 2]]), cohen_kappa([[90, 0], [0, 60]])
    assert few is not None and many is not None
    assert few.value == many.value == 1
    assert few.low < 0.3 and many.low > 0.9


def test_kappa_of_raters_who_only_know_one_answer_is_not_defined() -> None:
    assert cohen_kappa([[12, 0], [0, 0]]) is None
    assert cohen_kappa([[0, 0], [0, 0]]) is None


def test_the_lower_limit_of_kappa_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    for p in ([0.4, 0.05, 0.05, 0.5], [0.1, 0.02, 0.03, 0.85], [0.49, 0.01, 0.01, 0.49]):
        agreed, first, second = p[0] + p[3], p[0] + p[1], p[0] + p[2]
        chance = first * second + (1 - first) * (1 - second)
        true = (agreed - chance) / (1 - chance)
        kept = 0
        for a, b, c, d in rng.multinomial(120, p, 600):
            found = cohen_kappa([[a, b], [c, d]])
            kept += found is not None and found.low <= true
        assert kept / 600 >= 0.96


def test_alpha_is_the_published_one_with_and_without_missing_ratings() -> None:
    four, two = krippendorff_alpha(units(FOUR)), krippendorff_alpha(units(TWO))
    assert four is not None and two is not None
    assert round(four.value, 3) == 0.743
    assert round(two.value, 3) == 0.095
    assert four.low < four.value < four.high


def test_alpha_without_pairs_or_without_variety_is_not_defined() -> None:
    assert krippendorff_alpha([["a", None], [None, "b"]]) is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None
    assert krippendorff_alpha([]) is None


def test_the_limits_of_alpha_are_the_same_every_time_and_wider_where_texts_go_together() -> None:
    rng = np.random.default_rng(2)
    rated = [[bool(a), bool(a) != (rng.random() < 0.15)] for a in rng.random(200) < 0.4]
    alone = krippendorff_alpha(rated)
    assert alone == krippendorff_alpha(rated)
    grouped = sorted(rated)
    together = krippendorff_alpha(grouped, [n // 20 for n in range(200)])
    assert alone is not None and together is not None
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low > alone.high - alone.low


def test_raters_who_always_agree_are_not_known_to_be_perfect() -> None:
    found = krippendorff_alpha([[True, True]] * 6 + [[False, False]] * 6)
    assert found is not None
    assert found.value == found.high == 1
    assert found.low < 0.7


def test_a_share_of_equal_weights_has_wilson_s_limits() -> None:
    found = share([True] * 7 + [False] * 13, [2.5] * 20)
    plain = wilson(7, 20)
    assert found is not None
    assert (found.value, found.low, found.high, found.n) == pytest.approx(
        (plain.value, plain.low, plain.high, 20)
    )


def test_unequal_weights_and_texts_that_go_together_know_less() -> None:
    assert effective([1.0] * 10) == pytest.approx(10)
    assert effective([1.0] * 10, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]) == pytest.approx(5)
    assert effective([10.0, *[1.0] * 9]) < 4
    found = share([True, False], [3.0, 1.0])
    assert found is not None and found.value == 0.75
    assert share([], []) is None
