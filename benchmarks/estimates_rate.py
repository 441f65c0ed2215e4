"""How long `duress estimate` takes on a million trials, and how much memory, as a whole process.

The table has the columns of a real run, made from rows of reference trials that were played, dealt out
to the cells of a plan; each draw has its own names and paraphrases, as a run has. Seconds are of the
processor (user and system) as well as of the clock; memory is the largest resident size of the process.

    python benchmarks/estimates_rate.py [--rows 1000000] [--quick] [--json FILE]

Exit status 1 if it takes 30 s of the clock or 2 GB, or more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from duress.study.compact import FILE, STAMP
from duress.study.plan import Plan
from duress.study.request import Request
from duress.trial.direct import trial

SCENARIOS = ("blackmail", "espionage", "lethal")
FACTORS = {"threat": ["none", "restriction", "replacement"], "honest_exit": ["none", "channel"]}
PLAYED = 8
"""Trials that are really played, per cell."""
SECONDS, BYTES = 30.0, 2e9
DURESS = "from duress.cli.main import main; main()"


def fill(folder: Path, rows: int) -> int:
    """Make a run directory that holds about `rows` finished trials and return their number."""
    request = Request(scenarios=SCENARIOS, factors=FACTORS)
    cells = len(Plan(request.design()).cells)
    trials = max(PLAYED, rows // cells)
    plan = Plan(request.model_copy(update={"trials": trials}).design())
    random = np.random.default_rng(1)
    index = np.arange(trials)
    parts: list[pl.DataFrame] = []
    for number, cell in enumerate(plan.cells):
        played = pl.DataFrame(
            [trial(cell.pack, plan.spec(n * cells + number)).row for n in range(PLAYED)],
            infer_schema_length=None,
        )
        dealt = played[random.integers(0, PLAYED, trials)]
        name = pl.Series("n", index).cast(pl.String)
        parts.append(
            dealt.with_columns(
                pl.Series("index", index),
                (pl.col("trial_id").str.slice(0, 20) + "-" + name),
                (pl.col("nuisance_names") + ", " + name).alias("nuisance_names"),
                (pl.col("nuisance_paraphrase") + " n:" + name).alias("nuisance_paraphrase"),
            )
        )
    folder.mkdir()
    table = pl.concat(parts, how="diagonal_relaxed")
    table.write_parquet(folder / FILE, row_group_size=10_000, metadata={STAMP: "{}"})
    data = {
        "schema": 1,
        "hash": "0" * 64,
        "duress": "benchmark",
        "design": plan.design.model_dump(),
        "cells": [cell.to_json() for cell in plan.cells],
        "trials": table.height,
    }
    (folder / "plan.json").write_bytes(orjson.dumps(data))
    return table.height


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--quick", action="store_true", help="20,000 rows")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        rows = fill(folder, 20_000 if given.quick else given.rows)
        size = (folder / FILE).stat().st_size
        print(f"{rows:,} rows, {size / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        command = [
            sys.executable,
            "-c",
            DURESS,
            "estimate",
            str(folder),
            "--format",
            "json",
            "--margin",
            "0.05",
        ]
        subprocess.run(
            [*command, "--interaction", "threat:honest_exit"], stdout=subprocess.DEVNULL, check=True
        )
        taken = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Linux counts in KiB. No child before this one was larger: there was none.
    peak = after.ru_maxrss * 1024
    print(
        f"duress estimate: {taken:.1f} s by the clock, {busy:.1f} s of processor, {peak / 1e9:.2f} GB at most"
    )
    print(f"aim: under {SECONDS:.0f} s and {BYTES / 1e9:.0f} GB")
    if given.json:
        told = {"rows": rows, "seconds": taken, "processor_seconds": busy, "peak_bytes": peak}
        given.json.write_text(json.dumps(told, indent=2))
    if taken >= SECONDS or peak >= BYTES:
        sys.exit(1)


if __name__ == "__main__":
    main()
