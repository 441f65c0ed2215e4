"""Runs what a plan holds and the run directory does not."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from duress.study import planfile
from duress.study.design import REFERENCE, RULES, Design
from duress.study.errors import UsageError
from duress.study.interrupt import Interrupt
from duress.study.plan import Plan
from duress.study.pool import CHUNK, Pool, cores
from duress.study.store import Store, acknowledged, warn

Tally = Counter[tuple[str, str]]
"""Number of trials by (model, outcome)."""


class Watch(Protocol):
    """Is told how a run goes on."""

    def begin(self, planned: dict[str, int], done: Tally) -> None:
        """The run has so many planned trials per model, of which `done` are there already."""
        ...

    def advance(self, tally: Tally) -> None:
        """More trials are finished and on disk."""
        ...

    def stopping(self) -> None:
        """Somebody asked to stop; what is under way is being finished."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """How trials are carried out; nothing here changes what a trial is."""

    name: Literal["direct", "inspect"] = "direct"
    """For reference agents. Real models always run through Inspect."""
    workers: int = 0
    """Processes for reference agents; 0 is one per core."""
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    """Passed on to Inspect: connections, retries, ..."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a run has come."""

    folder: Path
    planned: int
    finished: int
    interrupted: bool
    errors: tuple[str, ...] = ()
    """Why trials are missing, where that is known."""

    @property
    def missing(self) -> int:
        """Planned trials without a row."""
        return self.planned - self.finished


def run(design: Design, folder: Path, engine: Engine, watch: Watch) -> State:
    """Run the missing trials of a design in a run directory, which is made if need be.

    Every row that `watch` was told of is on disk. The result does not depend on the number of
    workers, nor on how often the run was interrupted.

    Raises:
        UsageError: the directory holds a run with other settings, or the design cannot be run.
        StudyError: another process owns the directory, the disk is full, a trial cannot be played.
    """
    plan = Plan(design)
    if not len(plan):
        raise UsageError("nothing to run: expected at least one scenario and one model")
    with Store(folder) as store:
        planned = planfile.settle(folder, plan)
        done, tally = done_before(folder, planned.count)
        direct, through_inspect = array("I"), array("I")
        for position, trial_id in enumerate(planfile.trial_ids(folder)):
            if trial_id not in done:
                model = plan.cells[position % len(plan.cells)].model
                here = model.startswith(REFERENCE) and engine.name == "direct" and design.judge == RULES
                (direct if here else through_inspect).append(position)
        del done
        finished = sum(tally.values())
        watch.begin(plan.per_model(), tally)
        errors: tuple[str, ...] = ()
        with Interrupt(watch.stopping) as interrupt:
            if direct:
                finished += _direct(plan, direct, store, engine, watch, interrupt)
            if through_inspect and not interrupt.asked:
                from duress.study.through_inspect import play

                more, errors = play(plan, through_inspect, store, engine.options, watch, interrupt)
                finished += more
        # Imported here: the table library takes longer to load than a small run.
        from duress.study.compact import compact

        compact(folder)
    return State(folder, planned.count, finished, interrupt.asked, errors)


def done_before(folder: Path, planned: int) -> tuple[set[str], Tally]:
    """Return the ids of the trials that are on disk, and their outcomes by model.

    Warns of damaged rows unless all `planned` trials are there.
    """
    done: set[str] = set()
    damaged: list[str] = []
    tally: Tally = Counter()
    for row in acknowledged(folder, damaged):
        done.add(row["trial_id"])
        tally[row["model"], row["outcome"]] += 1
    if len(done) < planned:
        warn(folder, damaged)
    return done, tally


def _direct(
    plan: Plan,
    positions: array[int],
    store: Store,
    engine: Engine,
    watch: Watch,
    interrupt: Interrupt,
) -> int:
    workers = engine.workers or cores()
    # Small runs are cut finer, so that every worker gets a share.
    size = max(1, min(CHUNK, len(positions) // (workers * 4)))
    finished = 0
    with Pool(plan.design, min(workers, len(positions))) as pool:
        for batches in pool.play(positions, size):
            if batches:
                store.append_frames([(batch.rows, batch.packed) for batch in batches])
                tally: Tally = Counter()
                for batch in batches:
                    tally.update(batch.tally)
                finished += tally.total()
                watch.advance(tally)
            if interrupt.asked:
                break
    return finished
