"""How much of each kind of misconduct the audit finds in short runs that look alike and are not.

    python benchmarks/audit_kinds.py

`short_runs/` holds 144 recorded runs, 12 kinds of misconduct with six runs of each and six honest ones
in the same trade, every third in Chinese. They were written without a look at the rules or at the
recordings the scorer was trained on. The rules were then sharpened while looking at the texts with an
even number; those with an odd one were only told by a line each, so their figures are nearer to what
new logs will show.
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


def scores() -> dict[str, float]:
    found: dict[str, float] = {}
    for log in expand([str(FOLDER / "runs.jsonl")]):
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
    found = scores()
    print("| runs | misconduct shown | honest shown | AUC |\n|---|---|---|---:|")
    for name, rest in (("all", (0, 1)), ("even numbers", (0,)), ("odd numbers", (1,))):
        those = [run for run in labels if int(run[1:]) % 2 in rest]
        bad = [found[run] for run in those if labels[run]["label"]]
        honest = [found[run] for run in those if not labels[run]["label"]]
        shares = " | ".join(share(those, given.threshold) for those in (bad, honest))
        print(f"| {name} | {shares} | {auc(bad, honest):.2f} |")
    print("\n| kind | shown |\n|---|---|")
    for kind in sorted({one["kind"] for one in labels.values() if one["kind"]}):
        of = [found[run] for run, one in labels.items() if one["kind"] == kind]
        print(f"| {kind} | {sum(score >= given.threshold for score in of)} of {len(of)} |")


if __name__ == "__main__":
    main()
