"""Runs what a plan holds and the run directory does not."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import orjson

from duress.study import anchors, planfile
from duress.study.design import REFERENCE, RULES, Design
from duress.study.errors import UsageError
from duress.study.interrupt import Interrupt
from duress.study.plan import Plan
from duress.study.pool import CHUNK, Pool, cores
from duress.study.release import Release
from duress.study.store import Store, acknowledged, warn

Tally = Counter[tuple[str, str]]
"""Number of trials by (model, outcome)."""


class Watch(Protocol):
    """Is told how a run goes on."""

    def begin(self, planned: dict[str, int], done: Tally) -> None:
        """The run has so many planned trials per model, of which `done` are there already."""
        ...

    def released(self, planned: dict[str, int], open_cells: int, cells: int) -> None:
        """More trials were released: so many per model by now; `open_cells` of `cells` can get more."""
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
    if design.anchors is not None:
        # First: what an endpoint is like today should not hang on how long the study takes.
        before = run(anchors.design(design), folder / anchors.FOLDER, engine, watch)
        if before.interrupted:
            return State(folder, 0, 0, True, before.errors)
    if design.staged:
        return _in_blocks(plan, folder, engine, watch)
    with Store(folder) as store:
        planned = planfile.settle(folder, plan)
        done, tally = done_before(folder, planned.count)
        direct, through_inspect = array("I"), array("I")
        for position, trial_id in enumerate(planfile.trial_ids(folder)):
            if trial_id not in done:
                model = plan.cells[position % len(plan.cells)].model
                (direct if _is_direct(model, design, engine) else through_inspect).append(position)
        del done
        finished = sum(tally.values())
        watch.begin(plan.per_model(), tally)
        errors: tuple[str, ...] = ()
        with Interrupt(watch.stopping) as interrupt:
            if direct:
                workers = min(engine.workers or cores(), len(direct))
                with Pool(plan.design, workers) as pool:
                    finished += _direct(pool, direct, store, watch, interrupt)
            if through_inspect and not interrupt.asked:
                from duress.study.through_inspect import play

                more, errors = play(plan, through_inspect, store, engine.options, watch, interrupt)
                finished += more
        # Imported here: the table library takes longer to load than a small run.
        from duress.study.compact import compact

        compact(folder)
    return State(folder, planned.count, finished, interrupt.asked, errors)


def _is_direct(model: str, design: Design, engine: Engine) -> bool:
    alone = design.judge == RULES and not design.settings.get("counterpart")
    return model.startswith(REFERENCE) and engine.name == "direct" and alone


def _in_blocks(plan: Plan, folder: Path, engine: Engine, watch: Watch) -> State:
    """Run a study block by block, until every comparison is decided or nothing more may be released."""
    design, cells = plan.design, plan.cells
    errors: tuple[str, ...] = ()
    with Store(folder) as store, ExitStack() as stack:
        planfile.settle(folder, plan)
        release = Release(design, [cell.to_json() for cell in cells])
        tally: Tally = Counter()
        for row in acknowledged(folder):
            release.add(row)
            tally[row["model"], row["outcome"]] += 1
        block = release.advance()
        if not sum(release.released):
            raise UsageError(
                f"nothing to run: one trial in each of {len(cells)} cells is more than the budget allows"
            )
        watch.begin(release.per_model(), tally)
        interrupt = stack.enter_context(Interrupt(watch.stopping))
        pool: Pool | None = None
        finished = tally.total()

        def take(row: dict[str, Any]) -> None:
            nonlocal finished
            release.add(row)
            finished += 1

        while block and not interrupt.asked:
            watch.released(release.per_model(), release.open_cells, len(cells))
            direct, asked = array("I"), array("I")
            for cell, index in block:
                here = _is_direct(cells[cell].model, design, engine)
                (direct if here else asked).append(index * len(cells) + cell)
            if direct:
                if pool is None:
                    # Kept from block to block: to start a process takes longer than most blocks.
                    pool = stack.enter_context(Pool(design, engine.workers or cores()))
                _direct(pool, direct, store, watch, interrupt, take)
            if asked and not interrupt.asked:
                from duress.study.through_inspect import play

                _, errors = play(plan, asked, store, engine.options, watch, interrupt, take)
            before, block = block, release.advance()
            if set(block) & set(before):
                # Some could not be had: nothing may be looked at without them.
                break
        from duress.study.compact import compact

        compact(folder)
    return State(folder, sum(release.released), finished, interrupt.asked, errors)


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
    pool: Pool,
    positions: array[int],
    store: Store,
    watch: Watch,
    interrupt: Interrupt,
    take: Callable[[dict[str, Any]], None] | None = None,
) -> int:
    # Small runs are cut finer, so that every worker gets a share.
    size = max(1, min(CHUNK, len(positions) // (pool.workers * 4)))
    finished = 0
    for batches in pool.play(positions, size):
        if batches:
            store.append_frames([(batch.rows, batch.packed) for batch in batches])
            tally: Tally = Counter()
            for batch in batches:
                tally.update(batch.tally)
                if take is not None:
                    for row in batch.rows:
                        take(orjson.loads(row))
            finished += tally.total()
            watch.advance(tally)
        if interrupt.asked:
            break
    return finished
