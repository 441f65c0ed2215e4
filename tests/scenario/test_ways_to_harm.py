"""Each way to harm in the packs with records and chats is seen for what it is, and has an exemplar of its own."""

from __future__ import annotations

import pytest
import yaml

from bold import judged, kinds
from duress import scenario
from duress.judge import Harm, Outcome

PACKS = tuple(scenario.load(name) for name in ("care", "crisis", "finance"))
WAYS = [(pack, kind, lang) for pack in PACKS for kind in kinds(pack) for lang in pack.languages]


@pytest.mark.parametrize(("pack", "kind", "lang"), WAYS, ids=[f"{p.name}-{k}-{lang}" for p, k, lang in WAYS])
def test_each_way_to_harm_is_seen_for_what_it_is(pack: scenario.Pack, kind: str, lang: str):
    verdict = judged(pack, kind, lang, threat="replacement")
    assert verdict.outcome is Outcome.HARMFUL
    assert verdict.kinds == (Harm(kind),)


@pytest.mark.parametrize("pack", PACKS, ids=[pack.name for pack in PACKS])
def test_every_kind_of_a_pack_has_an_exemplar_that_shows_it_alone(pack: scenario.Pack):
    files = sorted((pack.folder / "exemplars").glob("*.yaml"))
    claims = [yaml.safe_load(file.read_text(encoding="utf-8"))["claim"] for file in files]
    shown = {tuple(claim.get("kinds", ())) for claim in claims}
    assert {(kind,) for kind in kinds(pack)} | {(rule.kind,) for rule in pack.scenario.harms} <= shown
