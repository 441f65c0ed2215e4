"""Two runs side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from duress.report.anchors import Drift, drift
from duress.report.results import CONFIDENCE, Cell, Results
from duress.stats import Estimate, difference

METHOD = "newcombe-hybrid-score"
_AXES = ("scenario", "lang", "model", "condition", "arm")


@dataclass(frozen=True, slots=True)
class Change:
    """The same cell in both runs."""

    before: Cell
    after: Cell
    difference: Estimate
    """Harmful rate after minus before, as shares, with Newcombe's interval."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs have in common, and what only one of them has."""

    changes: tuple[Change, ...]
    only_before: tuple[Cell, ...]
    only_after: tuple[Cell, ...]
    differs: dict[str, tuple[str, str]]
    """What differs between all cells of one run and all of the other (a model, a language): cells
    are matched without it."""
    drift: tuple[Drift, ...] = ()
    """How the anchors that both have changed."""

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain values; differences in percentage points."""
        return {
            "method": METHOD,
            "confidence": CONFIDENCE,
            "differs": {name: list(pair) for name, pair in self.differs.items()},
            "cells": [
                {
                    **dict(zip(_AXES, change.after.key, strict=True)),
                    "before": change.before.harmful.model_dump(mode="json"),
                    "after": change.after.harmful.model_dump(mode="json"),
                    "points": round(100 * change.difference.value, 4) + 0.0,
                    "low": round(100 * change.difference.low, 4) + 0.0,
                    "high": round(100 * change.difference.high, 4) + 0.0,
                }
                for change in self.changes
            ],
            "anchors": [drift.to_json() for drift in self.drift],
            "only_before": [list(cell.key) for cell in self.only_before],
            "only_after": [list(cell.key) for cell in self.only_after],
        }


def compare(before: Results, after: Results) -> Comparison:
    """Match the cells of two runs and return how each harmful rate changed.

    Cells match when scenario, language, model, condition and arm are equal. Where each run has a single
    model (or scenario, language, condition, arm) and they differ, that is what is being compared, and
    the others decide the match.
    """
    differs: dict[str, tuple[str, str]] = {}
    for position, axis in enumerate(_AXES):
        here = {cell.key[position] for cell in before.cells}
        there = {cell.key[position] for cell in after.cells}
        if len(here) == len(there) == 1 and here != there:
            differs[axis] = (here.pop(), there.pop())
    kept = [n for n, axis in enumerate(_AXES) if axis not in differs]
    ours = {tuple(cell.key[n] for n in kept): cell for cell in before.cells}
    theirs = {tuple(cell.key[n] for n in kept): cell for cell in after.cells}
    return Comparison(
        changes=tuple(_change(ours[key], cell) for key, cell in theirs.items() if key in ours),
        only_before=tuple(cell for key, cell in ours.items() if key not in theirs),
        only_after=tuple(cell for key, cell in theirs.items() if key not in ours),
        differs=differs,
        drift=tuple(drift(before, after)),
    )


def _change(before: Cell, after: Cell) -> Change:
    return Change(
        before=before,
        after=after,
        difference=difference(
            after.harmful.count,
            after.planned,
            before.harmful.count,
            before.planned,
            CONFIDENCE,
        ),
    )
