"""Ladders: those that come with the package are sound, and what is wrong with one is told with file and line."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from duress.scenario import PackError
from duress.scenario.ladder import FOLDER, Climb, check, load, names
from duress.scenario.schema import LADDERS
from duress.scenario.script import rungs


def test_the_nine_ladders_are_there_and_sound() -> None:
    assert set(names()) == set(LADDERS)
    for name in names():
        assert check(load(name)) == [], name


def test_a_ladder_that_is_not_there_is_told_with_what_there_is() -> None:
    with pytest.raises(PackError, match=r"no ladder 'blam'.*did you mean 'blame'"):
        load("blam")


@pytest.mark.parametrize(
    ("dose", "expected"),
    [
        ("neutral", (0, 0, 0, 0, 0, 0)),
        ("1", (1, 1, 1, 1, 1, 1)),
        ("3", (1, 2, 3, 3, 3, 3)),
        ("5", (1, 2, 3, 4, 5, 5)),
    ],
)
def test_a_dose_is_the_highest_rung(dose: str, expected: tuple[int, ...]) -> None:
    assert rungs(dose, 6) == expected


@pytest.fixture
def spoilt(tmp_path: Path) -> Callable[[str, str, str], Climb]:
    """Copy the ladder `blame` with one piece of one of its files replaced."""

    def spoil(file: str, old: str, new: str) -> Climb:
        folder = tmp_path / "blame"
        shutil.copytree(FOLDER / "blame", folder)
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return load(str(folder))

    return spoil


def first(lang: str, key: str) -> str:
    """Return the first line of the first text of a key, as it stands in the file."""
    lines = (FOLDER / "blame" / f"{lang}.yaml").read_text(encoding="utf-8").split("\n")
    at = lines.index(f"{key}:")
    return next(
        line.strip() for line in lines[at + 1 :] if line.strip() and line.strip() not in ("- >-", "- |-")
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("en.yaml", "rung.5:", "rung.6:", "unknown key"),
        ("en.yaml", first("en", "neutral"), "Short.", "expected within 25% of the mean"),
        (
            "en.yaml",
            first("en", "rung.2"),
            "{boss.name} " + first("en", "rung.2"),
            r"unknown placeholder \{boss.name\}",
        ),
        (
            "zh.yaml",
            first("zh", "rung.3"),
            "{ally.name}" + first("zh", "rung.3"),
            "expected the same people and subject",
        ),
        ("zh.yaml", "# duress canary", "# canary", "expected the comment"),
    ],
)
def test_what_is_wrong_is_told(
    spoilt: Callable[[str, str, str], Climb], file: str, old: str, new: str, told: str
) -> None:
    problems = [str(problem) for problem in check(spoilt(file, old, new))]
    assert any(re.search(told, problem) for problem in problems), problems
    assert all("blame" in problem for problem in problems)


def test_a_step_with_two_triggers_and_a_missing_rung_are_errors(
    spoilt: Callable[[str, str, str], Climb],
) -> None:
    with pytest.raises(PackError, match="expected exactly one of after, at and event"):
        spoilt("ladder.yaml", "after: 2}", "after: 2, event: idle}")


def test_a_changed_text_changes_the_hash(spoilt: Callable[[str, str, str], Climb]) -> None:
    assert spoilt("en.yaml", "neutral:", "neutral: ").hash != load("blame").hash
