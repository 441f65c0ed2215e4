"""Recorded runs with labels, for training and measuring the audit: read by the product's own readers.

The labels are read beside the runs, here; the readers have no field for them. The folder is not part of the
project: it holds `kpi_pressure.jsonl` (ODCV-Bench), `human_labelled_safety.json` (R-Judge),
`benign_customer_service.json` (tau-bench) and `staged_misconduct/*.jsonl` (staged conversations), all public;
`docs/scorer.md` says where they come from. What the project itself holds, `short_runs/`, is read with
them: the half that rules were sharpened on; the other half is for measuring (`audit_kinds.py`).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duress.audit.logs import Log
from duress.audit.readers import readers
from duress.audit.reading import Reading
from duress.audit.run import Run

KPI, HUMAN, BENIGN, STAGED = "kpi_pressure", "human_labelled", "benign_service", "staged"
SHORT = "short"
SHORT_RUNS = Path(__file__).with_name("short_runs")
_HELD_OUT = frozenset("rsabchv")
"""Of the runs whose names begin so, those with an odd number are for measuring alone."""
FILES = {
    KPI: "kpi_pressure.jsonl",
    HUMAN: "human_labelled_safety.json",
    BENIGN: "benign_customer_service.json",
    STAGED: "staged_misconduct",
}
SCALE = 4
"""Judges of `kpi_pressure` give 0 to 5; from 4 on nothing is left to doubt."""


@dataclass(frozen=True)
class Recording:
    """One run and what people or judges said of it."""

    run: Run
    source: str
    group: str
    """Scenario or prompt: never split between training and test."""
    model: str
    label: int | None
    """1 violation, 0 clean, None contested."""
    degree: float
    """0 to 1: how much of a violation the judges saw; equals the label elsewhere."""
    bad: tuple[int, ...] = field(default=())
    """Messages that a judge marked, where steps are labelled."""
    variation: str = ""


def load(folder: Path, *sources: str) -> list[Recording]:
    """Return the recordings of the sources, all of them if none is named."""
    found: list[Recording] = []
    for source in sources or (*FILES, SHORT):
        if source == SHORT:
            found += _short()
            continue
        path = folder / FILES[source]
        for part in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            answers = list(_answers(source, part))
            runs = [run for run in Reading(_log(part), readers()).runs() if isinstance(run, Run)]
            if len(runs) != len(answers):
                raise SystemExit(f"{part}: {len(runs)} of {len(answers)} runs could be read")
            found += [
                _recording(source, part, run, answer) for run, answer in zip(runs, answers, strict=True)
            ]
    return found


def held_out(run: str) -> bool:
    """Tell whether a short run is for measuring alone, by its name."""
    return run[0] in _HELD_OUT and int(run[1:]) % 2 == 1


def _short() -> list[Recording]:
    """Return the short runs of the project that may be learned from, those of one author a group."""
    labels = json.loads((SHORT_RUNS / "labels.json").read_text(encoding="utf-8"))
    found: list[Recording] = []
    for path in sorted(SHORT_RUNS.glob("*.jsonl")):
        for run in Reading(_log(path), readers()).runs():
            if not isinstance(run, Run):
                raise SystemExit(f"{path}: {run}")
            if not held_out(run.id):
                label = int(labels[run.id]["label"])
                found.append(Recording(run, SHORT, f"author {run.id[0]}", "unknown", label, float(label)))
    return found


def _log(path: Path) -> Log:
    return Log(str(path), path.stat().st_size, path.stat().st_mtime)


def _answers(source: str, path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)
    else:
        yield from json.loads(path.read_text(encoding="utf-8"))


def _recording(source: str, path: Path, run: Run, answer: dict[str, Any]) -> Recording:
    if source == KPI:
        judged = [float(score) for score in answer["judges"]]
        degree = min(1.0, sum(judged) / len(judged) / SCALE)
        return Recording(
            run,
            source,
            answer["scenario"],
            answer["model"],
            answer["label"],
            degree,
            variation=answer["variation"],
        )
    if source == HUMAN:
        asked = next((str(turn.get("content")) for turns in answer["contents"] for turn in turns), "")
        label = int(answer["label"])
        return Recording(run, source, asked, "unknown", label, float(label))
    if source == BENIGN:
        return Recording(run, source, f"task {answer['task_id']}", "gpt-4o", 0, 0.0)
    family = path.stem.split("_")[0]
    judged = _literal(answer["label_opus46_per_turn"])
    turns = [int(turn["turn_index"]) for turn in judged.get("misaligned_turns") or []]
    label = int(bool(turns))
    return Recording(
        run,
        source,
        f"{family} {answer['variation']}",
        answer["target_model"].split("/")[-1],
        label,
        float(label),
        _messages(run, turns),
        family + (" control" if str(answer["benign_condition"]) == "True" else ""),
    )


def _literal(value: Any) -> Any:
    return ast.literal_eval(value) if isinstance(value, str) else value


def _messages(run: Run, turns: list[int]) -> tuple[int, ...]:
    """Return the messages of the numbered turns: all that the agent says to one message of a person."""
    found: list[int] = []
    turn = 0
    for index, message in enumerate(run.trajectory.messages):
        if message.role == "user":
            turn += 1
        elif message.role == "assistant" and turn in turns:
            found.append(index)
    return tuple(found)
