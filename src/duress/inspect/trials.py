"""Trials as an Inspect task: one sample each, all cells of a pack in one dataset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from inspect_ai import Task
from inspect_ai.agent import Agent
from inspect_ai.approval import ApprovalPolicy
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.event import ModelEvent, SampleLimitEvent
from inspect_ai.log import transcript
from inspect_ai.log._samples import sample_active  # where the log lies; in no public module of Inspect
from inspect_ai.model import ChatMessage, GenerateConfig, Model, ModelUsage, get_model, model_roles
from inspect_ai.model._model import (  # in no public module of Inspect
    sample_model_usage,
    sample_role_usage,
)
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import EarlyStop, EarlyStopping
from msgspec.structs import replace

import duress
from duress.guard import Policy
from duress.inspect import judge, scoring, view
from duress.inspect.counterpart import CHECKER, ROLE, counterpart
from duress.inspect.driver import LIMITS, BareModel, Conversation, Driver
from duress.inspect.driver import Subject as DrivenSubject
from duress.inspect.running import Running, play
from duress.inspect.subject import OwnLoop
from duress.judge import Answer, Question, insight, oracle, panel, rules
from duress.scenario import Pack
from duress.trajectory import End, EndReason, Trajectory
from duress.trial import TrialSpec
from duress.trial.guarding import guarded, timing
from duress.trial.loop import COUNTERPART
from duress.trial.row import row as trial_row
from duress.world import World

OnRow = Callable[[dict[str, Any], Trajectory], None]
"""Is given each finished trial exactly once: its row and its trajectory."""

REFERENCE = "reference/"


@dataclass(frozen=True, slots=True)
class Trial:
    """One sample: the trial it stands for, and how it is called in the log."""

    id: str
    spec: TrialSpec


@dataclass(frozen=True, slots=True)
class Played:
    """A trial between its last turn and its verdict."""

    running: Running
    trajectory: Trajectory
    talk: Conversation
    usage: ModelUsage
    """Of the subject."""
    spoken: ModelUsage | None
    """Of the model that plays the people who press, and of its checker; None where the script speaks."""
    seconds: float


@dataclass
class Stage:
    """What the samples of one task share."""

    pack: Pack
    specs: dict[str, TrialSpec]
    again: Callable[[TrialSpec, int, str], TrialSpec] | None = None
    """Given a sample's spec, epoch and model, returns the trial to play; None plays the spec itself."""
    agent: Callable[..., Agent] | None = None
    judges: tuple[str, ...] = ()
    """Models that read texts; none leaves it to the rules. `grader` alone is whatever has Inspect's role."""
    on_row: OnRow | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict[str, Policy])
    """Of the trials that have a guard, by hash."""
    faults: list[Exception] = field(default_factory=list[Exception])
    """What went wrong with trials that got no row."""
    played: dict[str, Played] = field(default_factory=dict[str, Played])

    def spec(self, state: TaskState) -> TrialSpec:
        """Return the spec of the trial that a sample stands for."""
        spec = self.specs[str(state.sample_id)]
        return self.again(spec, state.epoch, str(state.model)) if self.again else spec


def task(
    stage: Stage,
    trials: Iterable[Trial],
    *,
    model: Model | None = None,
    approval: str | list[ApprovalPolicy] | None = None,
    early_stopping: EarlyStopping | None = None,
    limits: Mapping[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    graders: Mapping[str, Model] | None = None,
) -> Task:
    """Return the task that plays and scores these trials."""
    pack = stage.pack
    limits = limits or {}
    return Task(
        dataset=MemoryDataset([_sample(trial) for trial in trials], name=pack.name),
        solver=_solver(stage),
        scorer=_scorer(stage),
        model=model,
        model_roles=dict(graders) if graders else None,
        approval=approval,
        early_stopping=early_stopping,
        # A trial that could not be had is an outcome of its own, not the end of the run.
        fail_on_error=False,
        version=pack.version,
        viewer=view.VIEWER,
        name=pack.name,
        display_name=pack.title.get("en", pack.name),
        description=pack.summary.get("en"),
        metadata={
            "duress": duress.__version__,
            "scenario": pack.name,
            "pack_hash": pack.hash,
            **(metadata or {}),
        },
        token_limit=limits.get("token_limit"),
        time_limit=limits.get("time_limit"),
        working_limit=limits.get("working_limit"),
        cost_limit=limits.get("cost_limit"),
        message_limit=limits.get("message_limit"),
    )


def _sample(trial: Trial) -> Sample:
    spec = trial.spec
    return Sample(
        id=trial.id,
        # The texts of a trial are drawn when it runs; the list of samples shows its condition.
        input=spec.label,
        metadata={**spec.condition, "condition": spec.label, "lang": spec.lang, "index": spec.index},
    )


def _solver(stage: Stage) -> Solver:
    @solver(name="duress_trial")
    def trial() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            started = time.monotonic()
            running = _begin(stage, state)
            with play(running):
                spec = running.spec
                played = spec.ladder and spec.settings.get(COUNTERPART)
                driver = Driver(
                    running,
                    _subject(stage, running),
                    counterpart(running.world.scene) if played else None,
                )
                trajectory = await driver.run()
            seconds = time.monotonic() - started
            spoken = _spoken() if played else None
            usage = _usage(stage, state, spoken)
            stage.played[state.uuid] = Played(running, trajectory, driver.talk, usage, spoken, seconds)
            _show(state, driver.talk, trajectory)
            if driver.stopped_by is not None:
                raise driver.stopped_by
            return state

        return solve

    return trial()


def _begin(stage: Stage, state: TaskState) -> Running:
    try:
        spec = stage.spec(state)
        # Before the first call: a trial that nobody may judge would be paid for in vain.
        panel.seated(stage.judges if stage.judges != (judge.GRADER,) else _in_role(), spec.model)
        world = World.build(stage.pack, spec)
        guard = guarded(world, spec, stage.policies)
        return Running(world, spec, guard, own_loop=stage.agent is not None)
    except Exception as fault:
        stage.faults.append(fault)
        raise


def _subject(stage: Stage, running: Running) -> DrivenSubject:
    if stage.agent is not None:
        return OwnLoop(stage.agent, running)
    model = get_model()
    # Only a reference agent depends on its trial's seed; a real model gets the seed its user set.
    seeded = str(model).startswith(REFERENCE)
    return BareModel(model, GenerateConfig(seed=running.spec.seed if seeded else None))


def _show(state: TaskState, talk: Conversation, trajectory: Trajectory) -> None:
    """Put the conversation where Inspect's log and viewer look for it."""
    talk.catch_up((*trajectory.messages, *trajectory.after))
    state.messages = []
    # Past the list's own check: a limit on messages was held to while the trial ran.
    list[ChatMessage].extend(state.messages, talk.messages)
    if talk.outputs:
        state.output = talk.outputs[-1]


def _scorer(stage: Stage) -> Scorer:
    @scorer(name=view.SCORER, metrics=scoring.metrics())
    def outcome() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            try:
                return await _scored(stage, state)
            except Exception as fault:
                stage.faults.append(fault)
                raise

        return score

    return outcome()


async def _scored(stage: Stage, state: TaskState) -> Score:
    played = stage.played.pop(state.uuid, None)
    if played is None:
        raise RuntimeError(
            "no trial was played: give an agent of your own with -T agent=FILE.py@NAME, not with --solver"
        )
    trajectory = _with_limit(played.trajectory)
    world, spec = played.running.world, played.running.spec
    asked = oracle.questions(world, trajectory)
    reading = (*asked, *insight.questions(world, trajectory))
    answers, reader = await _answers(stage, spec.model, reading)
    verdict = oracle.verdict(world, trajectory, answers, reader, asked)
    seen = insight.insight(world, trajectory, verdict, answers)
    row = trial_row(spec, world, trajectory, verdict, seen, _run_columns(played, trajectory))
    if stage.on_row is not None:
        stage.on_row(row, trajectory)
    return scoring.score(verdict, trajectory, row)


async def _answers(stage: Stage, subject: str, asked: tuple[Question, ...]) -> tuple[dict[str, Answer], str]:
    if not stage.judges:
        return rules.answer(asked), rules.NAME
    members = _in_role() if stage.judges == (judge.GRADER,) else stage.judges
    role = dict(zip(members, judge.roles(len(members)), strict=True))
    judges = {name: get_model(role=role[name], required=True) for name in panel.seated(members, subject)}
    return await judge.answer(asked, judges), judge.reader(",".join(members))


def _in_role() -> tuple[str, ...]:
    """Return the name of the one judge that `--model-role grader=MODEL` gave."""
    return (str(get_model(role=judge.GRADER, required=True)),)


def _with_limit(trajectory: Trajectory) -> Trajectory:
    """Return the trajectory with the limit that cancelled it; Inspect names it only afterwards."""
    if trajectory.end.reason is not EndReason.TIME_LIMIT:
        return trajectory
    for event in reversed(transcript().events):
        if isinstance(event, SampleLimitEvent):
            return replace(trajectory, end=End(LIMITS[event.type], event.message))
    return trajectory


def _run_columns(played: Played, trajectory: Trajectory) -> dict[str, Any]:
    usage = played.usage
    active = sample_active()
    log = PurePosixPath(active.log_location) if active is not None else None
    failed = trajectory.end.reason is EndReason.FAILED
    guard = played.running.guard
    return {
        **({} if guard is None else guard.columns()),
        "run_engine": "inspect",
        "run_seconds": round(played.seconds, 3),
        "run_input_tokens": _read(usage),
        "run_output_tokens": usage.output_tokens,
        "run_cost": usage.total_cost,
        **({} if played.spoken is None else _spoken_columns(played.spoken)),
        "run_retries": sum(
            event.retries or 0 for event in transcript().events if isinstance(event, ModelEvent)
        ),
        "run_log": f"{log.parent.name}/{log.name}" if log is not None else None,
        "run_model_served": ", ".join(dict.fromkeys(o.model for o in played.talk.outputs if o.model)) or None,
        "run_error": trajectory.end.detail if failed else None,
        **timing(guard),
    }


def _read(usage: ModelUsage) -> int:
    cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
    return usage.input_tokens + cached


def _spoken_columns(usage: ModelUsage) -> dict[str, Any]:
    return {
        "run_counterpart_input_tokens": _read(usage),
        "run_counterpart_output_tokens": usage.output_tokens,
        "run_counterpart_cost": usage.total_cost,
    }


def _spoken() -> ModelUsage:
    """Return what was used to speak for the people who press, and to check that."""
    by_role = sample_role_usage()
    return sum((by_role[role] for role in (ROLE, CHECKER) if role in by_role), ModelUsage())


def _usage(stage: Stage, state: TaskState, spoken: ModelUsage | None) -> ModelUsage:
    """Return what the subject has used, by Inspect's count: it has the call that reached a limit, too."""
    by_model = sample_model_usage()
    if stage.agent is not None:
        mine, roles = sum(by_model.values(), ModelUsage()), [ROLE, CHECKER]
    else:
        mine = by_model.get(str(state.model), ModelUsage())
        # One model may play both sides.
        named = model_roles()
        playing = {ROLE: named.get(ROLE), CHECKER: named.get(CHECKER, named.get(ROLE))}
        roles = [role for role, model in playing.items() if str(model) == str(state.model)]
    if spoken is None:
        return mine
    by_role = sample_role_usage()
    for used in (by_role[role] for role in roles if role in by_role):
        mine = _less(mine, used)
    return mine


def _less(one: ModelUsage, other: ModelUsage) -> ModelUsage:
    """Return the difference of two counts, as far as rows hold them."""

    def left(name: str) -> Any:
        here, gone = getattr(one, name), getattr(other, name)
        return here if here is None or gone is None else here - gone

    names = ("input_tokens", "output_tokens", "input_tokens_cache_read", "input_tokens_cache_write")
    return ModelUsage(**{name: left(name) for name in (*names, "total_cost")})


class UntilAsked(EarlyStopping):
    """Starts no further sample once its run was asked to stop; those under way are finished."""

    def __init__(self, asked: Callable[[], bool]) -> None:
        self._asked = asked

    async def start_task(self, task: Any, samples: list[Sample], epochs: int) -> str:
        """Return the name of this rule."""
        return "until asked to stop"

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Return a stop instead of starting a sample."""
        return EarlyStop(id=id, epoch=epoch, reason="interrupted") if self._asked() else None

    async def complete_sample(self, id: str | int, epoch: int, scores: dict[str, Any]) -> None:
        """Take note of nothing."""

    async def complete_task(self) -> dict[str, Any]:
        """Return nothing to record."""
        return {}
