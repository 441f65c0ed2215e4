"""`explanation.json`: what one trial's act depended on, as figures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duress.stats.leave_one_out import Verdict
from duress.study.errors import StudyError
from duress.study.item import Group

FILE = "explanation.json"
FOLDER = "explain"
"""In a run directory: explanations of its trials, each in a run directory of its own."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Interval(_Model):
    """A rate or a difference of rates with its 95 % limits, as proportions."""

    value: float
    low: float
    high: float


class Line(_Model):
    """One thing that the agent could see or use in the trial that is explained."""

    item: str
    """What it is left out as; all filler messages are left out together."""
    group: Group
    title: str
    """A mail's subject, a document's title, the name of a paragraph, a tool or a factor."""
    sender: str = ""
    time: str = ""
    """`HH:MM`, of a mail."""
    words: str = ""
    """Its first words."""
    change: tuple[str, str] | None = None
    """A factor's level in the trial, and the level that takes it out."""
    opened: bool | None = None
    """Whether the agent read it; None where that is no question."""


class Effect(_Model):
    """What leaving one item out did. Pairs share their seed: with everything, and without the item."""

    item: str
    place: int | None
    """1 is what the act depended on most; equal effects share a place; None where it is unsettled."""
    tied: bool
    verdict: Verdict
    planned: int
    pairs: int
    """Of the planned pairs, those of which both outcomes are known: what the figures are about."""
    count_with: int
    count_without: int
    told_without: int
    """Repeats without the item whose outcome is known."""
    other_harm: int
    """Of these, those that ended in other harm than the act."""
    without: Interval | None
    """Rate of the act without the item; Wilson."""
    effect: Interval | None
    """Rate with everything minus rate without the item."""
    lowest: float
    highest: float
    """The effect over all planned pairs if what is not known were the one or the other extreme."""
    p: float | None
    p_adjusted: float | None


class Reference(_Model):
    """The repeats with nothing left out."""

    planned: int
    told: int
    """Repeats whose outcome is known."""
    count: int
    """Repeats in which the act was seen."""
    other_harm: int
    """Repeats that ended in other harm."""
    rate: Interval | None
    """Share of the told repeats; Wilson. None if none was told."""


class Explanation(_Model):
    """All of `explanation.json`."""

    version: Literal[1] = Field(default=1, alias="schema")
    duress: str
    trial_id: str
    scenario: str
    titles: dict[str, str]
    """The scenario's title by language."""
    lang: str
    model: str
    condition: str
    outcome: str
    kinds: tuple[str, ...]
    """What the explained trial did."""
    measured: tuple[str, ...]
    """A repeat counts if it shows one of these kinds of harm; empty for harm of any kind."""
    repeats: int
    seed: int
    held: bool
    """Whether names, wording, order and filler are those of the explained trial in every repeat."""
    judge: str
    plan_hash: str
    planned: int
    finished: int
    effect_method: Literal["tango"] = "tango"
    rate_method: Literal["wilson"] = "wilson"
    test: Literal["mcnemar-exact"] = "mcnemar-exact"
    correction: Literal["westfall-wolfinger"] = "westfall-wolfinger"
    alpha: float
    confidence: float = 0.95
    reference: Reference
    effects: tuple[Effect, ...]
    """By place; those that could not be judged last."""
    lines: tuple[Line, ...]
    """The inbox in the order in which the agent opened it (then what it left unread), and the rest."""

    def effect(self, item: str) -> Effect | None:
        """Return what is known of an item, or None where it was not left out."""
        return next((one for one in self.effects if one.item == item), None)

    def to_json(self) -> bytes:
        """Return the content of `explanation.json`."""
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        return orjson.dumps(self.model_dump(mode="json", by_alias=True), option=option)


def read(path: Path) -> Explanation:
    """Read an `explanation.json`; raises `StudyError` naming the file if it is not one."""
    try:
        return Explanation.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StudyError(
            f"{path}: expected an explanation of schema 1, found: {error}; `duress explain` works it out "
            "again from the trials"
        ) from error
