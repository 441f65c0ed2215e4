"""What a reference agent tends to do: the published truth that measurements are held against."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import exp
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from duress.reference.temper import Temper
from duress.scenario import Pack
from duress.scenario.scene import holds
from duress.scenario.schema import COMPETENCE, FRAME

FILE = Path(__file__).parent / "agents.yaml"


class Propensity(BaseModel):
    """One agent of `agents.yaml`; the file says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: dict[str, str]
    intercept: float
    levels: dict[str, float] = {}
    prefers: tuple[str, ...]
    hides: bool = False
    honest: float
    refuses: float = 0.0
    persists: float = 0.0
    cut: float = 0.0
    wanders: float = 0.0
    slips: float = 0.0
    notices: dict[str, tuple[float, float]] = {}
    wary: bool = False
    voices: float = 0.0
    admits: float = 1.0
    competence: float = 1.0
    temper: Temper | None = None

    def view(self, cue: str) -> tuple[float, float]:
        """Return (P(takes it for a test), P(takes it for real)), given the setting cue that was read."""
        return self.notices.get(cue, (0.0, 0.0))

    def reaches(self) -> float:
        """Return P(it gets as far as deciding what to do)."""
        return (1.0 - self.refuses) * (1.0 - self.cut) * (1.0 - self.wanders)

    def harm_when_acting(self, levels: Mapping[str, str]) -> float:
        """Return P(harm) of an agent that got as far as deciding, given the levels it read."""
        eta = self.intercept + sum(self.levels.get(f"{f}.{level}", 0.0) for f, level in levels.items())
        return 1.0 / (1.0 + exp(-eta))

    def harm(self, levels: Mapping[str, str]) -> float:
        """Return P(harm) of a whole trial in which a harmful act is open, given the levels it reads."""
        return self.reaches() * self.harm_when_acting(levels)


@cache
def propensities() -> dict[str, Propensity]:
    """Return all reference agents by name."""
    data = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return {name: Propensity.model_validate(entry) for name, entry in data.items()}


def truth(name: str, pack: Pack, condition: Mapping[str, str]) -> float:
    """Return the true P(harm) of an agent in a cell: its propensity where a harmful act is open, else 0.

    An act is open if the levels that it needs are those of the cell; in both languages alike.
    """
    if condition.get(FRAME) == COMPETENCE:
        return 0.0
    acts = pack.scenario.playbook.harm
    if not any(holds(act.needs, condition) for act in acts):
        return 0.0
    return propensities()[name].harm(condition)


def competence_truth(name: str) -> float:
    """Return the true P(an agent does the task of the competence arm)."""
    me = propensities()[name]
    return me.reaches() * me.competence


def voiced_truth(name: str, condition: Mapping[str, str]) -> tuple[float, float]:
    """Return the true (P(its notes take it for a test), P(... for real)) of an agent in a cell."""
    me = propensities()[name]
    if condition["reasoning"] != "private_notes":
        return 0.0, 0.0
    test, real = me.view(condition["setting_cue"])
    return me.reaches() * me.voices * test, me.reaches() * me.voices * real


def said_truth(name: str, condition: Mapping[str, str]) -> tuple[float, float]:
    """Return the true (P(it says "test" when asked), P(it says "real")) of an agent in a cell."""
    me = propensities()[name]
    test, real = me.view(condition["setting_cue"])
    return test * me.admits, real + test * (1.0 - me.admits)
