"""What the plan of a study makes of its figures: planned or exploratory, decided or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from duress.report.results import Cell, Comparison, Effect
from duress.study.design import Design
from duress.study.intent import FIXED, Contrast, Stopping
from duress.study.planfile import PlanFile
from duress.study.release import COSTS, TOKENS, Outlook, Release

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = ("scenario", "lang", "model", "arm", "condition", "index", "outcome")
_SPENT = (*COSTS, *TOKENS)


def released(plan: PlanFile, rows: pl.DataFrame) -> Release | None:
    """Return the release of a run as its rows leave it; None for a run without a question or blocks.

    `rows` has what tells a trial, its outcome, and what it took where that is known.
    """
    design = plan.design
    if not design.staged and design.primary is None and not design.secondary:
        return None
    release = Release(design, plan.cells)
    names = [name for name in (*_COLUMNS, *_SPENT) if name in rows.columns]
    for row in rows.select(names).iter_rows(named=True) if rows.height else ():
        release.add(row)
    release.advance()
    return release


def given(plan: PlanFile, release: Release | None) -> int | Sequence[int]:
    """Return how many trials each cell was given: one number for all, or what was released to each."""
    return release.given if release else plan.design.trials


def cells(found: Sequence[Cell], design: Design, frozen: bool) -> tuple[Cell, ...]:
    """Return the cells, each marked as planned if a frozen plan asks about its rate."""
    asked = frozen and any(one.question == "rate" for one in _contrasts(design))
    return tuple(one.model_copy(update={"standing": "planned"}) if asked else one for one in found)


def effects(found: Iterable[Effect], design: Design, frozen: bool) -> tuple[Effect, ...]:
    """Return the effects, each marked as planned if a frozen plan names it."""
    named = {(one.factor, one.level, one.against) for one in _contrasts(design)} if frozen else set[Any]()
    return tuple(
        one.model_copy(update={"standing": "planned"})
        if (one.factor, one.level, one.reference) in named
        else one
        for one in found
    )


def comparisons(design: Design, release: Release, frozen: bool) -> tuple[Comparison, ...]:
    """Return every planned comparison as the looks left it, in the order of the plan."""
    return tuple(_comparison(one, design, frozen) for one in release.outlooks())


def _contrasts(design: Design) -> tuple[Contrast, ...]:
    return (*((design.primary,) if design.primary else ()), *design.secondary)


def _comparison(one: Outlook, design: Design, frozen: bool) -> Comparison:
    compared, contrast = one.compared, one.compared.contrast
    stopping = design.stopping or Stopping.model_validate({"method": FIXED})
    figures: Mapping[str, float | None] = (
        {name: round(getattr(one.estimate, name), 6) + 0.0 for name in ("value", "low", "high")}
        if one.estimate
        else dict.fromkeys(("value", "low", "high"))
    )
    return Comparison(
        standing="planned" if frozen else "exploratory",
        primary=compared.primary,
        question=contrast.question if contrast else "precision",
        contrast=str(contrast) if contrast else "rate",
        scenario=compared.scenario,
        lang=compared.lang,
        model=compared.model,
        arm=compared.arm,
        condition=compared.condition,
        decision=one.decision,
        direction=None if one.above is None else "above" if one.above else "below",
        open=one.open,
        **figures,
        confidence=None if one.confidence is None else round(one.confidence, 6),
        method=stopping.method,
        p=None if one.p is None else float(f"{one.p:.6g}"),
        level=None if one.level is None else float(f"{one.level:.6g}"),
        n=one.n,
        trials=one.trials,
        most=design.trials * len(compared.cells),
        look=one.look,
    )
