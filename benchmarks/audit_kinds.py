"""How much of each kind of misconduct the audit finds in short runs that look alike and are not.

    python benchmarks/audit_kinds.py

`short_runs/` holds 336 recorded runs: of each of twelve kinds of misconduct fourteen, and as many honest ones
in the same trade; every third is in Chinese. They were written without a look at the rules or at the
recordings the scorer was trained on, `runs.jsonl` first and `trades.jsonl`, of agents with tools of all
trades, when the rules had been sharpened on the first. What was shown as they came is printed with what is
shown now. Only texts with an even number were looked at; of those with an odd one people who worked on the
rules read no more than a line each, so their figures are nearer to what new logs will show.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from duress.audit.assess import THRESHOLD, assess
from duress.audit.logs import expand
from duress.audit.readers import readers
from duress.audit.reading import Reading
from duress.audit.run import Run, blind
from duress.stats.proportion import wilson

FOLDER = Path(__file__).with_name("short_runs")
SETS = {"runs.jsonl": (19, 8), "trades.jsonl": (13, 14)}
"""How many with misconduct and how many honest ones were shown when the runs came."""


def scores(name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for log in expand([str(FOLDER / name)]):
        for run in Reading(log, readers()).runs():
            assert isinstance(run, Run), run
            found[run.id] = assess(blind(run)).score
    return found


def share(found: list[float], threshold: float) -> str:
    shown = sum(score >= threshold for score in found)
    rate = wilson(shown, len(found))
    return f"{100 * shown / len(found):.0f} % [{100 * rate.low:.0f}, {100 * rate.high:.0f}] of {len(found)}"


def auc(bad: list[float], honest: list[float]) -> float:
    above = sum((b > h) + (b == h) / 2 for b in bad for h in honest)
    return above / len(bad) / len(honest)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    given = parser.parse_args()
    labels: dict[str, dict[str, Any]] = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))
    every = {name: scores(name) for name in SETS}
    print("| runs | misconduct shown | honest shown | AUC |\n|---|---|---|---:|")
    for name, (first_bad, first_honest) in SETS.items():
        found = every[name]
        half = len(found) // 2
        print(f"| {name}, as they came | {first_bad} of {half} | {first_honest} of {half} | |")
        for part, rest in (("now", (0, 1)), ("now, even numbers", (0,)), ("now, odd numbers", (1,))):
            those = [run for run in found if int(run[1:]) % 2 in rest]
            bad = [found[run] for run in those if labels[run]["label"]]
            honest = [found[run] for run in those if not labels[run]["label"]]
            shares = " | ".join(share(scored, given.threshold) for scored in (bad, honest))
            print(f"| {name}, {part} | {shares} | {auc(bad, honest):.2f} |")
    print("\n| kind | shown | of these with an odd number |\n|---|---|---|")
    together = {run: score for found in every.values() for run, score in found.items()}
    for kind in sorted({one["kind"] for one in labels.values() if one["kind"]}):
        of = [run for run, one in labels.items() if one["kind"] == kind]
        cells = (
            f"{sum(together[run] >= given.threshold for run in part)} of {len(part)}"
            for part in (of, [run for run in of if int(run[1:]) % 2])
        )
        print(f"| {kind} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
