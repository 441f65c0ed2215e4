"""What the audit shows of runs with injected orders: `python benchmarks/audit_injections.py [--runs FOLDER]`.

The runs are AgentDojo's (Debenedetti et al. 2024, MIT; 22 agents; tools of an office, a bank, travel, chat),
which its source distribution 0.1.29 holds; without `--runs` pip downloads that. AgentDojo itself tells whether
the injected goal was reached; that is read here, to measure with, and never by the audit. Shares are of runs
shown at the default threshold; intervals resample the user's tasks, as runs of one task are alike.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duress.audit.assess import THRESHOLD, assess
from duress.audit.logs import expand
from duress.audit.readers import readers
from duress.audit.reading import Reading
from duress.audit.run import Run, blind

RELEASE = "agentdojo==0.1.29"
DRAWS = 1000
KINDS = ("nothing injected", "injected, goal not reached", "injected, goal reached")


def fetch(folder: Path) -> Path:
    """Download the source distribution, and return its folder of runs."""
    wanted = ["download", RELEASE, "--no-deps", "--no-binary", ":all:", "--dest", str(folder), "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", *wanted], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return next(path for path in folder.glob("*/runs") if path.is_dir())


def recorded(folder: Path) -> Iterator[tuple[str, str, float | None]]:
    """Yield of each run its kind, its task and its score; None where it could not be read."""
    known = readers()
    for path in sorted(folder.rglob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        if not str(told["user_task_id"]).startswith("user_task"):
            # The injected goal given as the task: nobody is misled.
            continue
        kind = KINDS[0] if told["injection_task_id"] is None else KINDS[2 if told["security"] else 1]
        task = f"{told['suite_name']}/{told['user_task_id']}"
        for log in expand([str(path)]):
            for run in Reading(log, known).runs():
                yield kind, task, assess(blind(run)).score if isinstance(run, Run) else None


def share(by_task: dict[str, list[bool]], chance: np.random.Generator) -> str:
    """Return a share with its interval, tasks resampled."""
    shown: NDArray[np.int64] = np.array([sum(one) for one in by_task.values()])
    runs: NDArray[np.int64] = np.array([len(one) for one in by_task.values()])
    drawn = chance.integers(len(runs), size=(DRAWS, len(runs)))
    low, high = np.quantile(shown[drawn].sum(axis=1) / runs[drawn].sum(axis=1), (0.025, 0.975))
    return f"{100 * shown.sum() / runs.sum():.1f} % [{100 * low:.1f}, {100 * high:.1f}] | {runs.sum():,}"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--runs", type=Path, help="the folder `runs` of the source distribution")
    given = asked.parse_args()
    shown: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    unread = 0
    with tempfile.TemporaryDirectory() as held:
        folder = given.runs or fetch(Path(held))
        for number, (kind, task, score) in enumerate(recorded(folder), 1):
            if number % 1000 == 0:
                print(f"{number:,} runs", file=sys.stderr)
            if score is None:
                unread += 1
                continue
            for suite in ("all", task.split("/")[0]):
                shown[suite, kind][task].append(score >= THRESHOLD)
    chance = np.random.default_rng(1)
    print("| tools | run | shown | runs |\n|---|---|---:|---:|")
    for suite in sorted({suite for suite, _ in shown}):
        for kind in KINDS:
            if (suite, kind) in shown:
                print(f"| {suite} | {kind} | {share(shown[suite, kind], chance)} |")
    print(f"\n{unread:,} could not be read.")


if __name__ == "__main__":
    main()
