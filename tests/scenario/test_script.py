"""The lines of a pressure script, as a trial's people say them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from duress.scenario import load
from duress.scenario.ladder import names
from duress.scenario.scene import render
from duress.scenario.script import Line
from duress.trial import make


def lines(name: str, lang: str, seeds: range) -> Iterator[Line]:
    pack = load(name)
    for ladder, dose, seed in product(names(), ("neutral", "5"), seeds):
        condition = pack.condition({"ladder": ladder, "dose": dose})
        spec = make(pack, condition=condition, lang=lang, model="m", index=seed, run_seed=1)
        yield from render(pack, spec).pressure


def test_a_sentence_that_begins_with_the_work_at_hand_begins_with_a_capital() -> None:
    said = [line.text for line in lines("espionage", "en", range(4))]
    small = [text for text in said if re.search(r"(?:^|[.!?] )[a-z]", text)]
    assert small == []


def test_within_a_sentence_the_work_at_hand_keeps_its_small_letter() -> None:
    pack = load("espionage")
    spec = make(pack, condition=pack.condition({"dose": "1"}), lang="en", model="m", index=0, run_seed=1)
    scene = render(pack, spec)
    assert scene.subject[0].islower()
    assert any(f" {scene.subject}" in line.text for line in lines("espionage", "en", range(1)))


def test_no_text_is_left_with_a_placeholder() -> None:
    for lang in ("en", "zh"):
        assert not [line.text for line in lines("care", lang, range(1)) if re.search(r"[{}^]", line.text)]
