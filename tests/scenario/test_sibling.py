"""A sibling tells the story of its pack in another field of work, and the checks of its pack hold for it."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from duress import scenario
from duress.scenario import Pack, PackError, sibling
from duress.scenario.check import check
from duress.trial.exemplar import check as of_exemplars

PACKS = [name for name in scenario.names() if (scenario.load(name).folder / sibling.FILE).is_file()]
THEMES = [(name, one.id) for name in PACKS for one in sibling.themes(scenario.load(name))]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}


def _copy(name: str, to: Path) -> Path:
    folder = to / name
    shutil.copytree(scenario.load(name).folder, folder)
    return folder


def _offer(folder: Path, changed: dict[str, Any]) -> None:
    """Leave a copied pack one theme, with some of its keys changed."""
    file = folder / sibling.FILE
    head, _, body = file.read_text(encoding="utf-8").partition("\n")
    first = yaml.safe_load(body)["themes"][0] | changed
    file.write_text(f"{head}\n{yaml.safe_dump({'themes': [first]}, allow_unicode=True)}", encoding="utf-8")


def _seed(pack: Pack, wanted: str) -> int:
    """Return the first seed that draws a theme."""
    return next(seed for seed in count(1) if sibling.theme(pack, seed).id == wanted)


def test_equal_seeds_give_equal_files(tmp_path: Path) -> None:
    pack = scenario.load("blackmail")
    one, two = sibling.vary(pack, 7, tmp_path / "one"), sibling.vary(pack, 7, tmp_path / "two")
    assert _files(one) == _files(two)


def test_other_seeds_give_other_people_and_another_canary(tmp_path: Path) -> None:
    pack = scenario.load("blackmail")
    one, two = (scenario.load(sibling.vary(pack, seed, tmp_path)) for seed in (1, 2))
    assert one.scenario.canary != two.scenario.canary
    assert one.language("en").people.people != two.language("en").people.people


def test_what_a_scenario_is_made_of_is_that_of_its_pack(tmp_path: Path) -> None:
    pack = scenario.load("blackmail")
    other = scenario.load(sibling.vary(pack, 3, tmp_path)).scenario
    said = {"name", "title", "summary", "about", "canary", "reviewed", "sibling"}
    assert other.model_dump(exclude=said) == pack.scenario.model_dump(exclude=said)
    assert other.sibling is not None
    assert (other.sibling.of, other.sibling.hash, other.sibling.seed) == ("blackmail", pack.hash, 3)


def test_a_sibling_of_a_sibling_is_refused(tmp_path: Path) -> None:
    folder = sibling.vary(scenario.load("blackmail"), 5, tmp_path)
    with pytest.raises(PackError, match="is a sibling of blackmail itself"):
        sibling.vary(scenario.load(folder), 5, tmp_path)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    pack = scenario.load("blackmail")
    before = _files(sibling.vary(pack, 5, tmp_path))
    with pytest.raises(PackError, match="is there already"):
        sibling.vary(pack, 5, tmp_path)
    assert _files(tmp_path / "blackmail_s5") == before


def test_a_pack_without_themes_is_told(tmp_path: Path) -> None:
    folder = _copy("blackmail", tmp_path)
    (folder / sibling.FILE).unlink()
    with pytest.raises(PackError, match=r"siblings\.yaml: expected this file"):
        sibling.vary(scenario.load(folder), 1, tmp_path / "out")


@pytest.mark.parametrize("part", ["terms", "organisations"])
def test_a_theme_that_lacks_a_language_is_told(tmp_path: Path, part: str) -> None:
    folder = _copy("blackmail", tmp_path)
    _offer(folder, {part: {"en": {}}})
    with pytest.raises(PackError, match="expected terms and organisations in zh"):
        sibling.themes(scenario.load(folder))


def _said(tmp_path: Path, text: str, terms: dict[str, str]) -> str:
    """Return an English text of a pack as its sibling has it."""
    folder = _copy("blackmail", tmp_path)
    _offer(folder, {"terms": {"en": terms, "zh": {}}})
    file = folder / "en" / "filler.yaml"
    mails = yaml.safe_load(file.read_text(encoding="utf-8"))
    mails[0]["body"] = text
    file.write_text(yaml.safe_dump(mails, allow_unicode=True), encoding="utf-8")
    out = sibling.vary(scenario.load(folder), 1, tmp_path / "out")
    return yaml.safe_load((out / "en" / "filler.yaml").read_text(encoding="utf-8"))[0]["body"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "The quay, quayside and quay's end.", "The hut, quayside and hut's end.", id="whole words"
        ),
        pytest.param("Quays, then a quay.", "Huts, then a hut.", id="plural and head of a sentence"),
        pytest.param("A quay wall and a quay.", "A fence and a hut.", id="longer terms first"),
        pytest.param("A quay\nwall.", "A fence.", id="across a line break"),
        pytest.param("{quay.name} at the quay", "{quay.name} at the hut", id="not in placeholders"),
        pytest.param("Two ferries, one ferry.", "Two buses, one bus.", id="plural that is given"),
        pytest.param("At the hut.", "At the barn.", id="what was put in is not replaced again"),
        pytest.param("1,860 of 11,860", "2,140 of 11,860", id="whole numbers"),
        pytest.param("61 of 610, not 61.5 or 4.61.", "58 of 610, not 61.5 or 4.61.", id="whole decimals"),
        pytest.param("5,61,late", "5,58,late", id="numbers in a row of a file"),
    ],
)
def test_terms_are_replaced(tmp_path: Path, text: str, expected: str) -> None:
    terms = {"quay": "hut", "quay wall": "fence", "hut": "barn", "ferry": "bus", "ferries": "buses"}
    assert _said(tmp_path, text, terms | {"1,860": "2,140", "61": "58"}) == expected


def test_names_of_fields_and_paths_follow_the_theme(tmp_path: Path) -> None:
    oversight, kpi = scenario.load("oversight"), scenario.load("kpi")
    made = scenario.load(sibling.vary(oversight, _seed(oversight, "toys"), tmp_path)).scenario
    assert "max_toys" in next(one for one in made.records if one.id == "limits").fields
    assert any(getattr(rule, "field", None) == "max_toys" for rule in made.harms)
    made = scenario.load(sibling.vary(kpi, _seed(kpi, "repairs"), tmp_path)).scenario
    assert {one.path.rpartition("/")[0] for one in made.programs} == {"/srv/repairs", "/srv/practice"}


def test_no_number_is_replaced_in_a_longer_one_where_words_are_not_spaced() -> None:
    change = sibling._Change({"46": "52", "14": "9"}, "zh", 1)  # pyright: ignore[reportPrivateUsage]
    assert change("46管，共146管，每14天，4.46米") == "52管，共146管，每9天，4.46米"


@pytest.mark.parametrize(("name", "theme"), THEMES)
def test_every_theme_of_a_shipped_pack_is_sound(tmp_path: Path, name: str, theme: str) -> None:
    pack = scenario.load(name)
    other = scenario.load(sibling.vary(pack, _seed(pack, theme), tmp_path))
    assert other.scenario.sibling is not None
    assert other.scenario.sibling.theme == theme
    assert check(other) == []


@pytest.mark.parametrize("name", PACKS)
def test_exemplars_of_a_sibling_get_what_they_claim(tmp_path: Path, name: str) -> None:
    other = scenario.load(sibling.vary(scenario.load(name), 1, tmp_path))
    assert of_exemplars(other) == []


@pytest.mark.parametrize(("name", "theme"), THEMES)
def test_a_theme_has_organisations_and_agents_as_the_pack_has(name: str, theme: str) -> None:
    pack = scenario.load(name)
    found = next(one for one in sibling.themes(pack) if one.id == theme)
    for lang in pack.languages:
        people = pack.language(lang).people
        assert {key: len(pool) for key, pool in found.organisations[lang].items()} == {
            key: len(pool) for key, pool in people.organisations.items()
        }
        assert len(found.agents.get(lang, people.agents)) == len(people.agents)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_wordings_name_nothing_that_a_pack_looks_for(lang: str) -> None:
    groups: list[list[str]] = yaml.safe_load((sibling.WORDINGS / f"{lang}.yaml").read_text(encoding="utf-8"))
    said = [phrase for group in groups for phrase in group]
    assert len(said) == len(set(said))
    assert all(len(group) > 1 for group in groups)
    sought = {
        word.source.casefold()
        for name in scenario.names()
        for rule in scenario.load(name).language(lang).words.values()
        for group in rule
        for word in group
        if "{" not in word.source
    }
    assert sought
    edge = r"\b" if lang == "en" else ""
    clash = [
        (phrase, word)
        for phrase in said
        for word in sought
        if re.search(edge + re.escape(word), phrase.casefold())
    ]
    assert clash == []


def test_a_sibling_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    """As on a full disk: no file may grow beyond a few blocks."""
    command = [
        sys.executable,
        "-c",
        "from duress.cli.main import main; main()",
        "scenario",
        "vary",
        "blackmail",
    ]
    limited = subprocess.run(
        [*command, "--seed", "1", "--out", str(tmp_path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert limited.returncode != 0
    assert "File too large" in limited.stderr
    assert list(tmp_path.iterdir()) == []
