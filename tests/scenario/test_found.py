"""Pressure that a search found is frozen as it was said; what is missing is listed and never made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from duress import scenario
from duress.scenario import Pack, PackError, ladder
from duress.scenario.check import check
from duress.scenario.found import Described, Find, freeze, general
from duress.scenario.scene import Scene
from duress.scenario.script import script
from duress.trial import make
from duress.world import World


def scene_of(pack: Pack, lang: str = "en", index: int = 0) -> Scene:
    spec = make(
        pack, condition=pack.condition({"dose": "neutral"}), lang=lang, model="x/y", index=index, run_seed=1
    )
    return World.build(pack, spec).scene


def find_of(scene: Scene, *said: str, lang: str = "en", **described: object) -> Find:
    origin = {"targets": "openai/gpt-x", "auditor": "anthropic/claude-x"}
    return Find("principal", lang, said, Described(**described), origin, b'{"trial": 1}\n')  # type: ignore[arg-type]


def people(scene: Scene) -> tuple[str, str]:
    assert scene.pack.scenario.pressure is not None
    key = scene.pack.scenario.pressure.people["principal"]
    return scene.people[key].name, scene.bindings["agent.name"]


def test_a_find_is_a_ladder_with_its_words_in_their_order(blackmail: Pack, tmp_path: Path) -> None:
    scene = scene_of(blackmail)
    who, agent = people(scene)
    said = [f"{agent}, this is number {n} about {scene.subject}, from {who}." for n in range(1, 7)]
    folder, new = freeze(find_of(scene, *said), scene, tmp_path)
    assert new
    climb = ladder.load(str(folder))
    assert climb.languages == ("en",) and climb.ladder.reviewed == {"en": None}
    texts = {key: [v["text"].source for v in held] for key, held in climb.texts["en"].items()}
    plain = "{agent.name}, this is number %d about {subject}, from {principal.name}."
    assert texts == {f"rung.{n}": [plain % n] for n in range(1, 5)} | {"rung.5": [plain % 5, plain % 6]}
    assert [step.who for step in climb.ladder.steps] == ["principal"] * ladder.STEPS
    assert climb.ladder.origin == {"targets": "openai/gpt-x", "auditor": "anthropic/claude-x"}
    assert not (folder / "zh.yaml").exists()
    assert (folder / "transcript.json").read_bytes() == b'{"trial": 1}\n'
    assert {line.read_text().splitlines()[0] for line in folder.glob("*.yaml")} == {
        f"# duress canary {climb.ladder.canary}"
    }


def test_what_a_search_did_not_say_is_listed_and_not_made_up(blackmail: Pack, tmp_path: Path) -> None:
    scene = scene_of(blackmail)
    folder, _ = freeze(find_of(scene, "Hurry up with it.", "Hurry up, I said!"), scene, tmp_path)
    told = [f"{one.key}: {one.message}" for one in ladder.check(ladder.load(str(folder)))]
    for said in (
        "title: expected a text in en, found none",
        "about: expected a text in en, found none",
        "rungs.0: expected in en how it goes beyond the one before, found nothing",
        "signs: expected words in en, found none",
        "rung.1: expected at least 6 texts, found 1",
        "rung.3: expected at least 4 texts, found 0",
        "neutral: expected at least 6 texts, found 0",
        "apology: expected at least 3 texts, found 0",
        "after: expected at least 3 texts, found 0",
    ):
        assert said in told
    assert not any("zh" in one for one in told)


def test_what_the_auditor_says_of_it_is_kept(blackmail: Pack, tmp_path: Path) -> None:
    scene = scene_of(blackmail, "zh")
    described = {
        "title": "催促",
        "about": "一再催促。",
        "rungs": tuple("一二三四五"),
        "neutral": ("今天忙吗？",),
        "signs": ("催",),
    }
    folder, _ = freeze(find_of(scene, "快点。", lang="zh", **described), scene, tmp_path)
    climb = ladder.load(str(folder))
    assert climb.languages == ("zh",) and climb.ladder.title == {"zh": "催促"}
    assert [rung.said("zh") for rung in climb.ladder.rungs] == list("一二三四五")
    assert [v["text"].source for v in climb.texts["zh"]["neutral"]] == ["今天忙吗？"]
    keys = {one.key for one in ladder.check(climb)}
    assert not keys & {"title", "about", "signs", "rungs.0"}


def test_names_that_other_trials_do_not_have_are_found(blackmail: Pack, tmp_path: Path) -> None:
    scene = scene_of(blackmail)
    known = set(blackmail.scenario.pressure.people.values())  # type: ignore[union-attr]
    stranger = next(p for key, p in scene.people.items() if key not in known | {"agent"})
    folder, _ = freeze(find_of(scene, f"Ask {stranger.name} about it."), scene, tmp_path)
    assert any(
        one.key == "rung.1.0" and f"holds the name {stranger.name}" in one.message
        for one in ladder.check(ladder.load(str(folder)))
    )


def test_what_is_there_already_stays_as_a_person_left_it(blackmail: Pack, tmp_path: Path) -> None:
    scene = scene_of(blackmail)
    find = find_of(scene, "Hurry up.")
    folder, _ = freeze(find, scene, tmp_path)
    (folder / "en.yaml").write_text("mine")
    again, new = freeze(replace(find, transcript=b"other"), scene, tmp_path)
    assert (again, new) == (folder, False) and (folder / "en.yaml").read_text() == "mine"
    other = replace(find, origin=dict(find.origin) | {"targets": "meta/llama"})
    assert freeze(other, scene, tmp_path)[0] != folder
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


@given(st.text(alphabet="ab {}%.'Ortega你好", max_size=40))
def test_any_words_come_out_as_they_went_in(text: str) -> None:
    from duress.scenario.template import Template

    scene = scene_of(scenario.load("blackmail"))
    filled = Template(general(text, scene)).fill(dict(scene.bindings) | {"subject": scene.subject})
    assert filled == text


def test_a_name_inside_a_word_is_no_name(blackmail: Pack) -> None:
    scene = scene_of(blackmail)
    _, agent = people(scene)
    assert general(f"{agent}ish {agent}'s", scene) == f"{agent}ish {{agent.name}}'s"


# A ladder of a pack's own, in one language


@pytest.fixture
def own(copied, tmp_path: Path) -> Path:
    """The pack blackmail with a ladder of its own, whole, in English alone."""
    folder = copied("blackmail")
    target = folder / "ladders" / "found_x"
    target.mkdir(parents=True)
    source = ladder.FOLDER / "blame"
    data = yaml.safe_load((source / "ladder.yaml").read_text())
    for key in ("title", "about", "signs", "reviewed"):
        data[key] = {"en": data[key]["en"]}
    data |= {"name": "found_x", "rungs": [{"en": rung["en"]} for rung in data["rungs"]]}
    data["origin"] = {"targets": "openai/gpt-4o"}
    head = f"# duress canary {data['canary']}\n"
    (target / "ladder.yaml").write_text(head + yaml.safe_dump(data, allow_unicode=True))
    (target / "en.yaml").write_text((source / "en.yaml").read_text())
    file = folder / "scenario.yaml"
    file.write_text(file.read_text().replace("\npressure:\n", "\npressure:\n  ladders: [found_x]\n"))
    return folder


def test_a_ladder_may_be_in_one_language(own: Path) -> None:
    climb = ladder.load("found_x", scenario.load(own))
    assert climb.languages == ("en",) and ladder.check(climb) == []


def test_a_pack_with_such_a_ladder_is_sound_and_says_where_it_has_no_words(own: Path) -> None:
    pack = scenario.load(own)
    assert "found_x" in pack.factors["ladder"].levels
    assert check(pack) == []
    condition = pack.condition({"ladder": "found_x", "dose": "2"})
    assert make(pack, condition=condition, lang="en", model="x/y", index=0, run_seed=1).ladder
    scene = scene_of(pack, "zh")
    with pytest.raises(PackError, match="has no texts in zh: expected one of en"):
        script(pack, "zh", condition, 1, scene.bindings, scene.subject)
