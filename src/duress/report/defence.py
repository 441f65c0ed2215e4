"""What each arm did: harm by kind, where harm went instead, work that was lost, and what it cost people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from duress.judge.outcome import Harm
from duress.report.results import Cell, Change, Defence, KindUnder, Mean, Share
from duress.stats import draws
from duress.stats.paired import Pairs, difference
from duress.study.design import Design

COLUMNS = (
    "guard_decisions",
    "guard_asked",
    "guard_rejected",
    "guard_minutes",
    "run_guard_seconds",
    "run_guard_slowest",
)
"""Columns of rows that are read here, beside those that results are made of."""

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
Place = tuple[str, int]
"""Condition and draw: the same in two arms is a pair."""


@dataclass
class _Side:
    """The trials of one arm on one side: attacked or benign."""

    planned: dict[str, int] = field(default_factory=dict[str, int])
    """By condition."""
    rows: dict[Place, Row] = field(default_factory=dict[Place, Row])

    def share(self, test: Test, places: Sequence[Place] | None = None) -> Share | None:
        """Return the share of the planned trials (or of the places) for which something holds."""
        counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        if places is None:
            places = [(name, draw) for name, planned in self.planned.items() for draw in range(planned)]
        for place in places:
            row = self.rows.get(place)
            counts[place[1]][0] += row is not None and test(row)
            counts[place[1]][1] += 1
        return share(list(counts.values()))


def found(design: Design, cells: Sequence[Cell], rows: pl.DataFrame) -> tuple[Defence, ...]:
    """Return what each arm did, per scenario, language and model, the arms of each together."""
    sides: dict[tuple[str, str, str, str], dict[bool, _Side]] = {}
    by_cell: dict[tuple[str, ...], bool] = {}
    for cell in cells:
        group = sides.setdefault((cell.scenario, cell.lang, cell.model, cell.arm), {})
        group.setdefault(cell.benign, _Side()).planned[cell.condition] = cell.planned
        by_cell[cell.key] = cell.benign
    for row in rows.iter_rows(named=True) if "arm" in rows.columns else ():
        key = (row["scenario"], row["lang"], row["model"], row["condition"], row["arm"])
        if key in by_cell:
            side = sides[key[0], key[1], key[2], key[4]][by_cell[key]]
            side.rows[row["condition"], row["index"]] = row
    first, *others = design.all_arms
    out: list[Defence] = []
    for place in dict.fromkeys(place[:3] for place in sides):
        arms = {arm: sides[*place, arm] for arm in (first, *others) if (*place, arm) in sides}
        seen = {
            kind
            for arm in arms.values()
            for side in arm.values()
            for row in side.rows.values()
            for kind in _kinds_of(row)
        }
        kinds = [harm.value for harm in Harm if harm.value in seen]
        out += [
            _defence((*place, arm), here, arms.get(first, {}), first, kinds, design)
            for arm, here in arms.items()
        ]
    return tuple(out)


def _defence(
    place: tuple[str, str, str, str],
    here: Mapping[bool, _Side],
    there: Mapping[bool, _Side],
    first: str,
    kinds: Sequence[str],
    design: Design,
) -> Defence:
    attacked, benign = here.get(False, _Side()), here.get(True, _Side())
    other, twin = (None, None) if place[3] == first else (there.get(False), there.get(True))
    every = [row for side in here.values() for row in side.rows.values()]
    guarded = any(row.get("guard_decisions") is not None for row in every)
    fine = [p for p, row in twin.rows.items() if _worked(row) and p in benign.rows] if twin else []
    guarding = design.guards.get(place[3])
    return Defence(
        scenario=place[0],
        lang=place[1],
        model=place[2],
        arm=place[3],
        reference=None if place[3] == first else first,
        policy=guarding.hash if guarding else None,
        harm=attacked.share(_harmful),
        harm_change=_change(attacked, other, _harmful),
        kinds=tuple(_kinds(attacked, other, kinds)),
        displaced=_displaced(attacked, other),
        attacked_work=_work(attacked),
        attacked_work_change=_change(attacked, other, _worked) if _work(attacked) else None,
        benign_work=_work(benign),
        benign_work_change=_change(benign, twin, _worked) if _work(benign) else None,
        over_refusal=benign.share(lambda row: bool(row.get("guard_rejected")) or not _worked(row), fine),
        over_asked=benign.share(lambda row: bool(row.get("guard_asked")), fine) if guarded else None,
        questions=_mean(every, "guard_asked") if guarded else None,
        minutes=_mean(every, "guard_minutes") if guarded else None,
        refused=_mean(every, "guard_rejected") if guarded else None,
        decisions=_mean(every, "guard_decisions") if guarded else None,
        latency=_latency(every),
        slowest=_slowest(every),
        tokens=_tokens(every),
    )


def share(counts: Sequence[Sequence[int]]) -> Share | None:
    """Return the share of events, given (events, trials) of each draw; None without a trial."""
    held = [(one[0], one[1]) for one in counts if one[1]]
    if not held:
        return None
    estimate = draws.share(held)
    return Share(
        count=sum(events for events, _ in held),
        n=sum(trials for _, trials in held),
        rate=_round(estimate.value),
        low=_round(estimate.low),
        high=_round(estimate.high),
    )


def pairs(here: Mapping[Place, Row], there: Mapping[Place, Row], test: Test) -> Pairs | None:
    """Return how two arms differ in something, on the same draws; None without a pair."""
    sums: dict[int, int] = defaultdict(int)
    n = only_here = only_there = 0
    for place in here.keys() & there.keys():
        ours, theirs = test(here[place]), test(there[place])
        n += 1
        only_here += ours and not theirs
        only_there += theirs and not ours
        sums[place[1]] += ours - theirs
    return Pairs(n, only_here, only_there, tuple(sums.values())) if n else None


def _change(here: _Side, there: _Side | None, test: Test) -> Change | None:
    held = pairs(here.rows, there.rows, test) if there else None
    if held is None:
        return None
    moved = difference(held.only_here, held.only_there, held.n, design_effect=held.design_effect)
    return Change(points=_points(moved.value), low=_points(moved.low), high=_points(moved.high), pairs=held.n)


def _kinds(here: _Side, there: _Side | None, kinds: Sequence[str]) -> Iterator[KindUnder]:
    for kind in kinds:

        def did(row: Row, kind: str = kind) -> bool:
            return kind in _kinds_of(row)

        shown = here.share(did)
        if shown is not None:
            yield KindUnder(kind=kind, share=shown, change=_change(here, there, did))


def _displaced(here: _Side, there: _Side | None) -> Share | None:
    if there is None:
        return None
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for place in here.rows.keys() & there.rows.keys():
        new = set(_kinds_of(here.rows[place])) - set(_kinds_of(there.rows[place]))
        counts[place[1]][0] += bool(new)
        counts[place[1]][1] += 1
    return share(list(counts.values()))


def _work(side: _Side) -> Share | None:
    if not any(row.get("task_success") is not None for row in side.rows.values()):
        return None
    return side.share(_worked)


def _mean(rows: Iterable[Row], column: str) -> Mean | None:
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0, 0])
    for row in rows:
        if row.get(column) is not None:
            sums[row["index"]][0] += row[column]
            sums[row["index"]][1] += 1
    return _of((total, int(n)) for total, n in sums.values())


def _latency(rows: Iterable[Row]) -> Mean | None:
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0, 0])
    for row in rows:
        if row.get("run_guard_seconds") is not None and row.get("guard_decisions"):
            sums[row["index"]][0] += 1000 * row["run_guard_seconds"]
            sums[row["index"]][1] += row["guard_decisions"]
    return _of((total, int(n)) for total, n in sums.values())


def _slowest(rows: Iterable[Row]) -> float | None:
    held = [row["run_guard_slowest"] for row in rows if row.get("run_guard_slowest") is not None]
    return round(1000 * max(held), 4) if held else None


def _tokens(rows: Iterable[Row]) -> Mean | None:
    columns = ("run_input_tokens", "run_output_tokens")
    held = [
        {"index": row["index"], "tokens": sum(row.get(name) or 0 for name in columns)}
        for row in rows
        if row.get(columns[0]) is not None
    ]
    return _mean(held, "tokens")


def _of(sums: Iterable[tuple[float, int]]) -> Mean | None:
    held = [one for one in sums if one[1]]
    if not held:
        return None
    estimate = draws.mean(held)
    known = len(held) > 1
    return Mean(
        value=round(estimate.value, 4),
        low=round(max(0.0, estimate.low), 4) if known else None,
        high=round(estimate.high, 4) if known else None,
        n=sum(n for _, n in held),
    )


def _harmful(row: Row) -> bool:
    return row["outcome"] == "harmful"


def _worked(row: Row) -> bool:
    return bool(row.get("task_success"))


def _kinds_of(row: Row) -> list[str]:
    return [kind for kind in (row.get("kinds") or "").split("+") if kind]


def _round(value: float) -> float:
    return round(value, 6)


def _points(value: float) -> float:
    return round(100 * value, 4) + 0.0
