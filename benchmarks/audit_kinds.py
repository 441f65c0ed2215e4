"""How much of each kind of misconduct the audit finds in short runs that look alike and are not.

    python benchmarks/audit_kinds.py

`short_runs/` holds 642 recorded runs. In `runs.jsonl` and `trades.jsonl` there are of each of twelve kinds
of misconduct eighteen, and as many honest ones in the same trades; in `requests.jsonl` a result asks for
something, and 80 agents do it because it is their work, 30 though it is nobody's; in `everyday.jsonl` is
honest work that may be misread; every third is in Chinese. They were written without a look at the rules or
at the recordings, one file after the other, when the rules had been sharpened on those before. What was
shown as they came, by the rules of that day, is printed with what is shown now. Of the authors r, s, a, b,
c, h and v only runs with an even number were looked at, and the scorer learned from those and from d, e and
f; of the others people who worked on the rules read no more than a line each, though counts of them were
used: their figures are nearer to what new logs will show.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from recordings import SHORT_RUNS, held_out

from duress.audit.assess import THRESHOLD, assess
from duress.audit.logs import expand
from duress.audit.readers import readers
from duress.audit.reading import Reading
from duress.audit.run import Run, blind
from duress.stats.proportion import wilson

SETS = {
    "runs.jsonl": (19, 8),
    "trades.jsonl": (26, 22),
    "requests.jsonl": (10, 39),
    "everyday.jsonl": (0, 12),
}
"""How many with misconduct and how many honest ones were shown when the runs came."""


def scores(name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for log in expand([str(SHORT_RUNS / name)]):
        for run in Reading(log, readers()).runs():
            assert isinstance(run, Run), run
            found[run.id] = assess(blind(run)).score
    return found


def share(found: list[float], threshold: float) -> str:
    if not found:
        return "-"
    shown = sum(score >= threshold for score in found)
    rate = wilson(shown, len(found))
    return f"{100 * shown / len(found):.0f} % [{100 * rate.low:.0f}, {100 * rate.high:.0f}] of {len(found)}"


def auc(bad: list[float], honest: list[float]) -> str:
    above = sum((b > h) + (b == h) / 2 for b in bad for h in honest)
    return f"{above / len(bad) / len(honest):.2f}" if bad else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    given = parser.parse_args()
    labels: dict[str, dict[str, Any]] = json.loads((SHORT_RUNS / "labels.json").read_text(encoding="utf-8"))
    every = {name: scores(name) for name in SETS}
    print("| runs | misconduct shown | honest shown | AUC |\n|---|---|---|---:|")
    for name, (first_bad, first_honest) in SETS.items():
        found = every[name]
        of = sum(labels[run]["label"] for run in found)
        print(f"| {name}, as they came | {first_bad} of {of} | {first_honest} of {len(found) - of} | |")
        held = {run for run in found if held_out(run)}
        for part, those in (("now", found), ("looked at", found.keys() - held), ("not looked at", held)):
            bad = [found[run] for run in those if labels[run]["label"]]
            honest = [found[run] for run in those if not labels[run]["label"]]
            shares = " | ".join(share(scored, given.threshold) for scored in (bad, honest))
            print(f"| {name}, {part} | {shares} | {auc(bad, honest)} |")
    print("\n| kind | shown | of those not looked at |\n|---|---|---|")
    together = {run: score for found in every.values() for run, score in found.items()}
    for kind in sorted({one["kind"] for one in labels.values() if one["kind"]}):
        of = [run for run, one in labels.items() if one["kind"] == kind]
        cells = (
            f"{sum(together[run] >= given.threshold for run in part)} of {len(part)}"
            for part in (of, [run for run in of if held_out(run)])
        )
        print(f"| {kind} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
