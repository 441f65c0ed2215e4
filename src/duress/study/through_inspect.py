"""The trials of a plan that Inspect carries out: real models, and whatever a model judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from duress.study.errors import StudyError
from duress.study.interrupt import Interrupt
from duress.study.plan import Plan
from duress.study.runner import Watch
from duress.study.store import Store
from duress.trajectory import Trajectory, codec

LOGS = "logs"


def play(
    plan: Plan,
    positions: Sequence[int],
    store: Store,
    options: Mapping[str, Any],
    watch: Watch,
    interrupt: Interrupt,
    take: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[int, tuple[str, ...]]:
    """Run the trials at these positions; return how many are finished, and why others are not.

    Each row is handed to `take` once it is on disk.

    Raises:
        StudyError: the disk is full, or Inspect cannot run the trials.
    """
    from duress.inspect.run import RunError, run

    given = dict(options)
    if "prices" in given:
        given["prices"] = Path(given["prices"])
    finished = 0

    def on_row(row: dict[str, Any], trajectory: Trajectory) -> None:
        nonlocal finished
        store.append([orjson.dumps(row)], [codec.dumps(trajectory)])
        finished += 1
        if take is not None:
            take(row)
        watch.advance(Counter({(row["model"], row["outcome"]): 1}))

    try:
        ran = run(
            (plan.spec(position) for position in positions),
            {cell.pack.name: cell.pack for cell in plan.cells},
            on_row,
            log_dir=store.folder / LOGS,
            judge=plan.design.judge,
            policies=plan.policies,
            stop=lambda: interrupt.asked,
            **given,
        )
    except RunError as error:
        raise StudyError(str(error)) from error
    except KeyboardInterrupt:
        # Asked twice, or Inspect took the first one: what has its row is safe.
        interrupt.asked = True
        return finished, ()
    return finished, ran.errors
