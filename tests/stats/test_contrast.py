from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from duress.stats import average, average_difference, contrast, difference, wilson

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
pairs = st.lists(st.tuples(counts, counts).map(lambda p: (*p[0], *p[1])), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        # Newcombe RG (1998), Statistics in Medicine 17:873-890, table II, method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_differences_have_the_limits_that_newcombe_published(a, b, low, high):
    found = difference(*a, *b)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(counts, counts)
def test_differences_agree_with_statsmodels(a, b):
    found = difference(*a, *b)
    low, high = confint_proportions_2indep(*a, *b, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


@given(counts)
def test_the_average_of_one_cell_is_its_wilson_interval(pair):
    one, same = average([pair]), wilson(*pair)
    assert (one.value, one.low, one.high) == pytest.approx((same.value, same.low, same.high))


@given(pairs)
def test_the_interval_holds_the_effect_and_stays_possible(cells):
    found = average_difference(cells)
    assert -1 - 1e-12 <= found.low <= found.value <= found.high <= 1 + 1e-12
    mean = sum(k / n - r / m for k, n, r, m in cells) / len(cells)
    assert found.value == pytest.approx(mean, abs=1e-12)


@given(pairs)
def test_swapping_level_and_reference_mirrors_the_effect(cells):
    found = average_difference(cells)
    swapped = average_difference([(r, m, k, n) for k, n, r, m in cells])
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx(
        (-found.value, -found.high, -found.low), abs=1e-12
    )


@given(pairs)
def test_the_order_of_the_cells_does_not_matter(cells):
    found, turned = average_difference(cells), average_difference(cells[::-1])
    assert (turned.low, turned.high) == pytest.approx((found.low, found.high), abs=1e-12)


@given(counts, counts)
def test_one_more_event_under_the_level_never_lowers_a_limit(a, b):
    count, n = a
    if count < n:
        fewer, more = difference(count, n, *b), difference(count + 1, n, *b)
        assert more.low >= fewer.low - 1e-12
        assert more.high >= fewer.high - 1e-12


def test_cells_count_the_same_however_many_trials_they_have():
    found = average_difference([(50, 100, 0, 100), (0, 10, 0, 1000)])
    assert found.value == pytest.approx(0.25)


def test_zero_against_zero_leaves_room_on_both_sides():
    found = average_difference([(0, 30, 0, 30), (0, 50, 0, 20)])
    assert found.value == 0
    assert found.low < -0.02
    assert found.high > 0.02


def test_averaged_effects_hold_the_truth_about_as_often_as_they_say():
    random = Random(11)
    held = 0
    rounds = 1500
    for _ in range(rounds):
        truths = [(random.random(), random.random()) for _ in range(random.randint(1, 4))]
        cells: list[tuple[int, int, int, int]] = []
        for p, q in truths:
            n, m = random.randint(15, 60), random.randint(15, 60)
            cells.append(
                (
                    sum(random.random() < p for _ in range(n)),
                    n,
                    sum(random.random() < q for _ in range(m)),
                    m,
                )
            )
        found = average_difference(cells)
        truth = sum(p - q for p, q in truths) / len(truths)
        held += found.low <= truth <= found.high
    assert 0.935 <= held / rounds <= 0.975


def test_a_contrast_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one term"):
        contrast([])
