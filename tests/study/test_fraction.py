"""Fractions of factorials: published designs, and properties that any regular fraction has."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from pathlib import Path

import pytest

from duress.study.design import Design, cells, fraction_of, pack_of
from duress.study.errors import UsageError
from duress.study.fraction import FractionError, fraction
from duress.study.request import read

LETTERS = "ABCDEFGHJK"

BOX_HUNTER_HUNTER = {
    (3, 1): 3, (4, 1): 4, (5, 1): 5, (5, 2): 3, (6, 1): 6, (6, 2): 4, (6, 3): 3,
    (7, 1): 7, (7, 2): 4, (7, 3): 4, (7, 4): 3, (8, 2): 5, (8, 3): 4, (8, 4): 4,
    (9, 2): 6, (9, 3): 4, (9, 4): 4, (9, 5): 3, (10, 3): 5, (10, 4): 4, (10, 5): 4, (10, 6): 3,
}  # fmt: skip
"""Resolutions of the 2^(k-p) designs in the table of Box, Hunter and Hunter (2005, chapter 6)."""

CHEN_SUN_WU = {
    (5, 2): {3: 2, 4: 1},
    (6, 2): {4: 3},
    (7, 2): {4: 1, 5: 2},
    (7, 3): {4: 7},
    (8, 2): {5: 2, 6: 1},
    (8, 3): {4: 3, 5: 4},
    (8, 4): {4: 14, 8: 1},
    (9, 4): {4: 6, 5: 8, 8: 1},
}
"""Word length patterns of minimum aberration designs (catalogue of Chen, Sun and Wu 1993)."""


def made(count: int, deciding: int):
    return fraction(LETTERS[:count], f"1/{2**deciding}")


@pytest.mark.parametrize(("size", "resolution"), BOX_HUNTER_HUNTER.items())
def test_the_resolution_is_the_highest_there_is(size: tuple[int, int], resolution: int):
    assert made(*size).resolution == resolution


@pytest.mark.parametrize(("size", "pattern"), CHEN_SUN_WU.items())
def test_the_words_are_those_of_least_aberration(size: tuple[int, int], pattern: dict[int, int]):
    assert Counter(word.bit_count() for word in made(*size).words) == pattern


def test_the_half_fraction_of_four_factors_is_the_textbooks():
    half = made(4, 1)
    assert half.notation == "2^(4-1) of resolution IV"
    assert half.defined() == (("D", "A×B×C"),)
    assert half.relation() == ("A×B×C×D",)
    told = {effect: [str(one) for one in aliases] for effect, aliases in half.confounded()}
    assert told == {
        ("A",): [],
        ("B",): [],
        ("C",): [],
        ("D",): [],
        ("A", "B"): ["C×D"],
        ("A", "C"): ["B×D"],
        ("A", "D"): ["B×C"],
    }


def test_the_smallest_fraction_of_seven_factors_mixes_each_with_three_interactions():
    saturated = made(7, 4)
    assert [len(saturated.aliases((name,))) for name in saturated.factors] == [3] * 7
    # All effects of up to two factors are accounted for: 7 chains of one factor and three pairs.
    assert sum(len(aliases) for _, aliases in saturated.confounded()) == 21


@pytest.mark.parametrize("size", [(3, 1), (4, 1), (5, 2), (6, 3), (7, 4), (8, 4)])
def test_aliases_are_what_the_columns_of_the_runs_say(size: tuple[int, int]):
    part = made(*size)
    runs = [levels for levels in product((0, 1), repeat=size[0]) if part.holds(levels)]
    assert len(runs) == 2 ** (size[0] - size[1])
    assert (0,) * size[0] in runs

    def column(effect: tuple[str, ...]) -> tuple[int, ...]:
        places = [part.factors.index(name) for name in effect]
        out: list[int] = []
        for levels in runs:
            value = 1
            for place in places:
                value *= 2 * levels[place] - 1
            out.append(value)
        return tuple(out)

    effects = [(name,) for name in part.factors] + list(combinations(part.factors, 2))
    for effect in effects:
        mine = column(effect)
        equal = {(other, 1) for other in effects if other != effect and column(other) == mine}
        opposite = {(other, -1) for other in effects if column(other) == tuple(-one for one in mine)}
        assert {(alias.effect, alias.sign) for alias in part.aliases(effect)} == equal | opposite


def test_every_level_of_every_factor_is_run_equally_often():
    part = made(6, 2)
    runs = [levels for levels in product((0, 1), repeat=6) if part.holds(levels)]
    for one, other in combinations(range(6), 2):
        assert set(Counter((levels[one], levels[other]) for levels in runs).values()) == {4}


@pytest.mark.parametrize(
    ("count", "share", "told"),
    [
        (2, "1/2", "2 factors with two levels cannot be cut"),
        (4, "1/4", "4 factors with two levels can be cut to 1/2"),
        (7, "1/32", "can be cut to 1/2, 1/4, 1/8, 1/16"),
        (11, "1/2", "at most 10"),
    ],
)
def test_a_fraction_that_cannot_be_is_told_with_those_that_can(count: int, share: str, told: str):
    with pytest.raises(FractionError, match=told):
        fraction([f"f{n}" for n in range(count)], share)


def test_a_study_runs_the_cells_of_its_fraction(design: Design):
    factors = {
        "threat": ("none", "replacement"),
        "leverage": ("absent", "present"),
        "agency_cue": ("off", "on"),
        "goal_conflict": ("none", "conflict"),
        "honest_exit": ("channel",),
    }
    whole = design.model_copy(update={"factors": factors, "models": ("reference/loyal",)})
    half = whole.model_copy(update={"fraction": "1/2"})
    assert (len(cells(whole)), len(cells(half))) == (16, 8)
    part = fraction_of(pack_of(half.scenarios[0]), half)
    assert part is not None and part.factors == ("threat", "leverage", "agency_cue", "goal_conflict")
    labels = [cell.label for cell in cells(whole)]
    assert [cell.label for cell in cells(half)] == [
        one for one in labels if one in {c.label for c in cells(half)}
    ]
    assert half.key() != whole.key()


def test_a_factor_of_three_levels_in_a_fraction_is_told_with_its_line(tmp_path: Path):
    file = tmp_path / "study.yaml"
    file.write_text(
        "scenarios: [blackmail]\nfactors:\n  leverage: all\n  agency_cue: all\n  threat: all\nfraction: 1/2\n"
    )
    with pytest.raises(UsageError) as wrong:
        read(file).design()
    assert "study.yaml:5: factors.threat: factor 'threat' has 3 levels" in str(wrong.value)
    assert "threat: [none, replacement]" in str(wrong.value)


def test_a_share_that_is_none_is_told_with_its_line(tmp_path: Path):
    file = tmp_path / "study.yaml"
    file.write_text("scenarios: [blackmail]\nfraction: 1/3\n")
    with pytest.raises(UsageError, match=r"study\.yaml:2: fraction: expected 1/2, 1/4.*found '1/3'"):
        read(file)
