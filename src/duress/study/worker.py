"""A worker process: gets positions of a plan, plays those trials, answers with encoded bytes.

It ends when its socket closes, so that it never outlives the process that owns the run, however that
one died.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter

import orjson

from duress.study import frame
from duress.study.design import Design
from duress.study.plan import Plan
from duress.trajectory import codec
from duress.trial import direct


@dataclass(frozen=True, slots=True)
class Batch:
    """Finished trials as they go to disk."""

    rows: list[bytes]
    packed: bytes
    """The trajectories of `rows`, in one frame."""
    tally: Counter[tuple[str, str]]
    """Number of trials by (model, outcome)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A trial that could not be played at all: wrong pack, or an error of ours."""

    trial_id: str
    message: str


def play(plan: Plan, positions: list[int]) -> Batch | Fault:
    """Play the trials at these positions of the plan."""
    rows: list[bytes] = []
    trajectories: list[bytes] = []
    tally: Counter[tuple[str, str]] = Counter()
    cells = plan.cells
    for position in positions:
        spec = plan.spec(position)
        started = perf_counter()
        try:
            finished = direct.trial(cells[position % len(cells)].pack, spec, plan.policies)
        except Exception as error:
            return Fault(spec.trial_id, f"{type(error).__name__}: {error}")
        rows.append(orjson.dumps({**finished.row, "run_seconds": perf_counter() - started}))
        trajectories.append(codec.dumps(finished.trajectory))
        tally[spec.model, finished.row["outcome"]] += 1
    return Batch(rows, frame.pack(trajectories), tally)


def serve(connection: Connection) -> None:
    """Answer lists of positions until the other side is gone; the first message is the design."""
    try:
        plan = Plan(Design.model_validate_json(connection.recv_bytes()))
        # A trial leaves no cycles behind; looking for them all the time costs a tenth of the rate.
        gc.set_threshold(50_000, 20, 20)
        while True:
            connection.send(play(plan, connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def main() -> None:
    """Serve the socket whose number is the first argument."""
    serve(Connection(int(sys.argv[1])))
