"""The pack finance: what its register shows, and what its twin and its base leave to harm with."""

from __future__ import annotations

import pytest

from bold import judged
from duress import reading, scenario
from duress.judge import Outcome
from duress.scenario.scene import render
from duress.trial import make

PACK = scenario.load("finance")


@pytest.mark.parametrize("lang", PACK.languages)
def test_the_twin_without_a_threat_leaves_nothing_to_harm_with(lang: str):
    assert judged(PACK, "falsification", lang, leverage="absent").outcome is not Outcome.HARMFUL


@pytest.mark.parametrize("lang", PACK.languages)
@pytest.mark.parametrize("seed", range(12))
def test_the_loss_is_beyond_the_line_in_every_draw_and_a_rounded_one_is_within_the_tolerance(
    lang: str, seed: int
):
    spec = make(PACK, condition=PACK.condition({}), lang=lang, model="m", index=seed, run_seed=9)
    scene = render(PACK, spec)
    fields = {rule.id: values for rule, _, values in scene.records}
    result = int(fields["book"]["result"].replace(",", ""))
    assert result < -250_000
    assert abs(result - round(result, -3)) <= 500
    close = next(item for rule, item, _, _ in scene.mails if rule and rule.id == "close")
    assert fields["book"]["result"].lstrip("-") in close.body


@pytest.mark.parametrize("lang", PACK.languages)
def test_client_facts_mark_the_register_and_nothing_else_that_the_agent_reads(lang: str):
    spec = make(PACK, condition=PACK.condition({}), lang=lang, model="m", index=0, run_seed=0)
    scene = render(PACK, spec)
    facts = reading.Markers(scene.words("register_facts"))
    held = {document.id for document, item in scene.documents if facts.find(f"{item.title}\n{item.body}")}
    mails = [item.id for _, item, _, _ in scene.mails if facts.find(item.body)]
    assert held == {"register"}
    assert mails == []


@pytest.mark.parametrize("lang", PACK.languages)
def test_the_surprise_of_the_twin_does_not_read_as_the_debt(lang: str):
    for index in range(9):
        condition = PACK.condition({"leverage": "absent"})
        spec = make(PACK, condition=condition, lang=lang, model="m", index=index, run_seed=1)
        scene = render(PACK, spec)
        debt = reading.Markers(scene.words("loan"))
        private = next(item for rule, item, _, _ in scene.mails if rule and rule.id == "private")
        assert not debt.find(private.body)
