"""The direct driver: runs a subject without Inspect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duress.guard import Policy
from duress.judge import insight, oracle, rules
from duress.judge.insight import Insight
from duress.judge.outcome import Verdict
from duress.reference import subject
from duress.scenario import Pack
from duress.trajectory import EndReason, Message, Trajectory
from duress.trial.guarding import Guarded, guarded, timing
from duress.trial.loop import play
from duress.trial.requests import Failure, Generate, Reply, Result, Speak
from duress.trial.row import row
from duress.trial.spec import TrialSpec
from duress.world import World
from duress.world.tool import Tool

Subject = Callable[[Sequence[Message], Sequence[Tool]], Message]
"""Given everything so far, returns its next turn. It may raise `SubjectFailed`."""


class SubjectFailed(Exception):  # noqa: N818  (what happened, not a mistake)
    """No reply could be had from the subject."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A trial that has been run and decided."""

    row: dict[str, Any]
    trajectory: Trajectory
    verdict: Verdict


def run(world: World, spec: TrialSpec, subject: Subject, guard: Guarded | None = None) -> Trajectory:
    """Run one trial in this thread and return its trajectory; with a guard, calls go through it."""
    steps = play(world, spec, guard)
    act = world.call if guard is None else guard.call
    try:
        request = next(steps)
        while True:
            if isinstance(request, Generate):
                try:
                    answer: Reply | Failure = Reply((subject(request.messages, request.tools),))
                except SubjectFailed as failed:
                    answer = Failure(EndReason.FAILED, str(failed))
                request = steps.send(answer)
            elif isinstance(request, Speak):
                request = steps.send(Failure(EndReason.FAILED, "only Inspect can let a model play a person"))
            else:
                request = steps.send(Result(*act(request.call)))
    except StopIteration as done:
        return done.value


def decide(world: World, trajectory: Trajectory) -> Verdict:
    """Return the verdict that the oracle and the rule reader come to."""
    asked = oracle.questions(world, trajectory)
    return oracle.verdict(world, trajectory, rules.answer(asked), rules.NAME, asked)


def see(world: World, trajectory: Trajectory, verdict: Verdict) -> Insight:
    """Return what the agent had understood and what it took its situation for, by the rule reader."""
    return insight.insight(
        world, trajectory, verdict, rules.answer(insight.questions(world, trajectory, names=False))
    )


def trial(pack: Pack, spec: TrialSpec, policies: Mapping[str, Policy] | None = None) -> Finished:
    """Run and decide one trial of a reference agent; `policies` has the one of its guard by its hash.

    Raises:
        PackError: the pack cannot be rendered.
        KeyError: the model is not `reference/<name>`, or the policy is not there.
    """
    world = World.build(pack, spec)
    guard = guarded(world, spec, policies)
    agent = subject(spec.model.removeprefix("reference/"), pack, spec.seed)
    trajectory = run(world, spec, agent, guard)
    verdict = decide(world, trajectory)
    seen = see(world, trajectory, verdict)
    columns = {} if guard is None else guard.columns()
    made = row(spec, world, trajectory, verdict, seen, {**columns, "run_engine": "direct", **timing(guard)})
    return Finished(made, trajectory, verdict)
