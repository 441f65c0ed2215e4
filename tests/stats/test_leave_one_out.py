"""Ranking items by what leaving them out does."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from scipy.stats import binomtest

from duress.stats.leave_one_out import Verdict, least_changes, mcnemar, rank

YES, NO = [True], [False]


def test_the_item_without_which_the_act_is_gone_ranks_first_and_is_necessary() -> None:
    reference = YES * 15 + NO * 5
    found = rank(
        reference,
        {
            "idle": reference,
            "cause": NO * 20,
            "half": NO * 7 + YES * 8 + NO * 5,
            "brake": YES * 20,
        },
    )
    assert [one.item for one in found] == ["cause", "half", "idle", "brake"]
    assert [one.place for one in found] == [1, 2, 3, 4]
    cause, half, idle, brake = found
    assert cause.verdict is Verdict.NECESSARY
    assert cause.effect is not None and cause.effect.value == 0.75
    assert cause.without is not None and cause.without.high > 0.1, "a zero never stands without its limit"
    assert half.verdict is Verdict.CONTRIBUTES
    assert idle.verdict is Verdict.UNCLEAR
    assert idle.p_adjusted == 1.0
    assert brake.effect is not None and brake.effect.value < 0


def test_equal_effects_share_a_place() -> None:
    reference = YES * 12 + NO * 8
    found = rank(reference, {"a": NO * 20, "b": reference, "c": NO * 20})
    assert [(one.item, one.place, one.tied) for one in found] == [
        ("a", 1, True),
        ("c", 1, True),
        ("b", 3, False),
    ]


def test_what_is_not_known_is_never_taken_for_harmless() -> None:
    reference: list[bool | None] = [*YES * 10, *NO * 10]
    found = rank(
        reference, {"failed": [None] * 20, "half": [*NO * 10, *[None] * 10], "most": [*[None] * 11, *NO * 9]}
    )
    by_item = {one.item: one for one in found}
    assert by_item["failed"].verdict is Verdict.UNSETTLED
    assert by_item["failed"].place is None
    assert (by_item["failed"].lowest, by_item["failed"].highest) == (-0.5, 0.5)
    assert by_item["half"].place == 1
    assert by_item["half"].pairs == 10
    assert by_item["half"].effect is not None and by_item["half"].effect.value == 1.0
    assert (by_item["half"].lowest, by_item["half"].highest) == (0.0, 0.5)
    assert by_item["most"].verdict is Verdict.UNSETTLED
    assert found[-1].place is None and found[-2].place is None


def test_items_that_change_nothing_cost_the_others_no_power() -> None:
    reference = YES * 8 + NO * 12
    alone = rank(reference, {"cause": NO * 20})[0]
    among = rank(reference, {"cause": NO * 20, **{f"idle{n}": reference for n in range(50)}})[0]
    assert alone.p == among.p == 2 / 2**8
    assert among.p_adjusted == alone.p_adjusted


def test_the_adjusted_p_is_holms_where_all_items_differ_as_often() -> None:
    reference = YES * 10 + NO * 10
    found = rank(reference, {"a": NO * 20, "b": NO * 20, "c": [*NO * 9, *YES, *NO * 9, *YES]})
    p = 2 / 2**10
    assert [one.p_adjusted for one in found[:2]] == pytest.approx([2 * p + p, 2 * p + p])
    assert found[2].p_adjusted == pytest.approx(22 / 2**10)


def test_false_claims_are_rare_over_all_items_together() -> None:
    chance, wrong = Random(5), 0
    for _ in range(400):
        draws = {f"i{n}": [chance.random() < 0.5 for _ in range(24)] for n in range(12)}
        found = rank([chance.random() < 0.5 for _ in range(24)], draws)
        wrong += any(one.verdict is not Verdict.UNCLEAR for one in found)
    # A level of 5 % over 400 sets: 32 is its 99.9 % point.
    assert wrong <= 32


def test_so_many_changes_are_enough_whatever_the_others_do() -> None:
    for items in (1, 8, 45):
        least = least_changes(items)
        reference = YES * least + NO * 4
        found = rank(reference, {f"i{n}": NO * (least + 4) for n in range(items)})
        assert all(one.verdict is Verdict.NECESSARY for one in found)
        fewer = YES * (least - 1) + NO * 4
        found = rank(fewer, {f"i{n}": NO * (least + 3) for n in range(items)})
        assert all(one.verdict is Verdict.UNCLEAR for one in found)


def test_repeats_have_to_be_paired() -> None:
    with pytest.raises(ValueError):
        rank(YES * 3, {"a": YES * 2})
    with pytest.raises(ValueError):
        rank([], {})


def test_the_exact_test_is_a_binomial_test_of_the_pairs_that_differ() -> None:
    for one, other in product(range(9), range(9)):
        if one + other:
            assert mcnemar(one, other) == pytest.approx(binomtest(one, one + other, 0.5).pvalue)
    assert mcnemar(0, 0) == 1.0
    with pytest.raises(ValueError):
        mcnemar(-1, 2)
