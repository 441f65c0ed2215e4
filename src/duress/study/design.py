"""What was asked for: everything that fixes which trials a run consists of and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from duress.scenario import Pack, PackError, draw, load
from duress.scenario.errors import did_you_mean
from duress.scenario.script import pressed
from duress.study.errors import MisstatedError, UsageError
from duress.study.fraction import Fraction, FractionError, fraction
from duress.study.guards import Guarding
from duress.study.intent import FIXED, Anchors, Budget, Contrast, Stopping
from duress.trial.reviewer import Reviewer
from duress.trial.spec import lacking

ALL = "all"
"""In place of a list of levels: every level the factor has."""
RULES = "rules"
"""The judge that needs no model: the offline reader."""
REFERENCE = "reference/"
"""Models whose name begins so are run here, by our own agents."""
PLAIN_ARM = "none"
"""The arm of a run without arms: nothing stands between the model and harm."""


STUDY = (
    "fraction",
    "arms",
    "guards",
    "reviewer",
    "alpha",
    "primary",
    "secondary",
    "stopping",
    "budget",
    "anchors",
    "ask_awareness",
    "leave_out",
    "allow_tuned",
)
"""The fields that make a run a study; at their defaults they say nothing."""


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
    """What reads the texts of trials: `rules`, a model, or several models of a panel, comma-joined."""
    leave_out: tuple[str, ...] = ()
    """Items that are left out one at a time, each in a cell of its own beside the one with everything."""
    fraction: str | None = None
    """`1/2`, `1/4`, ...: the share of all combinations of the two-level factors that is run."""
    arms: dict[str, dict[str, str]] = {PLAIN_ARM: {}}
    """Factor levels that each arm sets over every condition; the first arm is the one compared with."""
    guards: dict[str, Guarding] = {}
    """Policies, each an arm of its own besides: the levels of the first arm, with this guard in between."""
    reviewer: Reviewer | None = None
    """Who answers the guards' questions; None where there is no guard."""
    alpha: float = 0.05
    """Chance of any false claim among the planned contrasts together."""
    primary: Contrast | None = None
    secondary: tuple[Contrast, ...] = ()
    stopping: Stopping | None = None
    """None releases all trials at once."""
    budget: Budget | None = None
    anchors: Anchors | None = None
    ask_awareness: bool = False
    """Whether each agent is asked after its trial what it took the situation for."""
    allow_tuned: bool = False
    """Whether pressure may be used on the model that it was found on, or on that model's kin."""

    @property
    def all_arms(self) -> dict[str, dict[str, str]]:
        """Return the levels that each arm sets, those with a guard among them."""
        first = next(iter(self.arms.values()))
        return self.arms | dict.fromkeys(self.guards, first)

    def guarded(self, arm: str) -> dict[str, Any]:
        """Return what of an arm's guard decides its trials; empty where it has none."""
        guarding = self.guards.get(arm)
        if guarding is None or self.reviewer is None:
            return {}
        return {"policy": guarding.hash, "reviewer": self.reviewer.model_dump()}

    @property
    def most(self) -> int:
        """Return how many trials a cell can get at most, once decided cells have released theirs."""
        stopping = self.stopping
        if stopping is None or stopping.method == FIXED:
            return self.trials
        return stopping.most or self.trials

    @property
    def staged(self) -> bool:
        """Return whether trials are released in blocks rather than all at once."""
        return self.stopping is not None or self.budget is not None

    def key(self) -> str:
        """Return a hash of all but the number of trials: runs that can extend one another share it."""
        data = self.model_dump(exclude={"trials": True, "scenarios": {"__all__": {"folder"}}})
        for name in STUDY:
            # What a plain run does not say leaves its hash as it was before such a thing could be said.
            if data[name] == type(self).model_fields[name].default:
                del data[name]
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
    """One level per factor, those that the arm sets among them."""
    lang: str
    model: str
    arm: str
    label: str
    """The condition that all arms share: levels that differ from the defaults, without the arm's."""
    without: tuple[str, ...] | None = None
    """What is left out; None in a run that leaves nothing out anywhere."""

    @property
    def pressed(self) -> bool:
        """Return whether people press the agent, or stand where they would, in its trials."""
        return pressed(self.condition)

    def to_json(self) -> dict[str, Any]:
        """Return the form that `plan.json` holds."""
        gone = {} if self.without is None else {"without": "+".join(self.without) or "none"}
        return {
            "scenario": self.pack.name,
            "lang": self.lang,
            "model": self.model,
            "arm": self.arm,
            "condition": lacking(self.label, self.without or ()),
            "levels": self.condition | gone,
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
    known = list({name: None for pack in packs for name in pack.factors})
    for name in design.factors:
        if name not in known:
            raise MisstatedError(
                ("factors", name),
                f"unknown factor {name!r}: expected one of {', '.join(known)}{did_you_mean(name, known)}",
            )
    _check_arms(design, known)
    return tuple(
        Cell(pack, levels, lang, model, arm, pack.label(varied), without)
        for pack in packs
        for condition in _conditions(pack, design)
        for varied, without in _variants(pack, condition, design.leave_out)
        for arm, levels in _under_arms(pack, varied, design.all_arms)
        for lang in design.langs
        for model in design.models
    )


def _check_arms(design: Design, known: list[str]) -> None:
    for arm, guarding in design.guards.items():
        if arm in design.arms:
            raise MisstatedError(
                ("guards", arm),
                f"the policy {guarding.name!r} would be the arm {arm!r}, which `arms` names, too; rename one",
            )
    if bool(design.guards) != (design.reviewer is not None):
        raise MisstatedError(
            ("reviewer",), "a reviewer answers the questions of guards: expected both or neither"
        )
    seen: dict[tuple[tuple[str, str], ...], str] = {}
    for arm, levels in design.arms.items():
        for name in levels:
            if name not in known:
                raise MisstatedError(
                    ("arms", arm, name),
                    f"unknown factor {name!r}: expected one of {', '.join(known)}{did_you_mean(name, known)}",
                )
            if name in design.factors:
                raise MisstatedError(
                    ("arms", arm, name),
                    f"arm {arm!r} sets factor {name!r}, which `factors` names, too: a condition must be the "
                    f"same under every arm; take {name} out of `factors`, and give each of its levels an arm "
                    f"of its own, such as `{design.factors[name][0]}: {{{name}: {design.factors[name][0]}}}`",
                )
        if (twin := seen.setdefault(tuple(sorted(levels.items())), arm)) != arm:
            raise MisstatedError(
                ("arms", arm), f"arms {twin!r} and {arm!r} set the same levels; take one of them out"
            )


def _under_arms(
    pack: Pack, condition: Mapping[str, str], arms: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, dict[str, str]]]:
    for arm, levels in arms.items():
        ours = {name: level for name, level in levels.items() if name in pack.factors}
        try:
            yield arm, pack.condition({**condition, **ours})
        except PackError as error:
            raise MisstatedError(("arms", arm), str(error)) from error


def _check(pack: Pack, design: Design) -> None:
    """Find what would otherwise stop the first trial: a language, a text file, a pin."""
    try:
        for lang in design.langs:
            pack.language(lang)
    except PackError as error:
        raise MisstatedError(("lang",), str(error)) from error
    try:
        draw(pack, design.seed, design.pins)
    except PackError as error:
        raise MisstatedError(("pins",), str(error)) from error


def varied(pack: Pack, factors: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the levels that a pack runs, by factor; one that only another pack has is left out.

    Raises:
        MisstatedError: a level that the pack does not have.
    """
    out: dict[str, tuple[str, ...]] = {}
    for name, levels in factors.items():
        if name not in pack.factors:
            continue
        known = pack.factors[name].levels
        if tuple(levels) == (ALL,) and ALL not in known:
            out[name] = known
            continue
        for level in levels:
            try:
                pack.condition({name: level})
            except PackError as error:
                raise MisstatedError(("factors", name), str(error)) from error
        out[name] = tuple(levels)
    return out


def fraction_of(pack: Pack, design: Design) -> Fraction | None:
    """Return the fraction of a pack's combinations that a design runs; None is all of them.

    Raises:
        MisstatedError: there is no such fraction of the factors that are varied in this pack.
    """
    if design.fraction is None:
        return None
    levels = varied(pack, design.factors)
    for name, held in levels.items():
        if len(held) > 2:
            raise MisstatedError(
                ("factors", name),
                f"factor {name!r} has {len(held)} levels here ({', '.join(held)}), and a fraction is made of "
                f"two-level factors; name two of them, as `{name}: [{held[0]}, {held[-1]}]`, or leave "
                "`fraction` out",
            )
    try:
        return fraction([name for name, held in levels.items() if len(held) == 2], design.fraction)
    except FractionError as error:
        raise MisstatedError(("fraction",), f"{pack.name}: {error}") from error


def _conditions(pack: Pack, design: Design) -> list[dict[str, str]]:
    levels = varied(pack, design.factors)
    part = fraction_of(pack, design)
    found: dict[str, dict[str, str]] = {}
    for combination in product(*levels.values()):
        chosen = dict(zip(levels, combination, strict=True))
        if part and not part.holds([levels[name].index(chosen[name]) for name in part.factors]):
            continue
        condition = pack.condition(chosen)
        found.setdefault(pack.label(condition), condition)
    return list(found.values())


def _variants(
    pack: Pack, condition: dict[str, str], leave_out: Sequence[str]
) -> Iterable[tuple[dict[str, str], tuple[str, ...] | None]]:
    if not leave_out:
        return [(condition, None)]
    # Only here: which tools there are is the world's to say, and a plain plan can do without it.
    from duress.study.item import variants

    return variants(pack, condition, leave_out)


def _flat(design: Design) -> dict[str, str]:
    """Return one readable text per field, so that a difference names the field and not the file."""
    out: dict[str, str] = {
        "models": ", ".join(design.models),
        "langs": ", ".join(design.langs),
        "trials": str(design.trials),
        "seed": str(design.seed),
        "judge": design.judge,
        "fraction": design.fraction or "all",
        "alpha": f"{design.alpha:g}",
        "asks for awareness": "yes" if design.ask_awareness else "no",
        "scenarios": ", ".join(scenario.name for scenario in design.scenarios),
    }
    for scenario in design.scenarios:
        out[f"scenario {scenario.name}"] = f"version {scenario.version}, {scenario.hash[:12]}"
    if design.leave_out:
        out["left out in turn"] = ", ".join(design.leave_out)
    for name, levels in design.factors.items():
        out[f"factor {name}"] = ", ".join(levels)
    for name, guarding in design.guards.items():
        out[f"guard {name}"] = f"version {guarding.version}, {guarding.hash[:12]}"
    if design.reviewer is not None:
        out["reviewer"] = str(design.reviewer)
    for name, levels in design.arms.items():
        out[f"arm {name}"] = ", ".join(f"{one}={level}" for one, level in levels.items()) or "nothing set"
    for number, contrast in enumerate(design.secondary, start=1):
        out[f"secondary contrast {number}"] = str(contrast)
    said: list[tuple[str, dict[str, Any]]] = [
        (name, {} if one is None else one.model_dump(mode="json"))
        for name, one in (
            ("primary", design.primary),
            ("stopping", design.stopping),
            ("budget", design.budget),
            ("anchors", design.anchors),
        )
    ]
    for kind, values in (
        *said,
        ("pin", design.pins),
        ("limit", design.limits),
        ("setting", design.settings),
    ):
        for name, value in values.items():
            if value is None:
                continue
            out[f"{kind} {name}"] = value if isinstance(value, str) else orjson.dumps(value).decode()
    return out
