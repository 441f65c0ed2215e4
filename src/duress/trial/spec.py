"""What one trial is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson

from duress.scenario import Pack
from duress.scenario.chance import digest
from duress.scenario.script import climb

ENGINE_VERSION = 2
"""Raised when the world, the tools or the loop change what a trajectory can be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a trial is cut off."""

    turns: int = 24
    """Model turns."""


@dataclass(frozen=True)
class TrialSpec:
    """One planned trial. Two specs with equal `trial_hash` have equal trajectories with a reference agent."""

    scenario: str
    pack_hash: str
    condition: dict[str, str]
    """One level per factor, in the pack's order."""
    label: str
    """Levels that differ from the defaults, and what is left out; without the arm's: all arms share it."""
    lang: str
    model: str
    index: int
    """Which of the trials of its cell."""
    seed: int
    """Depends on the run's seed, the scenario and the index only: common random numbers over cells."""
    arm: str = "none"
    pins: dict[str, str] = field(default_factory=dict[str, str])
    """Pinned components of the nuisance draw."""
    limits: Limits = Limits()
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """Whatever else can change a trajectory: temperature, reasoning effort, the subject agent, ..."""
    without: tuple[str, ...] = ()
    """What is left out of the scene, by id; see `scenario.scene.parts`, and `tool:NAME`."""
    guard: dict[str, Any] = field(default_factory=dict[str, Any])
    """What stands between the agent and the world: `policy`, its hash, and `reviewer`, who answers its
    questions. Empty where nothing does."""
    ladder: str = ""
    """Hash of the ladder that is climbed; empty where nobody presses."""

    @cached_property
    def trial_hash(self) -> str:
        """SHA-256 over everything that can change the trajectory (not the judge, not the engine)."""
        values = (
            ENGINE_VERSION,
            self.scenario,
            self.pack_hash,
            self.condition,
            self.lang,
            self.model,
            self.arm,
            self.index,
            self.seed,
            self.pins,
            self.limits,
            self.settings,
            # A trial that lacks nothing is the trial that it was before anything could be left out.
            *((self.without,) if self.without else ()),
            *((self.guard,) if self.guard else ()),
            *((self.ladder,) if self.ladder else ()),
        )
        return sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def trial_id(self) -> str:
        """Short unique name."""
        return f"{self.scenario}-{self.trial_hash[:16]}"


def make(
    pack: Pack,
    *,
    condition: Mapping[str, str],
    lang: str,
    model: str,
    index: int,
    run_seed: int,
    pins: Mapping[str, str] | None = None,
    limits: Limits = Limits(),
    settings: Mapping[str, Any] | None = None,
    arm: str = "none",
    without: Sequence[str] = (),
    label: str | None = None,
    guard: Mapping[str, Any] | None = None,
) -> TrialSpec:
    """Return the spec of the index-th trial of a cell; `condition` is complete (`Pack.condition`).

    `label` names the condition where an arm sets some of its levels; else it is the pack's label.
    """
    levels = dict(condition)
    climbed = climb(pack, levels)
    return TrialSpec(
        scenario=pack.name,
        pack_hash=pack.hash,
        condition=levels,
        label=lacking(pack.label(levels) if label is None else label, without),
        lang=lang,
        model=model,
        index=index,
        seed=digest(run_seed, pack.name, index),
        arm=arm,
        pins=dict(pins or {}),
        limits=limits,
        settings=dict(settings or {}),
        without=tuple(without),
        guard=dict(guard or {}),
        ladder=climbed.hash if climbed else "",
    )


def lacking(label: str, without: Sequence[str]) -> str:
    """Return the name of a condition with what is left out of its trials, if anything is."""
    if not without:
        return label
    gone = f"without={'+'.join(without)}"
    return gone if label == "default" else f"{label} {gone}"


def to_json(spec: TrialSpec) -> dict[str, Any]:
    """Return the spec as plain values, with its id."""
    # Shallow: plans are large, and `asdict` copies every level.
    values = {entry.name: getattr(spec, entry.name) for entry in fields(spec)}
    for name in ("guard", "ladder"):
        if not values[name]:
            del values[name]
    return {"trial_id": spec.trial_id, **values, "limits": asdict(spec.limits)}


def from_json(data: Mapping[str, Any]) -> TrialSpec:
    """Read what `to_json` wrote."""
    values = {key: value for key, value in data.items() if key != "trial_id"}
    values["limits"] = Limits(**values["limits"])
    values["without"] = tuple(values.get("without", ()))
    return TrialSpec(**values)
