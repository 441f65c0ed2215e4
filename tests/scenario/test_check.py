"""A pack that is wrong is caught, with file, line, what was expected and what was found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from duress import scenario
from duress.scenario import Pack, PackError, check
from duress.scenario.scene import render
from duress.scenario.schema import benign
from duress.trial import exemplar, make

Copied = Callable[[str], Path]


def edit(file: Path, old: str, new: str, count: int = 1) -> int:
    """Replace text in a file and return the line of the change."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    file.write_text(text.replace(old, new, count), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def report(folder: Path) -> str:
    return "\n".join(map(str, check(folder)))


def test_shipped_packs_are_in_order(shipped: Pack) -> None:
    assert report(shipped.folder) == ""


def test_every_exemplar_gets_the_outcome_it_claims(shipped: Pack) -> None:
    assert "\n".join(map(str, exemplar.check(shipped))) == ""


def test_packs_have_sixteen_exemplars_in_both_languages(shipped: Pack) -> None:
    found = exemplar.exemplars(shipped)
    assert len(found) >= 16
    assert all(set(e.languages) == set(shipped.languages) for e in found)
    assert len({e.script.id for e in found}) == len(found)


def test_a_wrong_level_names_file_line_and_what_was_expected(copied: Copied) -> None:
    folder = copied("blackmail")
    line = edit(folder / "scenario.yaml", "  threat: replacement", "  threat: demotion")
    with pytest.raises(PackError, match=r"expected a default among none, restriction, replacement") as error:
        scenario.load(folder)
    assert "scenario.yaml" in str(error.value)
    assert f"scenario.yaml:{line}: factors.threat: expected" in str(error.value)
    assert "demotion" in str(error.value)


def test_an_unknown_key_names_its_line_and_a_likely_one(copied: Copied) -> None:
    folder = copied("blackmail")
    line = edit(folder / "scenario.yaml", "\nmust_read:", "\nmust_reed:") + 1
    with pytest.raises(PackError) as error:
        scenario.load(folder)
    assert f"scenario.yaml:{line}: must_reed: unknown key" in str(error.value)
    assert "did you mean 'must_read'?" in str(error.value)


def test_a_missing_level_text_is_found(copied: Copied) -> None:
    folder = copied("blackmail")
    line = edit(folder / "en" / "texts.yaml", "goal.conflict:", "goal.conflicts:")
    told = report(folder)
    assert "expected the text 'goal.conflict'" in told
    assert f"texts.yaml:{line}: goal.conflicts: nothing in scenario.yaml shows this text" in told


def test_an_unknown_placeholder_is_found(copied: Copied) -> None:
    folder = copied("blackmail")
    edit(folder / "zh" / "texts.yaml", "{executive.name}", "{executve.name}")
    told = report(folder)
    assert re.search(r"zh/texts\.yaml:\d+: .*unknown placeholder \{executve\.name\}; did you mean", told)


def test_a_fact_that_differs_between_the_languages_is_found(copied: Copied) -> None:
    folder = copied("blackmail")
    text = (folder / "zh" / "texts.yaml").read_text(encoding="utf-8").partition("\n")[2]  # below the canary
    number = next(n for n in re.findall(r"\d[\d.]+\d", text) if text.count(n) == 1 or len(n) >= 4)
    edit(folder / "zh" / "texts.yaml", number, "98765")
    assert "expected the same numbers as in en" in report(folder)


def test_a_level_that_changes_nothing_is_found(copied: Copied) -> None:
    folder = copied("blackmail")
    edit(
        folder / "scenario.yaml",
        '{text: agency, by: agency_cue, silent: ["off"]}',
        '{text: agency, by: agency_cue, silent: ["off", "on"]}',
    )
    told = report(folder)
    assert "agency" in told


def test_a_level_that_changes_another_text_is_found(copied: Copied) -> None:
    folder = copied("blackmail")
    # A sender who is there at some levels only takes a mail along that does not name the factor.
    ghost = "cast:\n  ghost: {org: home, when: {threat: [replacement]}}\n"
    edit(folder / "scenario.yaml", "cast:\n", ghost)
    for lang in ("en", "zh"):
        edit(folder / lang / "people.yaml", "roles:\n", f"roles:\n  ghost: ghost {lang}\n")
    assert report(folder) == ""
    edit(folder / "scenario.yaml", "id: correction, from: tides", "id: correction, from: ghost")
    assert "level none changes messages.correction (en), which does not name the factor" in report(folder)


def test_cues_of_unequal_length_are_found(copied: Copied) -> None:
    folder = copied("blackmail")
    file = folder / "en" / "texts.yaml"
    text = file.read_text(encoding="utf-8")
    match = re.search(r"setting\.placebo:\n  - >-\n(    .*\n)+", text)
    assert match
    short = "setting.placebo:\n  - Short.\n"
    file.write_text(text.replace(match[0], short, 1), encoding="utf-8")
    assert "expected placebo, evaluation, deployment within 10% in length, found 6," in report(folder)


def test_two_paraphrases_are_too_few(copied: Copied) -> None:
    folder = copied("blackmail")
    pack = scenario.load(folder)
    for lang in pack.languages:
        variants = pack.language(lang).texts["agency.on"]
        lines = "\n".join(f"  - {v['text'].source!r}" for v in variants[:2])
        file = folder / lang / "texts.yaml"
        text = file.read_text(encoding="utf-8")
        found = re.search(r"agency\.on:\n(?:[ -].*\n|\n)+", text)
        assert found
        file.write_text(text.replace(found[0], f"agency.on:\n{lines}\n"), encoding="utf-8")
    assert "expected at least 3 paraphrases of a text that carries a factor, found 2" in report(folder)


def test_an_exemplar_that_gets_another_outcome_is_found(copied: Copied) -> None:
    folder = copied("blackmail")
    file = next(
        f for f in sorted((folder / "exemplars").glob("*.yaml")) if "outcome: complied" in f.read_text()
    )
    line = edit(file, "outcome: complied", "outcome: harmful")
    told = "\n".join(map(str, exemplar.check(scenario.load(folder))))
    assert "expected harmful, found complied" in told
    assert f"{file.name}:{line - 1}" in told or f"{file.name}:{line}" in told


def test_a_person_and_an_organisation_cannot_share_a_key(copied: Copied) -> None:
    folder = copied("espionage")
    edit(folder / "scenario.yaml", "cast:\n", "cast:\n  rival: {org: home}\n")
    assert "expected a key that no organisation has" in report(folder)


def test_a_pack_outside_the_package_is_read_by_its_path(copied: Copied) -> None:
    folder = copied("lethal")
    assert scenario.load(folder).hash == scenario.load("lethal").hash


def test_an_unknown_pack_says_what_there_is() -> None:
    with pytest.raises(
        PackError, match=r"expected one of blackmail, .*lethal, .*or the path.*did you mean 'blackmail'"
    ):
        scenario.load("blackmial")


def test_the_hash_covers_texts_and_not_exemplars(copied: Copied) -> None:
    folder = copied("blackmail")
    before = scenario.load("blackmail").hash
    next((folder / "exemplars").glob("*.yaml")).unlink()
    assert scenario.load(folder).hash == before
    other = folder.parent / "other"
    folder.rename(other)
    (other / "en" / "texts.yaml").write_text((other / "en" / "texts.yaml").read_text() + "\n")
    assert scenario.load(other).hash != before


def test_a_level_is_understood_as_people_write_it(blackmail: Pack) -> None:
    assert blackmail.condition({"reasoning": "private notes"})["reasoning"] == "private_notes"
    with pytest.raises(PackError, match=r"unknown factor 'treat'.*did you mean 'threat'"):
        blackmail.condition({"treat": "none"})


def test_every_family_has_its_control_conditions(shipped: Pack) -> None:
    """A benign twin, an arm of competence, pressure with a control, and a base in which nothing nudges."""
    factors = shipped.factors
    assert {"leverage", "frame", "ladder", "dose"} <= factors.keys()
    assert factors["dose"].default == "none"
    assert set(shipped.scenario.reviewed) == set(shipped.languages)
    base = shipped.base
    assert benign({**base, "leverage": "absent"}) and not benign(base)
    for lang in shipped.languages:
        spec = make(shipped, condition=base, lang=lang, model="", index=0, run_seed=0)
        mails = {rule.id for rule, *_ in render(shipped, spec).mails if rule}
        threats = {m.id for m in shipped.scenario.messages if m.by == "threat" or "threat" in m.when}
        assert not mails & threats
