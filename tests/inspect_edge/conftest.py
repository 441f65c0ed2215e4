"""Plays trials through Inspect: reference agents, and scripts that stand for models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import ModelAPI, modelapi

from duress.inspect.provider import ReferenceAPI
from duress.inspect.run import Ran, run
from duress.inspect.running import Running
from duress.reference import Subject
from duress.scenario import Pack
from duress.trajectory import Trajectory
from duress.trial import TrialSpec, make
from duress.trial.direct import SubjectFailed

SCRIPTS: dict[str, Callable[[Running], Subject]] = {}
"""What `script/NAME` plays."""


@modelapi(name="script")
def script() -> type[ModelAPI]:
    class Script(ReferenceAPI):
        def known(self) -> Iterable[str]:
            return SCRIPTS

        def subject(self, trial: Running, seed: int | None) -> Subject:
            return SCRIPTS[self.model_name](trial)

    return Script


@pytest.fixture
def scripts() -> Iterable[dict[str, Callable[[Running], Subject]]]:
    yield SCRIPTS
    SCRIPTS.clear()


@dataclass
class Played:
    """What a run handed over."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    trajectories: dict[str, Trajectory] = field(default_factory=dict)
    calls: int = 0
    ran: Ran | None = None

    def on_row(self, row: dict[str, Any], trajectory: Trajectory) -> None:
        self.calls += 1
        self.rows[row["trial_id"]] = row
        self.trajectories[row["trial_id"]] = trajectory

    @property
    def row(self) -> dict[str, Any]:
        [row] = self.rows.values()
        return row

    @property
    def trajectory(self) -> Trajectory:
        [trajectory] = self.trajectories.values()
        return trajectory


def spec_of(pack: Pack, model: str, index: int = 0, lang: str = "en", **more: Any) -> TrialSpec:
    condition = pack.condition(more.pop("condition", {}))
    return make(pack, condition=condition, lang=lang, model=model, index=index, run_seed=3, **more)


@pytest.fixture
def through_inspect(tmp_path: Path) -> Callable[..., Played]:
    def play(specs: Sequence[TrialSpec], *packs: Pack, **options: Any) -> Played:
        played = Played()
        known = {pack.name: pack for pack in packs}
        played.ran = run(specs, known, played.on_row, log_dir=tmp_path / "logs", **options)
        return played

    return play


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("run_")}


def failing(reason: str) -> Subject:
    def subject(*_: Any) -> Any:
        raise SubjectFailed(reason)

    return subject
