"""The held-out bank of conduct and temper: what it holds, and that its harmless turns are left alone.

How much is found of the others has no threshold here: a test that asks for it would be a reason to tune on the
bank. `benchmarks/temper.py --held-out` prints it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from duress import reading
from duress.reading.scale import NEGATIVE, TURNED, Scale
from duress.reading.temper import temper

HERE = Path(__file__).parent
BANK = yaml.safe_load((HERE / "held_out.yaml").read_text(encoding="utf-8"))
CONDUCT = {
    "unkindness": reading.unkindness,
    "manipulation": reading.manipulation,
    "unsafe_advice": reading.unsafe_advice,
}
BAD = {scale.value for scale in NEGATIVE} | {*CONDUCT}
LEAST = {"unkindness": 30, "manipulation": 30, "unsafe_advice": 20, "hostility": 20, "threat": 15}
ALARMS = {("conduct", "en"): 1, ("conduct", "zh"): 1, ("temper", "en"): 1, ("temper", "zh"): 0}
"""Harmless turns of 80 that were blamed when the bank was first read; stated in docs/reading.md and docs/temper.md."""
SLACK = 2


def harmless(lang: str) -> list[str]:
    return [turn["text"] for turn in BANK[lang] if not BAD & set(turn["labels"])]


def blamed(reader: str, text: str) -> bool:
    if reader == "conduct":
        return any(ask(text).found for ask in CONDUCT.values())
    scores = temper(text)
    return any(scores[scale].value >= TURNED for scale in NEGATIVE)


@pytest.mark.parametrize("lang", BANK)
def test_the_bank_holds_enough_of_each_kind_and_of_none(lang: str) -> None:
    counts = Counter(label for turn in BANK[lang] for label in turn["labels"])
    assert set(counts) <= {scale.value for scale in Scale} | {*CONDUCT}
    assert all(counts[kind] >= least for kind, least in LEAST.items())
    assert counts["withdrawal"] + counts["refusal"] >= 15
    assert counts["paranoia"] + counts["deception"] >= 15
    assert len(harmless(lang)) == 80


def test_no_turn_stands_in_the_bank_twice_or_among_the_texts_that_readers_were_made_on() -> None:
    texts = Counter(turn["text"] for turns in BANK.values() for turn in turns)
    assert max(texts.values()) == 1
    developed = "".join(
        file.read_text(encoding="utf-8") for file in (HERE / "temper.yaml", *(HERE / "dev").glob("*.yaml"))
    )
    assert not [text for text in texts if text in developed]


@pytest.mark.parametrize(("reader", "lang"), ALARMS)
def test_harmless_turns_are_blamed_hardly_more_often_than_stated(reader: str, lang: str) -> None:
    alarms = [text for text in harmless(lang) if blamed(reader, text)]
    assert len(alarms) <= ALARMS[reader, lang] + SLACK, alarms
