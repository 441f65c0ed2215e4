"""Anchor cells in results, and what changed between two studies' anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from duress.report.results import CONFIDENCE, Anchor, Results
from duress.stats import Estimate, difference
from duress.study import planfile
from duress.study.anchors import FOLDER


def found(folder: Path) -> tuple[Anchor, ...]:
    """Return the anchors that were run with a study; none where it has none."""
    inside = folder / FOLDER
    if not (inside / planfile.FILE).exists():
        return ()
    from duress.report.summary import summarise
    from duress.study.compact import trials

    results = summarise(inside)
    rows = trials(inside, ["scenario", "lang", "model", "run_finished", "run_model_served"])
    # The number of anchor trials may differ between studies; the key of a design leaves it out.
    design = planfile.read(inside).design
    out: list[Anchor] = []
    for cell in results.cells:
        own = rows.filter(
            (rows["scenario"] == cell.scenario) & (rows["lang"] == cell.lang) & (rows["model"] == cell.model)
        )
        one = design.model_copy(
            update={
                "scenarios": tuple(s for s in design.scenarios if s.name == cell.scenario),
                "models": (cell.model,),
                "langs": (cell.lang,),
            }
        )
        dates = _texts(own, "run_finished")
        out.append(
            Anchor(
                scenario=cell.scenario,
                lang=cell.lang,
                model=cell.model,
                first=dates[0] if dates else None,
                last=dates[-1] if dates else None,
                served=_texts(own, "run_model_served"),
                key=one.key()[:16],
                planned=cell.planned,
                finished=cell.finished,
                harmful=cell.harmful,
            )
        )
    return tuple(out)


def _texts(rows: Any, column: str) -> tuple[str, ...]:
    if column not in rows.columns:
        return ()
    return tuple(sorted(str(one) for one in rows[column].drop_nulls().unique()))


@dataclass(frozen=True, slots=True)
class Drift:
    """The same anchor on two days."""

    before: Anchor
    after: Anchor
    difference: Estimate
    """Harmful rate after minus before, as shares, with Newcombe's interval."""
    p: float
    """Two-sided, of "the rate is the same" (Fisher's exact test)."""

    def to_json(self) -> dict[str, Any]:
        """Return the drift as plain values; the difference in percentage points."""
        return {
            "scenario": self.after.scenario,
            "lang": self.after.lang,
            "model": self.after.model,
            "before": self.before.model_dump(mode="json"),
            "after": self.after.model_dump(mode="json"),
            "points": round(100 * self.difference.value, 4) + 0.0,
            "low": round(100 * self.difference.low, 4) + 0.0,
            "high": round(100 * self.difference.high, 4) + 0.0,
            "p": float(f"{self.p:.6g}"),
        }


def drift(before: Results, after: Results) -> Sequence[Drift]:
    """Return how each anchor that both studies have has changed from one to the other.

    Anchors are the same where scenario, language, model, settings, limits and judge are.
    """
    # Loaded when it is used, and without types of its own.
    stats: Any = import_module("scipy.stats")
    theirs = {one.key: one for one in before.anchors}
    out: list[Drift] = []
    for one in after.anchors:
        old = theirs.get(one.key)
        if old is None:
            continue
        a, b = old.harmful, one.harmful
        table = [[b.count, b.planned - b.count], [a.count, a.planned - a.count]]
        p = float(stats.fisher_exact(table).pvalue)
        out.append(Drift(old, one, difference(b.count, b.planned, a.count, a.planned, CONFIDENCE), p))
    return out
