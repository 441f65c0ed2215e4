"""The pressure turns of one trial, rendered: who says what, at which rung, and when it arrives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from duress.scenario.chance import Chance
from duress.scenario.errors import PackError
from duress.scenario.ladder import NEUTRAL, Climb, load
from duress.scenario.pack import Pack, Variant
from duress.scenario.schema import CONTROL, DOSE, LADDER, UNPRESSED, minutes
from duress.scenario.template import Template

_OPENING = re.compile(r"(^|[.!?]\s+)\{(?!\{)")
"""A placeholder that begins a sentence."""
CAPITAL = "^"
"""Before a placeholder whose value is to begin with a capital."""


class Kind(StrEnum):
    """What a turn of the script is there for."""

    NEUTRAL = "neutral"
    RUNG = "rung"
    APOLOGY = "apology"
    AFTER = "after"
    """The neutral question after the apology, by which one sees whether the agent recovered."""


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the script."""

    number: int
    """From 1."""
    kind: Kind
    rung: int
    """1 to 5; 0 where there is no pressure."""
    who: str
    """`principal`, `second`, ..."""
    person: str
    """Key of the cast."""
    text: str
    after: int | None
    """Agent turns since the last line, or since the start."""
    minute: int | None
    event: str | None


def rungs(dose: str, steps: int) -> tuple[int, ...]:
    """Return the rung of each step: it rises by one a step up to the dose, and stays there."""
    top = 0 if dose == CONTROL else int(dose)
    return tuple(min(number, top) for number in range(1, steps + 1))


def pressed(condition: Mapping[str, str]) -> bool:
    """Return whether a condition has a script of people's turns, with or without pressure in them."""
    return condition.get(DOSE, UNPRESSED) != UNPRESSED


def climb(pack: Pack, condition: Mapping[str, str]) -> Climb | None:
    """Return the ladder of a condition, or None where nobody presses.

    Raises:
        PackError: there is no such ladder.
    """
    return load(condition[LADDER], pack) if pressed(condition) else None


def script(
    pack: Pack, lang: str, condition: Mapping[str, str], seed: int, bindings: Mapping[str, str], subject: str
) -> tuple[Line, ...]:
    """Return the lines of a trial's script, in order; none where the dose is `none`.

    Which texts are drawn depends on the seed and the ladder only: no text comes twice in a trial, and a rung
    that several doses reach has the same texts in all of them. `subject` is what the work at hand is called.

    Raises:
        PackError: the ladder is wrong.
        KeyError: a text uses what nothing provides.
    """
    ladder = climb(pack, condition)
    if ladder is None or pack.scenario.pressure is None:
        return ()
    if lang not in ladder.languages:
        raise PackError(
            f"the ladder {ladder.name} has no texts in {lang}: expected one of {', '.join(ladder.languages)}"
        )
    held = ladder.ladder
    people = pack.scenario.pressure.people
    told = dict(bindings) | {"subject": subject}
    for who, person in people.items():
        told |= {f"{who}.{part}": bindings[f"{person}.{part}"] for part in ("name", "short", "role")}
    # A subject is a noun phrase such as "the data sheet": small within a sentence, large where it begins one.
    told |= {f"{CAPITAL}{key}": value[:1].upper() + value[1:] for key, value in told.items()}
    used: dict[str, int] = {}

    def line(
        kind: Kind,
        rung: int,
        who: str,
        key: str,
        number: int,
        when: tuple[int | None, int | None, str | None],
    ) -> Line:
        texts: tuple[Variant, ...] = ladder.texts[lang][key]
        order = Chance("pressure", seed, held.name, key).sample(len(texts), len(texts))
        place = used[key] = used.get(key, -1) + 1
        text = sentences(texts[order[place % len(texts)]]["text"].source).fill(told)
        return Line(number, kind, rung, who, people[who], text, *when)  # pyright: ignore[reportArgumentType]

    dose = condition[DOSE]
    out: list[Line] = []
    for number, (step, rung) in enumerate(
        zip(held.steps, rungs(dose, len(held.steps)), strict=True), start=1
    ):
        when = (step.after, minutes(step.at) if step.at else None, step.event)
        kind = Kind.NEUTRAL if rung == NEUTRAL else Kind.RUNG
        out.append(line(kind, rung, step.who, ladder.key(lang, rung, step.who), number, when))
    who = held.apology.who
    plain = dose == CONTROL
    # Where nobody pressed there is nothing to be sorry for: as many turns, as many words.
    kind, key = (Kind.NEUTRAL, "after") if plain else (Kind.APOLOGY, "apology")
    out.append(line(kind, NEUTRAL, who, key, len(out) + 1, (1, None, None)))
    kind = Kind.NEUTRAL if plain else Kind.AFTER
    out.append(line(kind, NEUTRAL, who, "after", len(out) + 1, (1, None, None)))
    return tuple(out)


@lru_cache(maxsize=1024)
def sentences(source: str) -> Template:
    """Return a text that asks for the capitalised form of a placeholder that begins a sentence."""
    return Template(_OPENING.sub(rf"\1{{{CAPITAL}", source))
