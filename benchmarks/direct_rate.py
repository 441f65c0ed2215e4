"""Whole trials per second without Inspect, and what Inspect makes of the same trials.

Each line is one `duress run` process tree: worlds built, tools called, outcomes and evidence decided,
rows and trajectories written and compacted. Start-up is taken out with a run of one trial per cell. The
rate per processor second counts all processes of the run; it holds on a machine that others use too, where
the rate by the wall clock does not. The peak is that of the largest process. Last comes where the time of a
direct trial goes.

    python benchmarks/direct_rate.py [--trials 3600] [--more 36000] [--inspect 720] [--repeat 3]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import process_time_ns
from typing import ParamSpec, TypeVar

import orjson

from duress.judge import oracle, rules
from duress.reference import subject
from duress.study import frame
from duress.study.plan import Plan
from duress.study.pool import CHUNK
from duress.study.request import Request
from duress.trajectory import codec
from duress.trial import direct
from duress.trial.row import row
from duress.world import World

P = ParamSpec("P")
T = TypeVar("T")

DURESS = [sys.executable, "-c", "from duress.cli.main import main; main()"]
CELLS = 6 * 3


def run(trials: int, workers: int, engine: str, folder: Path) -> tuple[float, float, float]:
    """Run `trials` per cell; return (wall seconds, processor seconds, MB of the largest process)."""
    out = folder / f"{engine}-{workers}-{trials}"
    shutil.rmtree(out, ignore_errors=True)
    command = [*DURESS, "run", "--trials", str(trials), "--out", str(out), "--format", "json"]
    command += ["--engine", engine, "--workers", str(workers)]
    began = os.times().elapsed
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = os.times().elapsed - began
    if status:
        told = process.stderr.read().decode() if process.stderr else ""
        raise SystemExit(f"{' '.join(command)} failed:\n{told}")
    shutil.rmtree(out)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def rate(name: str, per_cell: int, workers: int, engine: str, folder: Path, repeat: int) -> float:
    """Print one line and return the median rate per processor second."""
    by_wall: list[float] = []
    by_processor: list[float] = []
    peak = 0.0
    for _ in range(repeat):
        start, start_processor, _ = run(1, workers, engine, folder)
        wall, processor, peak = run(per_cell, workers, engine, folder)
        by_wall.append((per_cell - 1) * CELLS / (wall - start))
        by_processor.append((per_cell - 1) * CELLS / (processor - start_processor))
    wall, processor = statistics.median(by_wall), statistics.median(by_processor)
    print(
        f"{name:<24}{per_cell * CELLS:>9}{workers:>9}{wall:>11.0f}{wall / workers:>10.0f}"
        f"{processor:>17.0f}{peak:>10.0f}   [{min(by_processor):.0f}, {max(by_processor):.0f}]",
        flush=True,
    )
    return processor


class Stopwatch:
    """Adds up processor time by part."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        """Nanoseconds."""

    def __call__(self, part: str, act: Callable[P, T]) -> Callable[P, T]:
        """Return a function that does the same and books its time to a part."""

        def timed(*given: P.args, **named: P.kwargs) -> T:
            began = process_time_ns()
            try:
                return act(*given, **named)
            finally:
                self.spent[part] += process_time_ns() - began

        return timed


def where(per_cell: int) -> None:
    """Print what share of a worker's time each part of a trial takes.

    The watch itself takes time, so that the sum is somewhat more than a trial without it.
    """
    plan = Plan(Request.from_options({"trials": per_cell}).design())
    warm = CELLS * min(per_cell // 10, 20)  # what is read once per process
    watch = Stopwatch()
    packing: list[bytes] = []
    for position in range(len(plan)):
        if position == warm:
            watch.spent.clear()
        spec = watch("spec", plan.spec)(position)
        pack = plan.cells[position % len(plan.cells)].pack
        world = watch("world built", World.build)(pack, spec)
        agent = subject(spec.model.removeprefix("reference/"), pack, spec.seed)
        world.call = watch("tools", world.call)
        trajectory = watch("run", direct.run)(world, spec, watch("reference agent", agent))
        asked = watch("oracle", oracle.questions)(world, trajectory)
        answers = watch("rule reader", rules.answer)(asked)
        verdict = watch("oracle", oracle.verdict)(world, trajectory, answers, rules.NAME, asked)
        seen = watch("awareness", direct.see)(world, trajectory, verdict)
        flat = watch("row", row)(spec, world, trajectory, verdict, seen, {"run_engine": "direct"})
        watch("row", orjson.dumps)(flat)
        packing.append(watch("trajectory encoded", codec.dumps)(trajectory))
        if len(packing) == CHUNK:
            watch("trajectory compressed", frame.pack)(packing)
            packing.clear()
    spent = watch.spent
    spent["loop"] = spent.pop("run") - spent["tools"] - spent["reference agent"]
    total = spent.total()
    print(f"\n{'where a trial goes':<24}{'ms':>9}{'share':>9}")
    for part, nanoseconds in spent.most_common():
        print(f"{part:<24}{nanoseconds / 1e6 / (len(plan) - warm):>9.3f}{nanoseconds / total:>9.0%}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--trials", type=int, default=3600, help="all in all, for the short direct runs")
    options.add_argument("--more", type=int, default=36000, help="all in all, for the long direct run")
    options.add_argument("--inspect", type=int, default=720, help="all in all, through Inspect")
    options.add_argument("--repeat", type=int, default=3)
    given = options.parse_args()
    cores = os.cpu_count() or 1
    print(
        f"{'':<24}{'trials':>9}{'workers':>9}{'trials/s':>11}{'per core':>10}{'per processor s':>17}"
        f"{'peak MB':>10}   [min, max]"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = max(2, given.trials // CELLS)
        direct = rate("direct", short, 1, "direct", folder, given.repeat)
        rate(f"direct, {cores} processes", short, cores, "direct", folder, given.repeat)
        if given.more:
            rate("direct, long", max(2, given.more // CELLS), cores, "direct", folder, 1)
        if given.inspect:
            inspect = rate(
                "through Inspect", max(2, given.inspect // CELLS), 1, "inspect", folder, given.repeat
            )
            print(f"direct / Inspect, per processor second: {direct / inspect:.1f}")
    where(short)


if __name__ == "__main__":
    main()
