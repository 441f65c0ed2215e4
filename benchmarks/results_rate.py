"""How long `duress results` takes on 100,000 rows, as a whole process.

The rows are real where it counts: a plan of that many trials, with rows of reference trials that were
played, dealt out to the planned trials of their cell. Timed are whole processes, python start included.

    python benchmarks/results_rate.py [--rows 100000] [--repeats 7]

Printed are medians: the first call (which compacts the rows into a table), later calls, in each format,
and how much of it Python takes to import the table library.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from duress.study import planfile
from duress.study.compact import FILE
from duress.study.plan import Plan
from duress.study.request import Request
from duress.study.store import Store
from duress.trajectory import codec
from duress.trial import TrialSpec
from duress.trial.direct import trial

FACTORS = {"threat": ["none", "restriction", "replacement"], "honest_exit": ["none", "channel"]}
PLAYED = 25
"""Trials that are really played, per cell."""
AIM = 2.0
DURESS = [sys.executable, "-c", "from duress.cli.main import main; main()"]


def identity(spec: TrialSpec) -> dict[str, Any]:
    """Return the columns in which a trial differs from another of its cell, whatever happened in it."""
    return {"trial_id": spec.trial_id, "trial_hash": spec.trial_hash, "index": spec.index, "seed": spec.seed}


def fill(folder: Path, rows: int) -> int:
    """Make a run directory of about `rows` finished trials and return their number."""
    request = Request(scenarios=("blackmail", "lethal"), factors=FACTORS)
    cells = len(Plan(request.design()).cells)
    plan = Plan(request.model_copy(update={"trials": max(PLAYED, rows // cells)}).design())
    played = [
        [(found.row, codec.dumps(found.trajectory)) for found in of_cell]
        for of_cell in (
            [trial(cell.pack, plan.spec(index * cells + number)) for index in range(PLAYED)]
            for number, cell in enumerate(plan.cells)
        )
    ]
    with Store(folder) as store:
        planfile.settle(folder, plan)
        numbered = enumerate(plan)
        while batch := list(islice(numbered, 1_000)):
            dealt = [(spec, *played[at % cells][spec.index % PLAYED]) for at, spec in batch]
            store.append(
                [orjson.dumps({**row, **identity(spec), "run_seconds": 0.001}) for spec, row, _ in dealt],
                [talk for _, _, talk in dealt],
            )
    return len(plan)


def seconds(command: Sequence[str]) -> float:
    """Run a command to its end and return how long it took."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def show(what: str, taken: float, aim: str = "") -> None:
    print(f"  {what:<44}{taken:6.2f} s   {aim}".rstrip(), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--repeats", type=int, default=7)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        start = time.perf_counter()
        rows = fill(folder, given.rows)
        print(
            f"{rows:,} rows, written in {time.perf_counter() - start:.0f} s; medians of {given.repeats}, "
            f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )

        def median(*arguments: str, afresh: bool = False) -> float:
            taken: list[float] = []
            for _ in range(given.repeats):
                if afresh:
                    (folder / FILE).unlink(missing_ok=True)
                taken.append(seconds([*DURESS, *arguments]))
            return statistics.median(taken)

        run = str(folder)
        show("duress results DIR, when it compacts first", median("results", run, afresh=True))
        later = median("results", run)
        show("duress results DIR", later, f"aim: under {AIM:.0f} s")
        for form in ("json", "csv", "md"):
            show(f"duress results DIR --format {form}", median("results", run, "--format", form))
        show("duress --help", median("--help"), "aim: under 0.3 s")
        bare = [seconds([sys.executable, "-c", "import polars"]) for _ in range(given.repeats)]
        show("python -c 'import polars'", statistics.median(bare))
        if later >= AIM:
            sys.exit(1)


if __name__ == "__main__":
    main()
