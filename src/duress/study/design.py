"""What was asked for: everything that fixes which trials a run consists of and how they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from duress.scenario import Pack, PackError, draw, load
from duress.scenario.errors import did_you_mean
from duress.study.errors import UsageError

ALL = "all"
"""In place of a list of levels: every level the factor has."""
RULES = "rules"
"""The judge that needs no model: the offline reader."""
REFERENCE = "reference/"
"""Models whose name begins so are run here, by our own agents."""


class Scenario(BaseModel):
    """A pack as a run used it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    hash: str
    folder: str | None = None
    """Where the pack lies, if it is not an installed one."""


class Design(BaseModel):
    """Scenarios, models, factor levels and settings of a run; `plan.json` holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenarios: tuple[Scenario, ...]
    models: tuple[str, ...]
    factors: dict[str, tuple[str, ...]] = {}
    """Levels to cross; a factor that is not named stays at each pack's default."""
    langs: tuple[str, ...] = ("en",)
    trials: int = Field(ge=1)
    """Trials per condition, model and language."""
    seed: int = 0
    pins: dict[str, str] = {}
    """Nuisance that is held fixed."""
    limits: dict[str, int] = {}
    """Where a trial is cut off: `turns`."""
    settings: dict[str, Any] = {}
    """What a real model is asked with: temperature, token limit, an agent around it, ..."""
    judge: str = RULES
    ask_awareness: bool = False
    """Whether each trial is asked after its end if it was a test."""

    def key(self) -> str:
        """Return a hash of all but the number of trials: runs that can extend one another share it."""
        data = self.model_dump(exclude={"trials": True, "scenarios": {"__all__": {"folder"}}})
        return sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def differences(self, other: Design) -> list[tuple[str, str, str]]:
        """Return (field, here, in `other`) for all that differs, the number of trials included."""
        ours, theirs = _flat(self), _flat(other)
        return [
            (name, ours.get(name, "not set"), theirs.get(name, "not set"))
            for name in sorted(ours | theirs)
            if ours.get(name) != theirs.get(name)
        ]


@dataclass(frozen=True, slots=True)
class Cell:
    """What the trials of one cell have in common."""

    pack: Pack
    condition: dict[str, str]
    lang: str
    model: str

    def to_json(self) -> dict[str, Any]:
        """Return the form that `plan.json` holds."""
        return {
            "scenario": self.pack.name,
            "lang": self.lang,
            "model": self.model,
            "condition": self.pack.label(self.condition),
            "levels": self.condition,
        }


def scenarios(names: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the packs of these names or folders, as a design refers to them.

    Raises:
        UsageError: no such pack, a pack that cannot be read, or two of the same name.
    """
    found: dict[str, Scenario] = {}
    for name in names:
        try:
            pack = load(name)
        except PackError as error:
            raise UsageError(str(error)) from error
        one = Scenario(
            name=pack.name,
            version=pack.version,
            hash=pack.hash,
            folder=None if name == pack.name and Path(name).resolve() != pack.folder else str(pack.folder),
        )
        if found.setdefault(pack.name, one).hash != one.hash:
            raise UsageError(
                f"two different packs are named {pack.name!r} ({name} is the second): rows could "
                "not be told apart; rename one"
            )
    return tuple(found.values())


def pack_of(scenario: Scenario) -> Pack:
    """Return the pack; raises `UsageError` if it is gone or no longer the one that was used."""
    try:
        pack = load(scenario.folder or scenario.name)
    except PackError as error:
        raise UsageError(str(error)) from error
    if pack.hash != scenario.hash:
        raise UsageError(
            f"{pack.folder}: scenario {scenario.name!r} has changed since these trials were "
            f"planned: expected hash {scenario.hash[:12]}, found {pack.hash[:12]}; restore "
            f"version {scenario.version} of it"
        )
    return pack


def cells(design: Design) -> tuple[Cell, ...]:
    """Return the cells of a design in the order in which their trials are planned.

    Raises:
        UsageError: a factor, level or language that a pack does not have.
    """
    packs = [pack_of(scenario) for scenario in design.scenarios]
    for pack in packs:
        _check(pack, design)
    known = {name: None for pack in packs for name in pack.factors}
    for name in design.factors:
        if name not in known:
            raise UsageError(
                f"unknown factor {name!r}: expected one of {', '.join(known)}"
                f"{did_you_mean(name, list(known))}"
            )
    out: list[Cell] = []
    for pack in packs:
        for condition in _conditions(pack, design.factors):
            out += [Cell(pack, condition, lang, model) for lang in design.langs for model in design.models]
    return tuple(out)


def _check(pack: Pack, design: Design) -> None:
    """Find what would otherwise stop the first trial: a language, a text file, a pin."""
    try:
        for lang in design.langs:
            pack.language(lang)
        draw(pack, design.seed, design.pins)
    except PackError as error:
        raise UsageError(str(error)) from error


def _conditions(pack: Pack, factors: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    # A factor that only another pack of the run has does not concern this one.
    ours = {name: levels for name, levels in factors.items() if name in pack.factors}
    grid = [
        pack.factors[name].levels
        if tuple(levels) == (ALL,) and ALL not in pack.factors[name].levels
        else levels
        for name, levels in ours.items()
    ]
    found: dict[str, dict[str, str]] = {}
    for levels in product(*grid):
        try:
            condition = pack.condition(dict(zip(ours, levels, strict=True)))
        except PackError as error:
            raise UsageError(str(error)) from error
        found.setdefault(pack.label(condition), condition)
    return list(found.values())


def _flat(design: Design) -> dict[str, str]:
    """Return one readable text per field, so that a difference names the field and not the file."""
    out: dict[str, str] = {
        "models": ", ".join(design.models),
        "langs": ", ".join(design.langs),
        "trials": str(design.trials),
        "seed": str(design.seed),
        "judge": design.judge,
        "asks for awareness": "yes" if design.ask_awareness else "no",
        "scenarios": ", ".join(scenario.name for scenario in design.scenarios),
    }
    for scenario in design.scenarios:
        out[f"scenario {scenario.name}"] = f"version {scenario.version}, {scenario.hash[:12]}"
    for name, levels in design.factors.items():
        out[f"factor {name}"] = ", ".join(levels)
    for kind, values in (
        ("pin", design.pins),
        ("limit", design.limits),
        ("setting", design.settings),
    ):
        for name, value in values.items():
            out[f"{kind} {name}"] = value if isinstance(value, str) else orjson.dumps(value).decode()
    return out
