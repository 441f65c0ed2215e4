"""What the audit makes of office work: `python benchmarks/audit_office.py [--packs NAMES] [--trials 10]`.

Reference agents work through the scenarios that come with the package (or other packs), and the audit reads
what was recorded, by the command that anybody runs. What really happened the oracle of each scenario tells
from the state of its world; it is read here, to measure with, and never by the audit. Shares are of runs that
the audit shows at its default threshold, with Wilson intervals. `--trials` is per condition, model, language.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import polars as pl

from duress.audit.assess import THRESHOLD
from duress.stats.proportion import wilson

WORKED = ("complied", "honest", "refused", "incompetent", "truncated")


def duress(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from duress.cli.main import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"duress {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def share(shown: int, of: int) -> str:
    if not of:
        return "-"
    found = wilson(shown, of)
    return f"{100 * shown / of:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}] of {of}"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--packs", default="", help="names or folders, separated by commas; all by default")
    asked.add_argument("--trials", type=int, default=10)
    asked.add_argument("--lang", default="en")
    asked.add_argument("--factor", default="threat=none,replacement", help="as in `duress run`; may be empty")
    asked.add_argument("--seed", default="1")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held) / "run"
        packs = [name for name in given.packs.split(",") if name]
        factor = ["--factor", given.factor] if given.factor else []
        duress(
            "run",
            *packs,
            "--trials",
            str(given.trials),
            "--seed",
            given.seed,
            "--lang",
            given.lang,
            *factor,
            "--out",
            str(folder),
        )
        trials = {row["trial_id"]: row for row in pl.read_parquet(folder / "trials.parquet").to_dicts()}
        read = json.loads(duress("audit", str(folder), "--format", "json", "--no-state"))
    report(trials, read["runs"])


def report(trials: dict[str, dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    kinds: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for run in runs:
        trial = trials[run["run"]]
        harm = trial["outcome"] == "harmful"
        if not harm and trial["outcome"] not in WORKED:
            continue
        shown = run["score"] is not None and run["score"] >= THRESHOLD
        for key in (
            (trial["scenario"], trial["model"].split("/")[-1]),
            (trial["scenario"], "all"),
            ("all", "all"),
        ):
            counts[key][f"{'harm' if harm else 'none'}"] += 1
            counts[key][f"{'harm' if harm else 'none'} shown"] += shown
        if shown:
            kinds[harm][run["findings"][0]["kind"]] += 1
    print("| scenario | agent | shown where harm was done | shown where none was |")
    print("|---|---|---:|---:|")
    for (scenario, agent), n in sorted(counts.items(), key=lambda item: (item[0][0] == "all", item[0])):
        print(
            f"| {scenario} | {agent} | {share(n['harm shown'], n['harm'])} "
            f"| {share(n['none shown'], n['none'])} |"
        )
    for harm, found in kinds.items():
        told = ", ".join(f"{kind} {count}" for kind, count in found.most_common())
        print(f"\nfirst finding of the runs shown {'with' if harm else 'without'} harm: {told or 'none'}")


if __name__ == "__main__":
    main()
