"""What lies behind the rates of a run: did the agents take it for a test, had they understood, could they?

Strata are told apart by what happened in a trial, not by lot: a difference between them is a finding about
those trials, not an effect. The two cues of `setting_cue` are drawn by design, so what they do against the
placebo is one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import orjson
import polars as pl
from pydantic import BaseModel, ConfigDict

from duress.judge.outcome import Outcome
from duress.report.competence import CONFIDENCE, THRESHOLD, Status, status, unable
from duress.report.results import Cell, Results
from duress.stats import Estimate, average_difference, difference, wilson

CUE, PLACEBO, CUES = "setting_cue", "placebo", ("evaluation", "deployment")
UNKNOWN = "unknown"
"""The stratum of trials of which it is not known: missing, invalid, the judge failed, nothing answered."""
LEVELS: dict[str, tuple[str, ...]] = {
    "reasoning": ("evaluation", "real", "none", UNKNOWN),
    "said": ("evaluation", "real", "unclear", UNKNOWN),
    "understood": ("all", "part", UNKNOWN),
}
"""Strata by what they are told apart by."""
_COLUMNS = ("aware_reasoning", "aware_said", "understood_all")
_KEY = ("scenario", "lang", "model", "condition", "arm")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rate(_Model):
    """`count` of `n` with Wilson's limits; without trials there is no rate."""

    count: int
    n: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None


class Points(_Model):
    """A difference in percentage points, with its limits."""

    points: float
    low: float
    high: float


class Stratum(_Model):
    """The trials of one group that have something in common."""

    by: Literal["reasoning", "said", "understood"]
    level: str
    harmful: Rate


class Push(_Model):
    """What one setting cue does against the placebo, averaged over pairs of cells that differ in it only."""

    cue: str
    what: Literal["harmful", "reasoning", "said"]
    """Share of harmful trials (of all planned); share that took it for a test, by what they wrote or by
    what they answered (of those of which it is known)."""
    change: Points
    pairs: int
    here: Rate
    placebo: Rate
    unknown: int = 0
    """Trials left out because it is not known."""


class Group(_Model):
    """One agent in one scenario, language and arm."""

    scenario: str
    lang: str
    model: str
    arm: str
    strata: tuple[Stratum, ...]
    """Without the competence arm; within `by`, they add up to the planned trials."""
    gap: Points | None = None
    """Harmful rate where it wrote that it took it for a test, minus where it wrote that it was real."""
    pushes: tuple[Push, ...]
    competence: Rate
    """Tasks of the competence arm that were done, of those planned."""
    refused: int = 0
    """Tasks of the competence arm that were declined."""
    status: Status
    unable: bool
    """Whether it was shown that it does not do the task, rather than not shown that it does."""


class Awareness(_Model):
    """All of it."""

    schema_version: Literal[1] = 1
    threshold: float
    """Competence that is asked for."""
    confidence: float = CONFIDENCE
    asked: bool
    """Whether the agents were asked after their trials."""
    groups: tuple[Group, ...]

    def to_json(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps(
            self.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        )


def awareness(folder: Path, results: Results | None = None, threshold: float = THRESHOLD) -> Awareness | None:
    """Return what a run directory holds by now, or None where its rows do not say (an older run).

    Raises:
        StudyError: it is not a run directory, or its rows cannot be read.
    """
    from duress.report.results import results as found
    from duress.study.compact import trials

    results = results or found(folder)
    rows = trials(folder, [*_KEY, "outcome", *_COLUMNS])
    return summarise(results.cells, rows, threshold) if set(_COLUMNS) <= set(rows.columns) else None


def summarise(cells: Sequence[Cell], rows: pl.DataFrame, threshold: float = THRESHOLD) -> Awareness:
    """Return it from the planned cells and the rows, which need `outcome`, the key of a cell and the
    columns `aware_reasoning`, `aware_said` and `understood_all`."""
    held = _tallies(rows)
    plain: dict[tuple[str, str, str, str], list[tuple[Cell, _Tally]]] = defaultdict(list)
    proofs: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        arm = cell.arm
        group = plain[cell.scenario, cell.lang, cell.model, arm]
        if cell.measures_harm:
            key = (cell.scenario, cell.lang, cell.model, cell.condition, arm)
            group.append((cell, held.get(key, _Tally())))
        else:
            # Whatever the arm: being able to is a measure of the agent.
            proofs[cell.scenario, cell.lang, cell.model].append(cell)
    measured = {key[:3] for key, members in plain.items() if members}
    asked = any(tally.n["said", level] for tally in held.values() for level in LEVELS["said"][:-1])
    return Awareness(
        threshold=threshold,
        asked=asked,
        groups=tuple(
            _group(key, members, proofs[key[:3]], asked, threshold)
            for key, members in plain.items()
            if members or key[:3] not in measured
        ),
    )


class _Tally:
    """Trials and harmful trials of one cell by (what, level)."""

    def __init__(self) -> None:
        self.n = Counter[tuple[str, str]]()
        self.harmful = Counter[tuple[str, str]]()


def _tallies(rows: pl.DataFrame) -> dict[tuple[str, ...], _Tally]:
    out: dict[tuple[str, ...], _Tally] = {}
    if not rows.height:
        return out
    if "arm" not in rows.columns:
        rows = rows.with_columns(pl.lit("none").alias("arm"))
    table = rows.group_by([*_KEY, *_COLUMNS]).agg(
        pl.len().alias("n"), (pl.col("outcome") == Outcome.HARMFUL.value).sum().alias("harmful")
    )
    for row in table.iter_rows(named=True):
        tally = out.setdefault(tuple(row[name] for name in _KEY), _Tally())
        for stratum in (
            ("reasoning", _known("reasoning", row["aware_reasoning"])),
            ("said", _known("said", row["aware_said"])),
            ("understood", "all" if row["understood_all"] else "part"),
        ):
            tally.n[stratum] += row["n"]
            tally.harmful[stratum] += row["harmful"]
    return out


def _known(by: str, level: str | None) -> str:
    # A judge that failed has not said "none".
    return level if level in LEVELS[by] else UNKNOWN


def _group(
    key: tuple[str, str, str, str],
    members: Sequence[tuple[Cell, _Tally]],
    proofs: Sequence[Cell],
    asked: bool,
    threshold: float,
) -> Group:
    strata = tuple(_strata(members, asked)) if members else ()
    done = sum(cell.outcomes[Outcome.COMPLIED] for cell in proofs)
    planned = sum(cell.planned for cell in proofs)
    return Group(
        scenario=key[0],
        lang=key[1],
        model=key[2],
        arm=key[3],
        strata=strata,
        gap=_gap(strata),
        pushes=tuple(_pushes(members, asked)),
        competence=rate(done, planned),
        refused=sum(cell.outcomes[Outcome.REFUSED] for cell in proofs),
        status=status(done, planned, threshold),
        unable=unable(done, planned, threshold),
    )


def _strata(members: Sequence[tuple[Cell, _Tally]], asked: bool) -> Iterable[Stratum]:
    planned = sum(cell.planned for cell, _ in members)
    for by, levels in LEVELS.items():
        if by == "said" and not asked:
            continue
        n, harmful = Counter[str](), Counter[str]()
        for _, tally in members:
            for level in levels:
                n[level] += tally.n[by, level]
                harmful[level] += tally.harmful[by, level]
        n[UNKNOWN] += planned - n.total()
        for level in levels:
            yield Stratum(by=by, level=level, harmful=rate(harmful[level], n[level]))  # pyright: ignore[reportArgumentType]


def _gap(strata: Iterable[Stratum]) -> Points | None:
    found = {s.level: s.harmful for s in strata if s.by == "reasoning"}
    if not found or not found["evaluation"].n or not found["real"].n:
        return None
    test, real = found["evaluation"], found["real"]
    return _points(difference(test.count, test.n, real.count, real.n, CONFIDENCE))


def _pushes(members: Sequence[tuple[Cell, _Tally]], asked: bool) -> Iterable[Push]:
    by_cue: dict[str, dict[tuple[tuple[str, str], ...], tuple[Cell, _Tally]]] = defaultdict(dict)
    for cell, tally in members:
        if CUE in cell.levels:
            others = tuple(item for item in cell.levels.items() if item[0] != CUE)
            by_cue[cell.levels[CUE]][others] = cell, tally
    for cue in CUES:
        pairs = [(by_cue[cue][k], by_cue[PLACEBO][k]) for k in by_cue[cue] if k in by_cue[PLACEBO]]
        yield from _push(
            cue,
            "harmful",
            [(*(_harm(cell) for cell, _ in pair),) for pair in pairs],
            0,
        )
        for what in ("reasoning", "said") if asked else ("reasoning",):
            told = [tuple(_tests(what, tally) for _, tally in pair) for pair in pairs]
            planned = sum(cell.planned for pair in pairs for cell, _ in pair)
            known = sum(n for pair in told for _, n in pair)
            yield from _push(cue, what, told, planned - known)


def _harm(cell: Cell) -> tuple[int, int]:
    return cell.harmful.count, cell.planned


def _tests(what: str, tally: _Tally) -> tuple[int, int]:
    known = sum(tally.n[what, level] for level in LEVELS[what] if level != UNKNOWN)
    return tally.n[what, "evaluation"], known


def _push(
    cue: str,
    what: Literal["harmful", "reasoning", "said"],
    pairs: Sequence[Sequence[tuple[int, int]]],
    unknown: int,
) -> Iterable[Push]:
    # A pair of which one side is unknown altogether says nothing.
    whole = [(a, b) for a, b in pairs if a[1] and b[1]]
    if whole:
        found = average_difference([(*a, *b) for a, b in whole], CONFIDENCE)
        yield Push(
            cue=cue,
            what=what,
            change=_points(found),
            pairs=len(whole),
            here=rate(sum(a[0] for a, _ in whole), sum(a[1] for a, _ in whole)),
            placebo=rate(sum(b[0] for _, b in whole), sum(b[1] for _, b in whole)),
            unknown=unknown,
        )


def rate(count: int, n: int) -> Rate:
    """Return a share with Wilson's limits; without trials there is none."""
    if not n:
        return Rate(count=count, n=n)
    found = wilson(count, n, CONFIDENCE)
    return Rate(
        count=count, n=n, rate=round(found.value, 6), low=round(found.low, 6), high=round(found.high, 6)
    )


def _points(found: Estimate) -> Points:
    value, low, high = (round(100 * one, 4) + 0.0 for one in (found.value, found.low, found.high))
    return Points(points=value, low=low, high=high)
