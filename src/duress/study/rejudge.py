"""Decides the outcomes of a run again, without running a trial again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

from duress.judge import Answer, Question, insight, oracle, rules
from duress.study import planfile
from duress.study.compact import compact
from duress.study.errors import UsageError
from duress.study.plan import Plan
from duress.study.runner import State, Watch, done_before
from duress.study.store import Store, acknowledged, trajectory
from duress.trajectory import Trajectory, codec
from duress.trial.guarding import COLUMNS
from duress.trial.row import row
from duress.trial.spec import TrialSpec
from duress.world import World, replay

BATCH = 64
"""Trials that are acknowledged together, if they come fast."""
SECONDS = 1.0
"""No trial waits longer than this for the others of its batch, once another has come."""

Answers = Mapping[str, Answer]
OnTrial = Callable[[int, Answers], None]


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads the texts that the world's state does not decide."""

    name: str
    """Recorded with each verdict."""
    answer: Callable[[Sequence[Sequence[Question]], Sequence[str], OnTrial], None]
    """Answers the questions of several trials of these models; tells each trial's position and answers."""
    together: int | None
    """How many trials it wants at once; None is all of them."""


def rule_reader() -> Reader:
    """Return the offline reader."""

    def answer(asked: Sequence[Sequence[Question]], subjects: Sequence[str], on_trial: OnTrial) -> None:
        for position, questions in enumerate(asked):
            on_trial(position, rules.answer(questions))

    return Reader(rules.NAME, answer, BATCH)


def model_reader(judges: str, options: Mapping[str, Any]) -> Reader:
    """Return a model, or a panel (`A,B`), as the reader; `options` are connections, retries and the like."""
    from duress.inspect import judge

    def answer(asked: Sequence[Sequence[Question]], subjects: Sequence[str], on_trial: OnTrial) -> None:
        judge.answer_all(asked, judges, subjects, on_trial=on_trial, **options)

    # One call for all: a provider's connections live as long as the call does.
    return Reader(judge.reader(judges), answer, None)


def beside(folder: Path, judge: str) -> Path:
    """Return the directory for a run judged again, next to the run."""
    return folder.with_name(f"{folder.name}-{re.sub(r'[^A-Za-z0-9.]+', '-', judge)}")


def rejudge(folder: Path, judge: str, out: Path, watch: Watch, reader: Reader) -> State:
    """Decide every finished trial of `folder` again with `reader`, called `judge`, into `out`.

    Trials that are missing there stay missing. Interrupted, it goes on where it was.

    Raises:
        UsageError: `out` holds something else, or a scenario has changed since.
        StudyError: a trajectory is gone, the disk is full, another process writes to `out`.
    """
    if out.resolve() == folder.resolve():
        raise UsageError(f"{out} is the run itself; choose another directory with --out")
    plan = Plan(planfile.read(folder).design.model_copy(update={"judge": judge}))
    with Store(out) as store:
        planned = planfile.settle(out, plan)
        done, tally = done_before(out, planned.count)
        watch.begin(plan.per_model(), tally)
        job = _Job(folder, plan, store, watch, reader)
        left = (row for row in acknowledged(folder) if row["trial_id"] not in done)
        interrupted = False
        try:
            while rows := list(islice(left, reader.together)):
                job.judge(rows)
        except KeyboardInterrupt:
            interrupted = True
        compact(out)
    count = planned.count
    if plan.design.staged:
        # What the first judge's outcomes released; this judge's may have stopped elsewhere.
        count = sum(1 for _ in acknowledged(folder))
    return State(out, count, tally.total() + job.finished, interrupted)


class _Job:
    """One pass over stored trials."""

    def __init__(self, folder: Path, plan: Plan, store: Store, watch: Watch, reader: Reader) -> None:
        self.finished = 0
        self._folder = folder
        self._plan = plan
        self._store = store
        self._watch = watch
        self._reader = reader
        ids = planfile.trial_ids(store.folder)
        self._positions = {trial_id: position for position, trial_id in enumerate(ids)}
        self._rows: list[dict[str, Any]] = []
        self._trajectories: list[bytes] = []
        self._written = monotonic()

    def judge(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Decide these trials again and acknowledge them."""

        def on_trial(position: int, answers: Answers) -> None:
            # Replayed once more rather than kept: worlds are larger than the questions about them.
            self._add(rows[position], answers)

        asked: list[Sequence[Question]] = []
        for old in rows:
            _, world, found = self._replay(old)
            asked.append((*oracle.questions(world, found), *insight.questions(world, found)))
        self._reader.answer(asked, [row["model"] for row in rows], on_trial)
        self._write()

    def _replay(self, row: Mapping[str, Any]) -> tuple[TrialSpec, World, Trajectory]:
        position = self._positions.get(row["trial_id"])
        if position is None:
            raise UsageError(f"{self._folder}: trial {row['trial_id']} is not in its plan.json")
        spec = self._plan.spec(position)
        found = trajectory(self._folder, row["run_trajectory"])
        pack = self._plan.cells[position % len(self._plan.cells)].pack
        return spec, replay(pack, spec, found), found

    def _add(self, old: Mapping[str, Any], answers: Answers) -> None:
        spec, world, found = self._replay(old)
        verdict = oracle.verdict(world, found, answers, self._reader.name)
        seen = insight.insight(world, found, verdict, answers)
        kept = {name: value for name, value in old.items() if name.startswith((COLUMNS, "run_"))}
        # Set again by the store: the trajectory lies elsewhere now.
        kept.pop("run_trajectory")
        self._rows.append(row(spec, world, found, verdict, seen, kept))
        self._trajectories.append(codec.dumps(found))
        if len(self._rows) >= BATCH or monotonic() - self._written > SECONDS:
            self._write()

    def _write(self) -> None:
        self._store.append([orjson.dumps(row) for row in self._rows], self._trajectories)
        self._watch.advance(Counter((row["model"], row["outcome"]) for row in self._rows))
        self.finished += len(self._rows)
        self._rows, self._trajectories, self._written = [], [], monotonic()
