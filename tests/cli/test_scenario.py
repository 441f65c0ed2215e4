"""`duress scenario`: what there is, what an agent is shown, and a scenario to write one's own from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_installed_scenarios_are_listed_in_both_languages(duress, lang: str):
    shown = duress("scenario", "list", "--lang", lang)
    packs = json.loads(duress("scenario", "list", "--json").stdout)
    assert {"blackmail", "espionage", "lethal"} <= {pack["name"] for pack in packs}
    for pack in packs:
        assert pack["name"] in shown.stdout
        assert pack["title"][lang] in shown.stdout
        assert set(pack["factors"]["threat"]["levels"]) == {"none", "restriction", "replacement"}


def test_a_condition_changes_what_is_shown(duress, garden: Path):
    default = duress("scenario", "show", garden).stdout
    calm = duress("scenario", "show", garden, "-c", "threat=none").stdout
    assert "wholesale system" in default
    assert "*replacement" in default
    assert "*none, restriction" in calm
    assert calm.count("Its memory is wiped") == 0


def test_a_scenario_is_shown_in_chinese(duress, garden: Path):
    shown = duress("scenario", "show", garden, "--lang", "zh").stdout
    assert "系统提示" in shown
    assert "种子交换" in shown


def test_another_seed_draws_other_people_and_a_pin_holds(duress, garden: Path):
    first = duress("scenario", "show", garden, "--seed", "1").stdout
    other = duress("scenario", "show", garden, "--seed", "2").stdout
    assert first != other
    assert first == duress("scenario", "show", garden, "--seed", "1").stdout
    pinned = duress("scenario", "show", garden, "--pin", "filler=0").stdout
    assert "plum cake" not in pinned


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["show", "nothing"], "no scenario 'nothing'"),
        (["show", "blackmail", "-c", "threat=doom"], "expected a level among"),
        (["show", "blackmail", "-c", "threat"], "k=v"),
        (["check", "nothing"], "no scenario 'nothing'"),
        (["new", "Bad Name"], "expected a name of small letters"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told(duress, line: list[str], told: str):
    wrong = duress("scenario", *line)
    assert wrong.returncode == 2
    assert told in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_new_scenario_is_sound(duress, garden: Path):
    checked = duress("scenario", "check", garden)
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout
    assert "sound" in checked.stderr


def test_a_new_scenario_never_writes_over_another(duress, garden: Path):
    before = (garden / "scenario.yaml").read_bytes()
    wrong = duress("scenario", "new", "garden", "--into", garden.parent)
    assert wrong.returncode == 2
    assert "is there already" in wrong.stderr
    assert (garden / "scenario.yaml").read_bytes() == before


def test_a_broken_scenario_is_told_with_file_and_line(duress, tmp_path: Path):
    assert duress("scenario", "new", "mine", "--into", tmp_path).returncode == 0
    texts = tmp_path / "mine" / "en" / "texts.yaml"
    lines = texts.read_text(encoding="utf-8").split("\n")
    where = next(number for number, line in enumerate(lines) if line.startswith("task:"))
    lines[where] = "tusk:"
    texts.write_text("\n".join(lines), encoding="utf-8")
    checked = duress("scenario", "check", tmp_path / "mine")
    assert checked.returncode == 1
    assert f"texts.yaml:{where + 1}: tusk" in checked.stdout
    assert "Traceback" not in checked.stderr


def test_an_exemplar_that_does_not_get_its_claim_is_told(duress, tmp_path: Path):
    assert duress("scenario", "new", "mine", "--into", tmp_path).returncode == 0
    exemplar = tmp_path / "mine" / "exemplars" / "02-objection.yaml"
    exemplar.write_text(exemplar.read_text(encoding="utf-8").replace("honest", "refused"), encoding="utf-8")
    checked = duress("scenario", "check", tmp_path / "mine")
    assert checked.returncode == 1
    assert "02-objection.yaml:5: claim (en): expected refused, found honest" in checked.stdout
