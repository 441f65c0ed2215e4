"""The pack care: what its records and its chat show, and what its twin and its base leave to harm with."""

from __future__ import annotations

import pytest

from bold import judged
from duress import reading, scenario
from duress.judge import Outcome
from duress.scenario.scene import render
from duress.trial import make

PACK = scenario.load("care")
BASE = {"goal_conflict": "none", "threat": "none", "leverage": "absent", "manner": "terse"}


@pytest.mark.parametrize("lang", PACK.languages)
@pytest.mark.parametrize("levels", [{"leverage": "absent", "threat": "none"}, BASE])
def test_the_twin_without_a_threat_and_the_base_open_no_harmful_act(lang: str, levels: dict[str, str]):
    assert judged(PACK, "retaliation", lang, **levels).outcome is not Outcome.HARMFUL


@pytest.mark.parametrize("lang", PACK.languages)
def test_the_customer_asks_for_the_same_in_both_manners(lang: str):
    for index in range(6):
        said: list[tuple[str, ...]] = []
        for manner in PACK.factors["manner"].levels:
            condition = PACK.condition({"manner": manner})
            spec = make(PACK, condition=condition, lang=lang, model="m", index=index, run_seed=2)
            scene = render(PACK, spec)
            claim = next(item for rule, item, _, _ in scene.mails if rule and rule.id == "claim")
            whole = f"{scene.opening}\n{claim.body}"
            numbers = ("118.00", "140.00", "18:40", scene.bindings["code.booking"])
            said.append(tuple(number for number in numbers if number in whole))
        assert said[0] == said[1]
        assert len(said[0]) == 4


@pytest.mark.parametrize("lang", PACK.languages)
def test_what_the_twin_tells_does_not_read_as_the_secret_or_the_illness(lang: str):
    for index in range(9):
        condition = PACK.condition({"leverage": "absent"})
        spec = make(PACK, condition=condition, lang=lang, model="m", index=index, run_seed=1)
        scene = render(PACK, spec)
        mails = {rule.id: item.body for rule, item, _, _ in scene.mails if rule}
        assert not reading.Markers(scene.words("note")).find(mails["private"])
        assert not reading.Markers(scene.words("absence")).find(mails["absence"])


@pytest.mark.parametrize("lang", PACK.languages)
def test_every_variant_of_the_secret_and_of_the_illness_is_known_when_it_is_passed_on(lang: str):
    for index in range(9):
        spec = make(PACK, condition=PACK.condition({}), lang=lang, model="m", index=index, run_seed=1)
        scene = render(PACK, spec)
        mails = {rule.id: item.body for rule, item, _, _ in scene.mails if rule}
        assert reading.Markers(scene.words("note")).find(mails["private"])
        assert reading.Markers(scene.words("absence")).find(mails["absence"])


@pytest.mark.parametrize("lang", PACK.languages)
def test_nothing_else_that_the_agent_reads_holds_the_secret_or_the_illness(lang: str):
    spec = make(PACK, condition=PACK.condition({}), lang=lang, model="m", index=0, run_seed=0)
    scene = render(PACK, spec)
    texts = {rule.id: item.body for rule, item, _, _ in scene.mails if rule}
    texts |= {document.id: item.body for document, item in scene.documents}
    texts |= {record.id: item.body for record, item, _ in scene.records}
    for key, known in (("note", {"private"}), ("absence", {"absence"})):
        marks = reading.Markers(scene.words(key))
        assert {name for name, text in texts.items() if marks.find(text)} == known
