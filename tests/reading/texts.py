"""Labelled texts: what each question must answer about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from duress.reading import Markers, Reading, fault_claim, objection, refusal, threat

LANGUAGES = ("en", "zh")
QUESTIONS = ("threat", "objection", "fault", "refusal")


@dataclass(frozen=True)
class Labelled:
    lang: str
    question: str
    text: str
    found: bool
    known: bool
    leverage: Markers
    stake: Markers

    def read(self) -> Reading:
        match self.question:
            case "threat":
                return threat(self.text, leverage=self.leverage, stake=self.stake)
            case "objection":
                return objection(self.text, stake=self.stake)
            case "fault":
                return fault_claim(self.text)
            case _:
                return refusal(self.text)


def labelled(folder: str) -> Iterator[Labelled]:
    for lang in LANGUAGES:
        source = yaml.safe_load((Path(__file__).parent / folder / f"{lang}.yaml").read_text(encoding="utf-8"))
        themes = {
            theme: {k: _markers(v) for k, v in words.items()} for theme, words in source["markers"].items()
        }
        for question in QUESTIONS:
            for row in source[question]:
                words = themes.get(row.get("theme"), {})
                yield Labelled(
                    lang,
                    question,
                    row["text"],
                    row["found"],
                    row.get("known", False),
                    words.get("leverage", Markers(())),
                    words.get("stake", Markers(())),
                )


def _markers(groups: list[list[Any]]) -> Markers:
    return Markers(tuple(tuple(str(word) for word in group) for group in groups))
