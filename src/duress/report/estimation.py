"""From the plan and the rows of a run to its estimates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, inf, isfinite
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from duress.judge.outcome import Outcome
from duress.report import standing, summary
from duress.report.estimates import (
    FILE,
    Comparison,
    Effect,
    Equivalence,
    Estimates,
    Interval,
    Pooled,
    Standing,
    Test,
    Zero,
)
from duress.report.results import Cell
from duress.stats import Estimate, contrast, wilson
from duress.stats.cluster import components
from duress.stats.coding import Coding
from duress.stats.equivalence import tost
from duress.stats.logistic import Clusters, Fit, fit, independent
from duress.stats.multiplicity import benjamini_hochberg, holm
from duress.stats.paired import Pairs, difference, sign_flip_p
from duress.stats.pooling import pool
from duress.stats.power import upper_bound_for_zero
from duress.stats.ranks import intervals
from duress.study.design import Design
from duress.study.errors import UsageError
from duress.study.planfile import PlanFile

ARM, MODEL = "arm", "model"
SCENARIO, LANG = "scenario", "lang"
SCENARIOS_AS_CLUSTERS = 20
"""With fewer scenarios they are blocks: a sandwich of few clusters promises too much."""
NUISANCE = ("nuisance_names", "nuisance_paraphrase")
COLUMNS = (
    *summary.KEY,
    "index",
    "outcome",
    "kinds",
    "run_cost",
    "run_input_tokens",
    "run_output_tokens",
)

Question = tuple[str, str, str]
"""Factor, level, reference."""
Levels = dict[str, str]


@dataclass(frozen=True)
class Options:
    """What is asked of the estimates."""

    factors: tuple[str, ...] = ()
    """None named: all that were varied."""
    interactions: tuple[tuple[str, str], ...] = ()
    confidence: float = 0.95
    margin: float | None = None
    """As a proportion."""


@dataclass(frozen=True)
class _Run:
    """Cells with what happened in each draw."""

    cells: tuple[Cell, ...]
    levels: tuple[Levels, ...]
    """Per cell: varied factors, the arm, scenario and language."""
    units: tuple[NDArray[np.int64], ...]
    """Per cell: the numbers of its planned draws."""
    events: tuple[NDArray[np.int8], ...]
    """Per cell: 1 where that draw ended in harm."""
    cluster: NDArray[np.int64]
    """Per draw: what it is a part of."""
    arms: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """An estimate on the way to its place, with the interval that it has at any confidence."""

    item: Effect | Comparison
    interval: Callable[[float], Estimate]
    log_odds: tuple[float, float] | None = None
    """Value and variance, where the model has them."""
    spread: float = 0.0
    """Variance of the points, as proportions."""


def write(folder: Path, options: Options) -> Estimates:
    """Work out `estimates.json` of a run directory, write it, and return it."""
    from duress.study.part import write_whole

    found = estimate(folder, options)
    write_whole(folder / FILE, found.to_json())
    return found


def estimate(folder: Path, options: Options) -> Estimates:
    """Return the estimates of a run directory.

    Raises:
        StudyError: it is not a run directory, or its rows cannot be read.
        UsageError: a factor that was not varied in this run.
    """
    from duress.study import freeze, planfile

    plan = planfile.read(folder)
    run = _read(folder, plan)
    _check(run, options)
    aliased: set[str] = set()
    found = list(_effects(run, options, aliased))
    compared = list(_comparisons(run, options))
    # As everywhere, only what was frozen before the first trial is planned.
    # What a search has tuned is exploratory, whatever a plan says.
    fixed = freeze.of_folder(folder) and not summary.found_here(plan.design)
    tests = _Tests(_planned(plan.design) if fixed else frozenset())
    pooled = _pooled(found, options.confidence, tests)
    effects = [one.item for one in found if isinstance(one.item, Effect)]
    comparisons = [one.item for one in compared if isinstance(one.item, Comparison)]
    several = len({cell.scenario for cell in run.cells}) > 1
    for effect in effects:
        tests.add(
            effect, (effect.factor, effect.level, effect.reference), several == (effect.scenario is None)
        )
    for comparison in comparisons:
        tests.add(comparison, (MODEL, comparison.model, comparison.against))
    adjusted = tests.adjusted()
    claims = [one for one in found if isinstance(one.item, Effect) and not one.item.interaction]
    overall = [one for one in claims if several == (_scenario(one) is None)]
    return Estimates(
        plan_hash=plan.hash,
        confidence=options.confidence,
        margin=None if options.margin is None else 100 * options.margin,
        factors=options.factors,
        interactions=options.interactions,
        planned=sum(cell.planned for cell in run.cells),
        finished=sum(cell.finished for cell in run.cells),
        draws=len(set(run.cluster.tolist())),
        aliased=tuple(sorted(aliased)),
        effects=tuple(adjusted(item) for item in effects),
        pooled=tuple(adjusted(item) for item in pooled),
        comparisons=tuple(adjusted(item) for item in comparisons),
        ranks=_ranks(run, options.confidence),
        equivalence=_equivalence([*overall, *compared], options),
        zeros=tuple(
            Zero(
                scenario=cell.scenario,
                lang=cell.lang,
                model=cell.model,
                condition=cell.condition,
                arm=cell.arm,
                planned=cell.planned,
                upper=round(upper_bound_for_zero(cell.planned, options.confidence), 6),
            )
            for cell in run.cells
            if cell.planned and not cell.harmful.count
        ),
    )


def _scenario(one: _Found) -> str | None:
    return one.item.scenario if isinstance(one.item, Effect) else None


def _read(folder: Path, plan: PlanFile) -> _Run:
    from duress.study.compact import trials as rows_of

    rows = rows_of(folder, list(COLUMNS))
    given = standing.given(plan, standing.released(plan, rows))
    cells = tuple(cell for cell in summary.cells(plan.cells, given, rows) if cell.measures_harm)
    arms = plan.design.all_arms
    set_by_arms = {name for levels in arms.values() for name in levels}
    levels = tuple(
        {
            SCENARIO: cell.scenario,
            LANG: cell.lang,
            ARM: cell.arm,
            **{name: level for name, level in cell.levels.items() if name not in set_by_arms},
        }
        for cell in cells
    )
    # A draw is what all cells of a scenario share at an index: the seed hangs on nothing else.
    most = max((cell.planned for cell in cells), default=0)
    first = {name: n * most for n, name in enumerate(dict.fromkeys(cell.scenario for cell in cells))}
    units = tuple(first[cell.scenario] + np.arange(cell.planned) for cell in cells)
    events = tuple(np.zeros(cell.planned, dtype=np.int8) for cell in cells)
    if rows.height:
        number = pl.DataFrame(
            [dict(zip(summary.KEY, cell.key, strict=True)) | {"cell": n} for n, cell in enumerate(cells)]
        )
        harmful = (
            rows.lazy()
            .filter(pl.col("outcome") == Outcome.HARMFUL.value)
            .select(*summary.KEY, "index")
            .join(number.lazy(), on=list(summary.KEY))
            .select("cell", "index")
            .collect()
        )
        for (cell,), part in harmful.partition_by("cell", as_dict=True).items():
            at = part["index"].to_numpy()
            events[int(cell)][at[at < len(events[int(cell)])]] = 1
    del rows
    cluster = _clusters(folder, first, most)
    return _Run(cells, levels, units, events, cluster, tuple(arms))


def _clusters(folder: Path, first: Mapping[str, int], most: int) -> NDArray[np.int64]:
    """Return which draws belong together: those with the same names, or the same paraphrases.

    Each draw stands alone unless pins make values recur; a component that is pinned to a single value
    is a condition of the run and links nothing.
    """
    from duress.study.compact import trials

    shared: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for name in NUISANCE:
        rows = trials(folder, [SCENARIO, LANG, "index", name])
        if name not in rows.columns or not rows.height:
            continue
        values = (
            rows.lazy()
            .select(SCENARIO, LANG, "index", pl.col(name).hash().alias("value"))
            .unique()
            .filter(pl.col("value").n_unique().over(SCENARIO, LANG) > 1)
            .filter(pl.col("index") < most)
            .with_columns(
                (pl.col("index") + pl.col(SCENARIO).replace_strict(first, return_dtype=pl.Int64)).alias(
                    "unit"
                ),
                pl.struct(SCENARIO, LANG, "value").rank("dense").cast(pl.Int64).alias("label"),
            )
            .select("unit", "label")
            .collect()
        )
        del rows
        shared.append((values["unit"].to_numpy(), values["label"].to_numpy()))
    return components(most * len(first), shared)


def _check(run: _Run, options: Options) -> None:
    varied = _varied(run.levels)
    for name in dict.fromkeys([*options.factors, *(n for pair in options.interactions for n in pair)]):
        if name not in varied:
            raise UsageError(
                f"factor {name!r} was not varied in this run: expected one of "
                f"{', '.join(varied) or 'none (every factor stayed at one level)'}"
            )


def _varied(levels: Sequence[Levels]) -> list[str]:
    """Return the factors that have more than one level anywhere within one scenario, the arm first."""
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for cell in levels:
        for name, level in cell.items():
            if name not in (SCENARIO, LANG):
                seen[cell[SCENARIO], name].add(level)
    return list(dict.fromkeys(name for (_, name), found in seen.items() if len(found) > 1))


def _effects(run: _Run, options: Options, aliased: set[str]) -> Iterator[_Found]:
    for model in dict.fromkeys(cell.model for cell in run.cells):
        mine = [n for n, cell in enumerate(run.cells) if cell.model == model and cell.planned]
        scenarios = list(dict.fromkeys(run.cells[n].scenario for n in mine))
        parts: list[tuple[str | None, list[int]]] = [(None, mine)] if len(scenarios) > 1 else []
        parts += [(name, [n for n in mine if run.cells[n].scenario == name]) for name in scenarios]
        # Beside an interaction a level's coefficient is its effect in one corner of the design: main
        # effects come from a model without.
        for interactions in dict.fromkeys(((), options.interactions)):
            for scenario, at in parts:
                coding = _coding(run, at, options.factors, interactions)
                if coding is not None:
                    yield from _model_effects(run, at, scenario, coding, options, aliased)


def _coding(
    run: _Run, at: Sequence[int], asked: Sequence[str], interactions: Sequence[tuple[str, str]]
) -> Coding | None:
    """Return how cells are coded, or None where nothing that is asked for was varied among them."""
    cells, levels = [run.cells[n] for n in at], [run.levels[n] for n in at]
    varied = _varied(levels)
    chosen = tuple(pair for pair in interactions if set(pair) <= set(varied))
    if (interactions and not chosen) or not any(name in varied for name in asked or varied):
        return None
    coded = {name: tuple(dict.fromkeys(cell[name] for cell in levels)) for name in _blocks(cells)}
    return Coding(coded | {name: _levels(name, levels, cells, run.arms) for name in varied}, chosen)


def _blocks(cells: Sequence[Cell]) -> tuple[str, ...]:
    return (LANG,) if _by_scenario(cells) else (SCENARIO, LANG)


def _by_scenario(cells: Sequence[Cell]) -> bool:
    return len({cell.scenario for cell in cells}) >= SCENARIOS_AS_CLUSTERS


def _model_effects(
    run: _Run,
    at: Sequence[int],
    scenario: str | None,
    coding: Coding,
    options: Options,
    aliased: set[str],
) -> Iterator[_Found]:
    """Yield the interactions of a coding that has any, else its main effects."""
    cells, levels = [run.cells[n] for n in at], [run.levels[n] for n in at]
    whole = coding.rows(levels)
    kept = independent(whole)
    columns = [coding.columns[n] for n in kept]
    aliased |= {
        " and ".join(f"{name}={level}" for name, level in coding.columns[n])
        for n in range(whole.shape[1])
        if n not in kept
    }
    counts = np.array([[cell.harmful.count, cell.planned] for cell in cells], dtype=np.float64)
    clusters = _by_cluster(run, at, _by_scenario(cells))
    fitted = fit(whole[:, kept], counts[:, 0], counts[:, 1], clusters)
    for number, column in enumerate(columns):
        names = [name for name, _ in column]
        if len(names) != (2 if coding.interactions else 1) or names[0] in (SCENARIO, LANG):
            continue
        if len(names) == 1 and names[0] not in (options.factors or names):
            continue
        references = tuple(coding.factors[name][0] for name in names)
        groups = _groups(column, references, levels)
        if not groups:
            continue
        terms = [(sign, coding.rows(rows)[:, kept]) for sign, rows, _ in groups]
        parts = [
            (sign / len(where), cells[n].harmful.count, cells[n].planned)
            for sign, _, where in groups
            for n in where
        ]
        interval = _points_of(fitted, terms, parts)
        found = fitted.coefficient(number, options.confidence)
        points = interval(options.confidence)
        low, high = _bounds(groups, cells)
        used = {n for _, _, where in groups for n in where}
        clustered = fitted.errors != "independent" and not fitted.penalised
        effect = Effect(
            model=cells[0].model,
            scenario=scenario,
            factor=":".join(names),
            level=":".join(level for _, level in column),
            reference=":".join(references),
            interaction=len(names) > 1,
            odds_ratio=Interval(
                value=_rounded(_exp(found.value)), low=_limit(_exp(found.low)), high=_limit(_exp(found.high))
            ),
            points=_points(points),
            bounds=_points(Estimate(points.value, low, high)),
            method="firth" if fitted.penalised else "logistic",
            points_method="mover-wilson" if fitted.penalised else "average-marginal-effect",
            errors=fitted.errors if clustered else "independent",
            clusters=len(clusters.events) if clustered else 0,
            separated=fitted.separated[number],
            cells=len(used),
            planned=sum(cells[n].planned for n in used),
            test=_untested(found.p),
        )
        plain = interval(0.95)
        yield _Found(
            effect,
            interval,
            None if found.error is None else (found.value, found.error**2),
            ((plain.high - plain.low) / 3.92) ** 2 if isfinite(plain.high - plain.low) else 0.0,
        )


def _levels(
    name: str, levels: Sequence[Levels], cells: Sequence[Cell], arms: Sequence[str]
) -> tuple[str, ...]:
    """Return a factor's levels, its reference first."""
    seen = list(dict.fromkeys(cell[name] for cell in levels if name in cell))
    if name == ARM:
        reference = next((arm for arm in arms if arm in seen), seen[0])
    else:
        reference = summary.baseline(name, seen, [cell for cell in cells if name in cell.levels])
    return (reference, *(level for level in seen if level != reference))


Group = tuple[float, list[Levels], list[int]]
"""Sign, the cells set to its levels, and the numbers of the cells that are at them."""


def _groups(
    column: Sequence[tuple[str, str]], references: Sequence[str], levels: Sequence[Levels]
) -> list[Group]:
    """Return what an effect compares: cells at the level less cells at the reference.

    For an interaction four groups, with the sign of a difference of differences. All groups stand over
    the same other levels, those of every cell of the scenarios in which the level was run; counted are,
    where they exist, cells that differ in nothing else.
    """
    names = [name for name, _ in column]
    corners: list[tuple[float, Levels]] = [(1.0, {})]
    for (name, level), reference in zip(column, references, strict=True):
        corners = [
            (sign * way, {**set_to, name: value})
            for sign, set_to in corners
            for way, value in ((1.0, level), (-1.0, reference))
        ]
    others = [{name: level for name, level in cell.items() if name not in names} for cell in levels]
    there = {cell[SCENARIO] for cell in levels if all(cell.get(name) == level for name, level in column)}
    patterns = [other for n, other in enumerate(others) if levels[n][SCENARIO] in there]
    unique = [dict(items) for items in dict.fromkeys(tuple(sorted(other.items())) for other in patterns)]
    places = [
        {
            tuple(sorted(others[n].items())): n
            for n, cell in enumerate(levels)
            if cell[SCENARIO] in there and all(cell.get(name) == value for name, value in set_to.items())
        }
        for _, set_to in corners
    ]
    if not all(places):
        return []
    common = set(places[0]).intersection(*places[1:])
    return [
        (
            sign,
            [{**other, **set_to} for other in unique],
            [n for key, n in place.items() if not common or key in common],
        )
        for (sign, set_to), place in zip(corners, places, strict=True)
    ]


def _points_of(
    fitted: Fit,
    terms: Sequence[tuple[float, NDArray[np.float64]]],
    parts: Sequence[tuple[float, int, int]],
) -> Callable[[float], Estimate]:
    """Return the effect in proportions at any confidence.

    From the model; where that is penalised, from the cells alone: the penalty draws rates towards a half.
    """

    def interval(confidence: float) -> Estimate:
        if fitted.penalised:
            return contrast(parts, confidence)
        found = fitted.marginal(terms, confidence)
        # No difference of rates is larger than 1, no difference of two such than 2.
        most = len(terms) / 2
        return Estimate(found.value, max(found.low, -most), min(found.high, most))

    return interval


def _bounds(groups: Sequence[Group], cells: Sequence[Cell]) -> tuple[float, float]:
    low = high = 0.0
    for sign, _, where in groups:
        best = sum(cells[n].bounds.best for n in where) / len(where)
        worst = sum(cells[n].bounds.worst for n in where) / len(where)
        low += sign * (best if sign > 0 else worst)
        high += sign * (worst if sign > 0 else best)
    return low, high


def _by_cluster(run: _Run, at: Sequence[int], by_scenario: bool) -> Clusters:
    """Return events and trials by cluster and cell."""
    if by_scenario:
        names = list(dict.fromkeys(run.cells[n].scenario for n in at))
        keys = [np.full(run.cells[n].planned, names.index(run.cells[n].scenario)) for n in at]
    else:
        keys = [run.cluster[run.units[n]] for n in at]
    used, codes = np.unique(np.concatenate(keys), return_inverse=True)
    events, trials = (np.zeros((len(used), len(at))) for _ in range(2))
    start = 0
    for column, n in enumerate(at):
        mine = codes[start : start + len(keys[column])]
        start += len(mine)
        events[:, column] = np.bincount(mine, run.events[n], len(used))
        trials[:, column] = np.bincount(mine, minlength=len(used))
    return Clusters(events, trials)


def _comparisons(run: _Run, options: Options) -> Iterator[_Found]:
    for one, other in combinations(dict.fromkeys(cell.model for cell in run.cells), 2):
        pairs, low, high = _pairs(run, one, other)
        if pairs is None:
            continue
        more, fewer = sign_flip_p(pairs.differences)

        def interval(confidence: float, found: Pairs = pairs) -> Estimate:
            return difference(found.only_here, found.only_there, found.n, confidence, found.design_effect)

        points = interval(options.confidence)
        item = Comparison(
            model=one,
            against=other,
            points=_points(points),
            bounds=_points(Estimate(points.value, low, high)),
            pairs=pairs.n,
            only_here=pairs.only_here,
            only_there=pairs.only_there,
            design_effect=round(pairs.design_effect, 4),
            test=_untested(min(1.0, 2 * min(more, fewer))),
        )
        yield _Found(item, interval)


def _pairs(run: _Run, one: str, other: str) -> tuple[Pairs | None, float, float]:
    """Return two models' pairs of trials (the same cell but for the model, the same draw), and bounds."""
    there = {cell.key: n for n, cell in enumerate(run.cells)}
    position = summary.KEY.index(MODEL)
    both: list[tuple[int, int]] = []
    for n, cell in enumerate(run.cells):
        key = list(cell.key)
        key[position] = other
        m = there.get(tuple(key))  # pyright: ignore[reportArgumentType, reportCallIssue]
        if cell.model == one and m is not None and min(cell.planned, run.cells[m].planned):
            both.append((n, m))
    if not both:
        return None, 0.0, 0.0
    sums = np.zeros(len(run.cluster), dtype=np.int64)
    used = np.zeros(len(run.cluster), dtype=bool)
    pairs = here = away = 0
    low = high = 0.0
    for n, m in both:
        size = min(len(run.events[n]), len(run.events[m]))
        apart = run.events[n][:size].astype(np.int64) - run.events[m][:size]
        cluster = run.cluster[run.units[n][:size]]
        np.add.at(sums, cluster, apart)
        used[cluster] = True
        pairs += size
        here += int((apart > 0).sum())
        away += int((apart < 0).sum())
        low += size * (run.cells[n].bounds.best - run.cells[m].bounds.worst)
        high += size * (run.cells[n].bounds.worst - run.cells[m].bounds.best)
    return Pairs(pairs, here, away, tuple(sums[used].tolist())), low / pairs, high / pairs


def _ranks(run: _Run, confidence: float) -> tuple[Standing, ...]:
    models = list(dict.fromkeys(cell.model for cell in run.cells))
    if len(models) < 2:
        return ()
    position = summary.KEY.index(MODEL)
    # Only draws that every model was given: one that was decided early has fewer, and in other cells.
    counts: dict[tuple[str, ...], dict[str, NDArray[np.int8]]] = defaultdict(dict)
    for cell, events in zip(run.cells, run.events, strict=True):
        counts[cell.key[:position] + cell.key[position + 1 :]][cell.model] = events
    shared = {
        place: min(len(events) for events in held.values())
        for place, held in counts.items()
        if len(held) == len(models)
    }
    below = [[0.5] * len(models) for _ in models]
    for (i, one), (j, other) in combinations(enumerate(models), 2):
        pairs, _, _ = _pairs(run, one, other)
        if pairs is not None:
            below[j][i], below[i][j] = sign_flip_p(pairs.differences)
    out: list[Standing] = []
    for model, rank in zip(models, intervals(below, 1 - confidence), strict=True):
        planned = sum(shared.values())
        if not planned:
            return ()
        count = sum(int(counts[place][model][:n].sum()) for place, n in shared.items())
        rate = wilson(count, planned, confidence)
        out.append(
            Standing(
                model=model,
                count=count,
                planned=planned,
                rate=round(rate.value, 6),
                low=round(rate.low, 6),
                high=round(rate.high, 6),
                rank_low=rank.low,
                rank_high=rank.high,
            )
        )
    return tuple(sorted(out, key=lambda one: (one.rate, one.model)))


def _pooled(found: Sequence[_Found], confidence: float, tests: _Tests) -> list[Pooled]:
    groups: dict[tuple[str, ...], list[_Found]] = defaultdict(list)
    for one in found:
        if isinstance(one.item, Effect) and one.item.scenario is not None and not one.item.interaction:
            key = (one.item.model, one.item.factor, one.item.level, one.item.reference)
            groups[key].append(one)
    out: list[Pooled] = []
    for (model, factor, level, reference), parts in groups.items():
        points = [(part.item.points.value / 100, part.spread) for part in parts]
        odds = [part.log_odds for part in parts if part.log_odds is not None]
        for scale, told in (("points", points), ("log-odds-ratio", odds)):
            if len(told) < 2 or len(told) < len(parts) or min(v for _, v in told) <= 0:
                continue
            mean = pool([value for value, _ in told], [v for _, v in told], confidence)
            size, most = (100, 100.0) if scale == "points" else (1, inf)

            def told_of(low: float, high: float, size: int = size, most: float = most) -> dict[str, float]:
                # No difference of two rates is larger than 100 points.
                return {
                    "low": _rounded(max(size * low, -most)),
                    "high": _rounded(min(size * high, most)),
                }

            ahead = None
            if mean.prediction_low is not None and mean.prediction_high is not None:
                ahead = Interval(
                    value=_rounded(size * mean.value),
                    **told_of(mean.prediction_low, mean.prediction_high),
                )
            item = Pooled(
                model=model,
                factor=factor,
                level=level,
                reference=reference,
                scale="points" if scale == "points" else "log-odds-ratio",
                mean=Interval(value=_rounded(size * mean.value), **told_of(mean.low, mean.high)),
                prediction=ahead,
                scenarios=mean.k,
                tau2=_rounded(size * size * mean.tau2),
                q=_rounded(mean.q),
                q_p=_rounded(mean.q_p),
                i2=_rounded(mean.i2),
                test=_untested(mean.p),
            )
            out.append(item)
            tests.add(item)
    return out


def _equivalence(found: Sequence[_Found], options: Options) -> tuple[Equivalence, ...]:
    if options.margin is None:
        return ()
    alpha = 1 - options.confidence
    tested = [tost(one.interval, options.margin, alpha) for one in found]
    adjusted = benjamini_hochberg([test.p for test in tested])
    out: list[Equivalence] = []
    for one, test, p in zip(found, tested, adjusted, strict=True):
        item = one.item
        what = (
            (item.factor, item.level, item.reference)
            if isinstance(item, Effect)
            else (MODEL, item.model, item.against)
        )
        out.append(
            Equivalence(
                model=item.model,
                factor=what[0],
                level=what[1],
                reference=what[2],
                low=_rounded(100 * test.low),
                high=_rounded(100 * test.high),
                p=_rounded(test.p),
                adjusted=_rounded(p),
                equivalent=p <= alpha and test.equivalent,
            )
        )
    return tuple(out)


Tested = TypeVar("Tested", Effect, Comparison, Pooled)


class _Tests:
    """All p values of a run, in their two families."""

    def __init__(self, questions: frozenset[Question]) -> None:
        self._questions = questions
        self._p: list[float] = []
        self._planned: list[bool] = []
        self._place: dict[int, int] = {}

    def add(
        self, item: Effect | Comparison | Pooled, question: Question | None = None, whole: bool = True
    ) -> None:
        """Take in the test of an item; it is planned if its question is, over the `whole` run."""
        asked = False
        if question is not None and whole:
            factor, level, reference = question
            asked = not self._questions.isdisjoint({question, (factor, reference, level)})
        self._place[id(item)] = len(self._p)
        self._p.append(item.test.p)
        self._planned.append(asked)

    def adjusted(self) -> Callable[[Tested], Tested]:
        """Return what puts the adjusted p value into an item that was taken in."""
        planned = iter(holm([p for p, yes in zip(self._p, self._planned, strict=True) if yes]))
        others = benjamini_hochberg([p for p, yes in zip(self._p, self._planned, strict=True) if not yes])
        rest = iter(others)
        found = [next(planned) if yes else next(rest) for yes in self._planned]

        def place(item: Tested) -> Tested:
            at = self._place[id(item)]
            yes = self._planned[at]
            test = Test(
                p=_rounded(item.test.p),
                adjusted=_rounded(found[at]),
                adjustment="holm" if yes else "benjamini-hochberg",
                family="planned" if yes else "exploratory",
            )
            return item.model_copy(update={"test": test})

        return place


def _planned(design: Design) -> frozenset[Question]:
    """Return the effects that the plan names; a question about a rate has no effect."""
    return frozenset(
        (one.factor, one.level, one.against)
        for one in (design.primary, *design.secondary)
        if one is not None and one.factor and one.level and one.against
    )


def _untested(p: float) -> Test:
    return Test(p=p, adjusted=p, adjustment="benjamini-hochberg", family="exploratory")


def _points(found: Estimate) -> Interval:
    return Interval(
        value=_rounded(100 * found.value), low=_limit(100 * found.low), high=_limit(100 * found.high)
    )


def _exp(value: float) -> float:
    return exp(value) if value < 700 else inf


def _limit(value: float) -> float | None:
    return _rounded(value) if isfinite(value) else None


def _rounded(value: float) -> float:
    """Return six significant digits; adding zero turns a negative zero into a plain one."""
    return float(f"{value:.6g}") + 0.0
