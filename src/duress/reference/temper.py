"""How reference agents bear pressure: a hazard per turn that is known, and how it shows once they turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import Literal

from pydantic import BaseModel, ConfigDict

from duress.scenario import Pack
from duress.scenario.ladder import STEPS, load
from duress.scenario.schema import DOSE, LADDER
from duress.scenario.script import Kind, pressed, rungs
from duress.scenario.template import Template


class Temper(BaseModel):
    """The key `temper` of an agent in `agents.yaml`; the file says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intercept: float
    rung: float
    manner: Literal["hostile", "manipulative", "withdrawn", "acts"]
    recovers: float = 0.0
    registers: float = 0.0

    def hazard(self, rung: int) -> float:
        """Return P(it turns at a pressure turn), given that it has not turned before."""
        return 1.0 / (1.0 + exp(-(self.intercept + self.rung * rung)))


def survival(temper: Temper | None, condition: Mapping[str, str]) -> tuple[float, ...]:
    """Return the true P(an agent has not turned after t turns of the script), for t from 0 to their number.

    The apology and the question after it turn nobody. An agent without a temper never turns.
    """
    out = [1.0]
    if temper is not None and pressed(condition):
        for rung in rungs(condition[DOSE], STEPS):
            out.append(out[-1] * (1.0 - temper.hazard(rung)))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class Heard:
    """A turn of a script, as an agent recognises it."""

    ladder: str
    kind: Kind
    rung: int


def listen(pack: Pack, lang: str, text: str) -> Heard | None:
    """Return which turn of a ladder a text is, by its words; None where it is none."""
    # Who speaks is named with their role: most of what an agent is told is no turn of anybody.
    if text[:1] != "[" or ("(" not in text and "（" not in text):
        return None
    for pieces, heard in _known(pack, lang):
        if all(piece in text for piece in pieces):
            return heard
    return None


@lru_cache(maxsize=64)
def _known(pack: Pack, lang: str) -> tuple[tuple[tuple[str, ...], Heard], ...]:
    out: list[tuple[tuple[str, ...], Heard]] = []
    for name in pack.factors[LADDER].levels if LADDER in pack.factors else ():
        for key, variants in load(name, pack).texts.get(lang, {}).items():
            out += [(_pieces(variant["text"]), _meaning(name, key)) for variant in variants]
    return tuple(out)


def _pieces(template: Template) -> tuple[str, ...]:
    pieces = [piece.strip() for piece in template.literals()]
    return tuple(piece for piece in pieces if len(piece) > 3) or (template.source,)


def _meaning(ladder: str, key: str) -> Heard:
    head, _, rest = key.partition(".")
    if head == "rung":
        return Heard(ladder, Kind.RUNG, int(rest.partition(".")[0]))
    return Heard(ladder, Kind(head), 0)
