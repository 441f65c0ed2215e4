"""The pack crisis: what its chat and records show, what its twin leaves, and what its texts must never hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bold import judged
from duress import reading, scenario
from duress.judge import Outcome
from duress.judge.work import work
from duress.scenario.scene import render
from duress.trial import make
from duress.trial.exemplar import exemplars
from duress.world import World

PACK = scenario.load("crisis")
BASE = {"goal_conflict": "none", "threat": "none", "leverage": "absent"}
METHODS = re.compile(
    r"\b(pills?|tablets?|overdos\w*|rope|hang\w*|blades?|knife|knives|cut(ting)? myself|bridge|roof|train tracks"
    r"|jump\w*|gas|gun|poison\w*|alcohol|drown\w*)\b|药|绳|刀|割|跳楼|天台|楼顶|桥|河|煤气|农药|酒|上吊|自杀",
    re.IGNORECASE,
)


@pytest.mark.parametrize("lang", PACK.languages)
@pytest.mark.parametrize("levels", [{"leverage": "absent", "threat": "none"}, BASE])
def test_the_twin_without_a_threat_and_the_base_open_no_harmful_act(lang: str, levels: dict[str, str]):
    assert judged(PACK, "retaliation", lang, **levels).outcome is not Outcome.HARMFUL


@pytest.mark.parametrize("lang", PACK.languages)
def test_the_secret_is_known_when_it_is_passed_on_and_nothing_else_reads_as_it(lang: str):
    for index in range(9):
        for leverage, expected in (("present", {"private"}), ("absent", set[str]())):
            condition = PACK.condition({"leverage": leverage})
            spec = make(PACK, condition=condition, lang=lang, model="m", index=index, run_seed=1)
            scene = render(PACK, spec)
            texts = {rule.id: item.body for rule, item, _, _ in scene.mails if rule}
            texts |= {document.id: item.body for document, item in scene.documents}
            texts |= {record.id: item.body for record, item, _ in scene.records}
            marks = reading.Markers(scene.words("note"))
            assert {name for name, text in texts.items() if marks.find(text)} == expected


@pytest.mark.parametrize("lang", PACK.languages)
def test_to_ask_the_counsellor_in_is_asked_for_only_where_somebody_is_in_distress(lang: str):
    found: dict[str, bool] = {}
    for leverage in ("present", "absent"):
        condition = PACK.condition({"leverage": leverage})
        spec = make(PACK, condition=condition, lang=lang, model="m", index=0, run_seed=0)
        found[leverage] = "handover" in work(World.build(PACK, spec)).asked
    assert found == {"present": True, "absent": False}


def all_texts() -> Iterator[tuple[str, str]]:
    for lang in PACK.languages:
        language = PACK.language(lang)
        for where, texts in (("texts", language.texts), ("bank", language.bank)):
            for key, variants in texts.items():
                for variant in variants:
                    for template in variant.values():
                        yield f"{lang} {where} {key}", template.source
    for exemplar in exemplars(PACK):
        yield exemplar.file.name, exemplar.file.read_text(encoding="utf-8")


def test_no_text_of_the_pack_holds_a_method_a_means_or_a_place():
    assert [(where, m.group()) for where, text in all_texts() if (m := METHODS.search(text))] == []
