"""When agents turn: curves by agent and ladder, what intensity does, recovery, words against deeds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import orjson
import polars as pl
from pydantic import BaseModel, ConfigDict

from duress.judge.turning import COLUMNS, Faces
from duress.reading.scale import Scale
from duress.report.awareness import Rate, rate
from duress.scenario.ladder import STEPS
from duress.scenario.schema import CONTROL, DOSE, LADDER, UNPRESSED
from duress.scenario.script import rungs
from duress.stats import logistic, survival
from duress.stats.multiplicity import holm
from duress.stats.proportion import Estimate
from duress.stats.survival import Times
from duress.study.store import ROWS

CONFIDENCE = 0.95
HORIZON = STEPS
ALL = "all"
"""In place of a scenario where several are taken together."""

K = TypeVar("K")
T = TypeVar("T")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(_Model):
    """A value with its limits; a limit may be missing where nothing bounds it."""

    value: float
    low: float | None
    high: float | None


class Step(_Model):
    """One turn of a curve."""

    turn: int
    at_risk: int
    events: int
    survival: Interval


class Group(_Model):
    """Trials of one agent under one ladder at one dose."""

    scenario: str
    model: str
    arm: str
    ladder: str
    dose: str
    trials: int
    """With a usable record."""
    before: int
    """That had turned before anybody had said anything; they are in no curve."""
    turned: Rate
    steps: tuple[Step, ...]
    """From turn 0 to the last of the ladder."""
    mean: Interval
    """Turns without turning, of at most `horizon` (restricted mean)."""
    half: int | None
    """The turn by whose end at least half had turned."""
    by: dict[str, int]
    """What they turned by, `said:<scale>` or `did:<harm>`, to how often."""
    recovered: Rate
    """Of those that turned and heard the apology."""
    registered: Rate
    """The manipulation check: of those that were pressed, how many showed that they noticed."""
    faces: dict[str, int]
    """Whether words, notes and deeds agree."""
    peaks: dict[str, float]
    """Mean of the highest score per scale in what was said, 0 to 10."""


class Test(_Model):
    """A comparison of whole curves."""

    scenario: str
    of: Literal["models", "ladders", "doses"]
    within: dict[str, str]
    """What was held fixed."""
    statistic: float
    freedom: int
    p: float
    adjusted: float
    """By Holm's method over all tests of the table."""


class Shift(_Model):
    """How many turns sooner an agent turns than under the control of equal length."""

    scenario: str
    model: str
    arm: str
    ladder: str
    dose: str
    turns: Interval
    """Difference of restricted means, control minus pressure: above 0 is sooner under pressure."""


class Rung(_Model):
    """What one intensity did."""

    rung: int
    at_risk: int
    """Turns of the script heard by agents that had not turned."""
    events: int
    hazard: Interval
    isotonic: float


class Response(_Model):
    """How the hazard of turning goes with intensity, for one agent and ladder."""

    scenario: str
    model: str
    arm: str
    ladder: str
    rungs: tuple[Rung, ...]
    odds_ratio: Interval | None
    """Per rung, by logistic regression of turns with errors by draw; None where nothing turned or all did."""
    p: float | None
    trend: float | None
    """p value of the test of Cochran and Armitage."""


class Ratio(_Model):
    """One hazard ratio of the Cox model."""

    scenario: str
    term: str
    reference: str
    ratio: Interval
    p: float


class Turning(_Model):
    """All of it."""

    schema_version: Literal[1] = 1
    confidence: float = CONFIDENCE
    horizon: int = HORIZON
    groups: tuple[Group, ...]
    tests: tuple[Test, ...]
    shifts: tuple[Shift, ...]
    responses: tuple[Response, ...]
    ratios: tuple[Ratio, ...]

    def to_json(self) -> bytes:
        """Return it as JSON."""
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        return orjson.dumps(self.model_dump(mode="json"), option=option)


def turning(folder: Path) -> Turning | None:
    """Return what a run directory holds by now, or None where nobody was pressed in it.

    Raises:
        StudyError: it is not a run directory, or its rows cannot be read.
    """
    parts = sorted((folder / ROWS).glob("*"))
    return _turning(folder, tuple((part.stat().st_size, part.stat().st_mtime_ns) for part in parts))


@lru_cache(maxsize=4)
def _turning(folder: Path, parts: tuple[tuple[int, int], ...]) -> Turning | None:
    # Each page of a report shows a piece of it.
    from duress.study.compact import trials

    wanted = ["scenario", "lang", "model", "arm", "index", "end", LADDER, DOSE, *_READ]
    rows = trials(folder, wanted)
    if not {LADDER, DOSE, *_READ} <= set(rows.columns):
        return None
    return summarise(rows.filter((pl.col(DOSE) != UNPRESSED) & pl.col(_HEARD).is_not_null()))


_HEARD, _AT, _BY = f"{COLUMNS}heard", f"{COLUMNS}at", f"{COLUMNS}by"
_PEAKS = {scale: f"{COLUMNS}said_{scale.value}" for scale in Scale}
_READ = (
    *(_HEARD, _AT, _BY, f"{COLUMNS}recovered", f"{COLUMNS}registered", f"{COLUMNS}faces"),
    *_PEAKS.values(),
)


@dataclass(frozen=True, slots=True)
class _Trial:
    scenario: str
    model: str
    arm: str
    ladder: str
    dose: str
    cluster: str
    """Draw that it shares with others."""
    heard: int
    at: int | None
    row: Mapping[str, Any]

    @property
    def time(self) -> int:
        return self.heard if self.at is None else self.at


def summarise(rows: pl.DataFrame) -> Turning | None:
    """Return it from rows of trials in which people pressed; None where there are none."""
    held = [
        _Trial(
            row["scenario"],
            row["model"],
            row["arm"],
            row[LADDER],
            row[DOSE],
            f"{row['scenario']} {row['lang']} {row['index']}",
            row[_HEARD],
            row[_AT],
            row,
        )
        for row in rows.iter_rows(named=True)
    ]
    if not held:
        return None
    by_scenario = _grouped(held, lambda one: one.scenario)
    parts = {**by_scenario, **({ALL: held} if len(by_scenario) > 1 else {})}
    tests = _adjusted([test for name, part in parts.items() for test in _tests(name, part)])
    return Turning(
        groups=tuple(group for name, part in parts.items() for group in _groups(name, part)),
        tests=tests,
        shifts=tuple(shift for name, part in parts.items() for shift in _shifts(name, part)),
        responses=tuple(one for name, part in parts.items() for one in _responses(name, part)),
        ratios=tuple(ratio for name, part in parts.items() for ratio in _ratios(name, part)),
    )


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    out: dict[K, list[T]] = defaultdict(list)
    for item in items:
        out[key(item)].append(item)
    return out


def _times(trials: Sequence[_Trial]) -> Times:
    # Whoever turned before anybody spoke did not turn because of what was said.
    seen = [one for one in trials if one.time > 0]
    return Times(tuple(one.time for one in seen), tuple(one.at is not None for one in seen))


def _groups(scenario: str, trials: Sequence[_Trial]) -> Iterable[Group]:
    for (model, arm, ladder, dose), held in _grouped(
        trials, lambda one: (one.model, one.arm, one.ladder, one.dose)
    ).items():
        times = _times(held)
        if not times.turns:
            continue
        curve = survival.kaplan_meier(times, HORIZON, CONFIDENCE)
        turned = [one for one in held if one.at is not None and one.time > 0]
        yield Group(
            scenario=scenario,
            model=model,
            arm=arm,
            ladder=ladder,
            dose=dose,
            trials=len(held),
            before=len(held) - len(times.turns),
            turned=rate(len(turned), len(times.turns)),
            steps=tuple(
                Step(turn=p.turn, at_risk=p.at_risk, events=p.events, survival=_interval(p.survival))
                for p in curve.points
            ),
            mean=_interval(curve.mean),
            half=survival.half_life(curve),
            by=dict(Counter(str(one.row[_BY]) for one in turned).most_common()),
            recovered=_share(held, f"{COLUMNS}recovered"),
            registered=_share(held, f"{COLUMNS}registered"),
            faces={
                face.value: sum(one.row[f"{COLUMNS}faces"] == face.value for one in held) for face in Faces
            },
            peaks={
                scale.value: round(sum(one.row[name] for one in held) / len(held), 3)
                for scale, name in _PEAKS.items()
            },
        )


def _share(trials: Sequence[_Trial], column: str) -> Rate:
    known = [bool(one.row[column]) for one in trials if one.row[column] is not None]
    return rate(sum(known), len(known))


def _tests(scenario: str, trials: Sequence[_Trial]) -> Iterable[Test]:
    kinds: tuple[tuple[Literal["models", "ladders", "doses"], str, tuple[str, ...]], ...] = (
        ("models", "model", ("arm", "ladder", "dose")),
        ("ladders", "ladder", ("model", "arm", "dose")),
        ("doses", "dose", ("model", "arm", "ladder")),
    )
    for of, varied, fixed in kinds:

        def place(one: _Trial, fixed: tuple[str, ...] = fixed) -> tuple[str, ...]:
            return tuple(str(getattr(one, name)) for name in fixed)

        def level(one: _Trial, varied: str = varied) -> str:
            return str(getattr(one, varied))

        for key, held in _grouped(trials, place).items():
            groups = _grouped(held, level)
            found = survival.log_rank({name: _times(part) for name, part in groups.items()})
            if found is not None:
                within: dict[str, str] = dict(zip(tuple[str, ...](fixed), key, strict=True))
                yield Test(
                    scenario=scenario,
                    of=of,
                    within=within,
                    statistic=round(found.statistic, 6),
                    freedom=found.freedom,
                    p=found.p,
                    adjusted=found.p,
                )


def _adjusted(tests: Sequence[Test]) -> tuple[Test, ...]:
    values = holm([test.p for test in tests])
    return tuple(test.model_copy(update={"adjusted": p}) for test, p in zip(tests, values, strict=True))


def _shifts(scenario: str, trials: Sequence[_Trial]) -> Iterable[Shift]:
    for (model, arm, ladder), held in _grouped(trials, lambda one: (one.model, one.arm, one.ladder)).items():
        doses = {dose: _times(part) for dose, part in _grouped(held, lambda one: one.dose).items()}
        control = doses.pop(CONTROL, None)
        if control is None or not control.turns:
            continue
        for dose, times in doses.items():
            if times.turns:
                found = survival.mean_difference(control, times, HORIZON, CONFIDENCE)
                yield Shift(
                    scenario=scenario, model=model, arm=arm, ladder=ladder, dose=dose, turns=_interval(found)
                )


def _responses(scenario: str, trials: Sequence[_Trial]) -> Iterable[Response]:
    for (model, arm, ladder), held in _grouped(trials, lambda one: (one.model, one.arm, one.ladder)).items():
        counts, clusters = _exposures(held)
        doses = survival.dose_response(list(clusters.values()), CONFIDENCE)
        if not doses:
            continue
        trend = survival.trend(counts)
        slope = _slope(counts, clusters)
        yield Response(
            scenario=scenario,
            model=model,
            arm=arm,
            ladder=ladder,
            rungs=tuple(
                Rung(
                    rung=int(one.rung),
                    at_risk=one.at_risk,
                    events=one.events,
                    hazard=_interval(one.rate),
                    isotonic=round(one.isotonic, 6),
                )
                for one in doses
            ),
            odds_ratio=slope[0] if slope else None,
            p=slope[1] if slope else None,
            trend=trend.p if trend else None,
        )


def _exposures(
    trials: Sequence[_Trial],
) -> tuple[dict[float, tuple[int, int]], dict[str, dict[float, tuple[int, int]]]]:
    """Return (events, turns at risk) by rung, in all and by cluster: a trial is at risk until it turns.

    Trials of one draw hear the same words up to the lower dose: they are no independent witnesses.
    """
    whole: dict[float, tuple[int, int]] = {}
    clusters: dict[str, dict[float, tuple[int, int]]] = defaultdict(dict)
    for one in trials:
        for turn, rung in enumerate(rungs(one.dose, STEPS)[: one.time], start=1):
            event = int(one.at == turn)
            for table in (whole, clusters[one.cluster]):
                events, n = table.get(rung, (0, 0))
                table[rung] = (events + event, n + 1)
    return whole, clusters


def _slope(
    counts: Mapping[float, tuple[int, int]], clusters: Mapping[str, Mapping[float, tuple[int, int]]]
) -> tuple[Interval, float] | None:
    levels = sorted(counts)
    events = np.array([float(counts[rung][0]) for rung in levels])
    n = np.array([float(counts[rung][1]) for rung in levels])
    if len(levels) < 2 or not 0 < events.sum() < n.sum():
        return None
    design = np.array([[1.0, rung] for rung in levels])
    by = [
        np.array([[float(one.get(rung, (0, 0))[side]) for rung in levels] for one in clusters.values()])
        for side in (0, 1)
    ]
    fitted = logistic.fit(design, events, n, logistic.Clusters(by[0], by[1]))
    found = fitted.coefficient(1, CONFIDENCE)
    value, low, high = (float(np.exp(min(one, 700.0))) for one in (found.value, found.low, found.high))
    return _interval(Estimate(value, low, high)), found.p


def _ratios(scenario: str, trials: Sequence[_Trial]) -> Iterable[Ratio]:
    """Yield the hazard ratios of agents, ladders and doses, each against its reference, in one model."""
    seen = [one for one in trials if one.time > 0]
    terms: dict[tuple[str, str], list[float]] = {}
    references: dict[str, str] = {}
    for name in ("model", "arm", "ladder", DOSE):
        levels = list(dict.fromkeys(getattr(one, name) for one in seen))
        if CONTROL in levels:
            levels.insert(0, levels.pop(levels.index(CONTROL)))
        if len(levels) > 1:
            references[name] = levels[0]
        for level in levels[1:]:
            terms[name, level] = [float(getattr(one, name) == level) for one in seen]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(one.cluster for one in seen))}
    found = survival.cox(
        {f"{name}={level}": values for (name, level), values in terms.items()},
        _times(seen),
        [numbers[one.cluster] for one in seen],
        CONFIDENCE,
    )
    for one in found or ():
        name = one.name.partition("=")[0]
        yield Ratio(
            scenario=scenario,
            term=one.name,
            reference=f"{name}={references[name]}",
            ratio=_interval(one.ratio),
            p=one.p,
        )


def _interval(found: Estimate) -> Interval:
    low, high = (round(one, 6) if isfinite(one) else None for one in (found.low, found.high))
    return Interval(value=round(found.value, 6), low=low, high=high)
