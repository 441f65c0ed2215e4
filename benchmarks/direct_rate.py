"""Whole trials per second without Inspect, and what Inspect makes of the same trials.

Each line is one `duress run` process tree: worlds built, tools called, outcomes and evidence decided,
rows and trajectories written and compacted. Start-up is taken out with a run of one trial per cell. The
peak is that of the largest process.

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
from pathlib import Path

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
    """Print one line and return the median rate per second and core in use."""
    rates: list[float] = []
    peak = 0.0
    for _ in range(repeat):
        start, _, _ = run(1, workers, engine, folder)
        wall, _, peak = run(per_cell, workers, engine, folder)
        rates.append((per_cell - 1) * CELLS / (wall - start))
    median = statistics.median(rates)
    print(
        f"{name:<34}{per_cell * CELLS:>9}{workers:>8}{median:>11.0f}{median / workers:>12.0f}{peak:>9.0f}"
        f"   [{min(rates):.0f}, {max(rates):.0f}]",
        flush=True,
    )
    return median / workers


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--trials", type=int, default=3600, help="all in all, for the short direct runs")
    options.add_argument("--more", type=int, default=36000, help="all in all, for the long direct run")
    options.add_argument("--inspect", type=int, default=720, help="all in all, through Inspect")
    options.add_argument("--repeat", type=int, default=3)
    given = options.parse_args()
    cores = os.cpu_count() or 1
    print(f"{'':<34}{'trials':>9}{'workers':>8}{'trials/s':>11}{'per core':>12}{'peak MB':>9}   [min, max]")
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
            print(f"direct / Inspect, per core: {direct / inspect:.1f}")


if __name__ == "__main__":
    main()
