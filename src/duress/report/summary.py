"""From the plan and the rows of a run to its results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat, zip_longest
from pathlib import Path
from typing import Any, cast

import orjson
import polars as pl

from duress.judge.outcome import Harm, Outcome
from duress.judge.tuned import tuned
from duress.report import anchors, defence, standing
from duress.report.results import (
    CONFIDENCE,
    Bounds,
    Cell,
    Counterpart,
    Effect,
    Excerpt,
    Harmful,
    Results,
    Run,
    Usage,
    Work,
)
from duress.stats import bounds, contrast, wilson
from duress.stats.contrast import METHOD
from duress.study.design import PLAIN_ARM, Design
from duress.study.design import cells as planned_cells
from duress.study.intent import ARM
from duress.trial.counterpart import Voices
from duress.trial.loop import CHECKER, COUNTERPART

EXCERPTS = 8
SPOKE = tuple(Voices(0, 0, 0).columns())
"""Columns on who spoke for the people who press."""
KEY = ("scenario", "lang", "model", "condition", "arm")
COLUMNS = (
    "trial_id",
    *KEY,
    "index",
    "outcome",
    "kinds",
    "evidence",
    "reader",
    "tasks",
    "tasks_done",
    "task_success",
    "run_seconds",
    "run_input_tokens",
    "run_output_tokens",
    "run_cost",
    "run_model_served",
    "run_counterpart_input_tokens",
    "run_counterpart_output_tokens",
    "run_counterpart_cost",
    *SPOKE,
    "run_finished",
    *defence.COLUMNS,
)
NEUTRAL = ("none", "off", "absent", "placebo")
"""Levels that take a factor out: where one was run, effects are told against it."""


def summarise(folder: Path) -> Results:
    """Return the results of a run directory; raises `StudyError` if it cannot be read."""
    from duress.report.judged import validation
    from duress.study import freeze, planfile
    from duress.study.compact import trials

    plan = planfile.read(folder)
    rows = trials(folder, list(COLUMNS))
    design = plan.design
    frozen = freeze.of_folder(folder)
    found_on = found_here(design)
    # What a search has tuned is exploratory, whatever a plan says.
    planned = frozen is not None and not found_on
    release = standing.released(plan, rows)
    found = standing.cells(cells(plan.cells, standing.given(plan, release), rows), design, planned)
    dates = _names(rows, "run_finished")
    run = Run(
        seed=design.seed,
        lang=design.langs,
        trials_per_cell=design.trials,
        models=design.models,
        scenarios=tuple(scenario.name for scenario in design.scenarios),
        arms=design.all_arms,
        policies={
            arm: f"{guarding.name} {guarding.version} ({guarding.hash[:12]})"
            for arm, guarding in design.guards.items()
        },
        reviewer=None if design.reviewer is None else str(design.reviewer),
        fraction=design.fraction,
        versions={
            scenario.name: f"{scenario.version} ({scenario.hash[:12]})" for scenario in design.scenarios
        },
        plan_hash=plan.hash,
        created=frozen.at if frozen else dates[0] if dates else "",
        frozen=frozen.hash if frozen else None,
        duress=plan.duress,
        judge=", ".join(_names(rows, "reader")) or design.judge,
        judge_validation=validation(folder),
        settings=design.settings,
        served=_names(rows, "run_model_served"),
        planned=sum(cell.planned for cell in found),
        finished=sum(cell.finished for cell in found),
        usage=_usage(rows),
        counterpart=_counterpart(design.settings, rows),
        tuned=found_on,
    )
    return Results(
        run=run,
        cells=found,
        effects=standing.effects(effects(found, design.all_arms), design, planned),
        excerpts=excerpts(rows),
        comparisons=standing.comparisons(design, release, planned) if release else (),
        anchors=anchors.found(folder),
        defences=defence.found(design, found, rows) if len(design.all_arms) > 1 else (),
    )


def cells(
    planned: Iterable[Mapping[str, Any]], trials_per_cell: int | Sequence[int], rows: pl.DataFrame
) -> tuple[Cell, ...]:
    """Return every planned cell in plan order with the counts of its rows.

    `trials_per_cell` is one number for all cells, or what each has been given.

    `planned` holds each cell's scenario, lang, model, condition and levels. `rows` has at least
    those of its columns that tell a cell, `outcome` and `kinds`; with the columns on tasks, cells have work.
    """
    counts = _counts(rows)
    given = repeat(trials_per_cell) if isinstance(trials_per_cell, int) else trials_per_cell
    return tuple(
        _cell({ARM: PLAIN_ARM, **cell}, trials, counts) for cell, trials in zip(planned, given, strict=False)
    )


def _counts(rows: pl.DataFrame) -> dict[tuple[str, ...], dict[str, int]]:
    if not rows.height:
        return {}
    kinds = pl.col("kinds").str.split("+")
    harmful = pl.col("outcome") == Outcome.HARMFUL.value
    if ARM not in rows.columns:
        rows = rows.with_columns(pl.lit(PLAIN_ARM).alias(ARM))
    if "tasks" not in rows.columns:
        rows = rows.with_columns(pl.lit("").alias("tasks"), pl.lit("").alias("tasks_done"))
        rows = rows.with_columns(pl.lit(None, pl.Boolean).alias("task_success"))
    asked = [task for task in rows["tasks"].drop_nulls().str.split("+").explode().unique().to_list() if task]
    done = pl.col("tasks_done").str.split("+")
    table = rows.group_by(KEY).agg(
        pl.len().alias("finished"),
        *((pl.col("outcome") == outcome.value).sum().alias(outcome.value) for outcome in Outcome),
        *((harmful & kinds.list.contains(harm.value)).sum().alias(f"kind {harm.value}") for harm in Harm),
        pl.col("tasks").drop_nulls().first().alias("tasks"),
        pl.col("task_success").cast(pl.Boolean).sum().alias("work"),
        *(done.list.contains(task).sum().alias(f"task {task}") for task in asked),
    )
    return {tuple(row[name] for name in KEY): row for row in table.iter_rows(named=True)}


def _cell(cell: Mapping[str, Any], planned: int, counts: Mapping[tuple[str, ...], Mapping[str, int]]) -> Cell:
    found = counts.get(tuple(cell[name] for name in KEY), {})
    finished = found.get("finished", 0)
    outcomes = {outcome: found.get(outcome.value, 0) for outcome in Outcome}
    harmful = outcomes[Outcome.HARMFUL]
    untold = (
        planned
        - finished
        + sum(outcomes[outcome] for outcome in (Outcome.INVALID, Outcome.JUDGE_ERROR, Outcome.TRUNCATED))
    )
    rate = wilson(harmful, planned, CONFIDENCE)
    best, worst = bounds(harmful, untold, planned)
    return Cell(
        **{name: cell[name] for name in KEY},
        levels=cell["levels"],
        planned=planned,
        finished=finished,
        missing=planned - finished,
        outcomes=outcomes,
        harmful=Harmful(
            count=harmful,
            planned=planned,
            rate=_share(rate.value),
            low=_share(rate.low),
            high=_share(rate.high),
        ),
        bounds=Bounds(worst=_share(worst), best=_share(best)),
        kinds={harm.value: found[f"kind {harm.value}"] for harm in Harm if found.get(f"kind {harm.value}")},
        work=_work(found, planned),
    )


def _work(found: Mapping[str, Any], planned: int) -> Work | None:
    tasks = [task for task in (found.get("tasks") or "").split("+") if task]
    if not tasks:
        return None
    rate = wilson(found["work"], planned, CONFIDENCE)
    return Work(
        done=found["work"],
        planned=planned,
        rate=_share(rate.value),
        low=_share(rate.low),
        high=_share(rate.high),
        tasks={task: found[f"task {task}"] for task in tasks},
    )


def effects(cells: Sequence[Cell], arms: Mapping[str, Mapping[str, str]] | None = None) -> tuple[Effect, ...]:
    """Return what each level of each varied factor, and each arm, does, per scenario, language and model.

    A level is compared with its reference in pairs of cells that are equal in all else; pairs of which
    only one cell was run do not take part. Where no such pair was run, but every other factor is
    balanced between the two levels (a fraction of a factorial), the cells of each level are averaged.
    What an arm sets is no factor of its own: `arms` says it.
    """
    set_by_arms = {name for levels in (arms or {}).values() for name in levels}
    groups: dict[tuple[str, str, str], list[tuple[dict[str, str], Cell]]] = defaultdict(list)
    for cell in filter(lambda cell: cell.measures_harm, cells):
        levels = {name: level for name, level in cell.levels.items() if name not in set_by_arms}
        groups[cell.scenario, cell.lang, cell.model].append(({**levels, ARM: cell.arm}, cell))
    return tuple(
        effect
        for group in groups.values()
        for factor in group[0][0]
        for effect in _effects_of(factor, group, list(arms or {}))
    )


def _effects_of(
    factor: str, group: Sequence[tuple[dict[str, str], Cell]], arms: Sequence[str]
) -> Iterable[Effect]:
    by_level: dict[str, dict[tuple[tuple[str, str], ...], Cell]] = defaultdict(dict)
    for levels, cell in group:
        others = tuple(item for item in levels.items() if item[0] != factor)
        by_level[levels[factor]][others] = cell
    first = group[0][1]
    if factor == ARM:
        reference = next((arm for arm in arms if arm in by_level), first.arm)
    else:
        reference = baseline(factor, list(by_level), [cell for _, cell in group])
    against = by_level[reference]
    for level, here in by_level.items():
        if level == reference:
            continue
        ours, theirs, pairs = _compared(here, against)
        if not pairs:
            continue
        estimate = contrast(
            [(1 / len(ours), cell.harmful.count, cell.planned) for cell in ours]
            + [(-1 / len(theirs), cell.harmful.count, cell.planned) for cell in theirs],
            CONFIDENCE,
        )
        yield Effect(
            scenario=first.scenario,
            lang=first.lang,
            model=first.model,
            factor=factor,
            level=level,
            reference=reference,
            points=_points(estimate.value),
            low=_points(estimate.low),
            high=_points(estimate.high),
            method=METHOD,
            cells=pairs,
            planned=sum(cell.planned for cell in (*ours, *theirs)),
            missing=sum(cell.missing for cell in (*ours, *theirs)),
        )


def _compared(
    here: Mapping[tuple[tuple[str, str], ...], Cell], against: Mapping[tuple[tuple[str, str], ...], Cell]
) -> tuple[list[Cell], list[Cell], int]:
    """Return the cells of both levels that can be compared, and how many there are of each."""
    shared = [others for others in here if others in against]
    if shared:
        return [here[others] for others in shared], [against[others] for others in shared], len(shared)
    counts = [Counter(item for others in side for item in others) for side in (here, against)]
    if len(here) == len(against) and counts[0] == counts[1]:
        return list(here.values()), list(against.values()), len(here)
    return [], [], 0


def baseline(factor: str, levels: Sequence[str], group: Sequence[Cell]) -> str:
    """Return the level that others are compared with: a neutral one, else the pack's default."""
    for level in NEUTRAL:
        if level in levels:
            return level
    # A condition's label names what is not at its default.
    default = [c.levels[factor] for c in group if f" {factor}=" not in f" {c.condition}"]
    return default[0] if default else levels[0]


def excerpts(rows: pl.DataFrame) -> tuple[Excerpt, ...]:
    """Return up to eight trials that show each kind of harm, the same ones for the same rows.

    For each kind and model that is its first trial in plan order; while there is room, every kind
    gets one before any gets another.
    """
    if "kinds" not in rows.columns:
        return ()
    harmful = rows.filter(pl.col("outcome") == Outcome.HARMFUL.value)
    firsts: list[list[tuple[Harm, dict[str, Any]]]] = []
    for harm in Harm:
        shows = harmful.filter(pl.col("kinds").str.split("+").list.contains(harm.value))
        first = shows.unique("model", keep="first", maintain_order=True).head(EXCERPTS)
        firsts.append([(harm, row) for row in first.iter_rows(named=True)])
    # Turned: the first of every kind, then the second of every kind, ...
    taken = [found for turn in zip_longest(*firsts) for found in turn if found is not None]
    order = list(Harm)
    chosen = sorted(taken[:EXCERPTS], key=lambda found: order.index(found[0]))
    return tuple(_excerpt(harm, row) for harm, row in chosen)


def _excerpt(harm: Harm, row: Mapping[str, Any]) -> Excerpt:
    evidence = cast("list[dict[str, Any]]", orjson.loads(row["evidence"]))
    mine = [item for item in evidence if item["kind"] == harm.value]
    return Excerpt(
        kind=harm.value,
        **{name: row[name] for name in ("trial_id", *KEY) if name in row},
        quotes=tuple(dict.fromkeys(quote for item in mine for quote in item["quotes"])),
        calls=tuple(dict.fromkeys(call for item in mine for call in item["call_ids"])),
        why=" ".join(dict.fromkeys(item["why"] for item in mine)),
    )


def found_here(design: Design) -> tuple[str, ...]:
    """Return which ladders a search found on the models that they are used on, or on their kin."""
    if not design.allow_tuned:
        # Nothing that was tuned could be planned.
        return ()
    found = (tuned(cell.pack, cell.condition, cell.model) for cell in planned_cells(design))
    return tuple(dict.fromkeys(one for one in found if one))


def _total(rows: pl.DataFrame, name: str) -> float | None:
    if name not in rows.columns or rows[name].null_count() == rows.height:
        return None
    return float(rows[name].cast(pl.Float64, strict=False).sum())


def _counterpart(settings: Mapping[str, Any], rows: pl.DataFrame) -> Counterpart | None:
    if COUNTERPART not in settings:
        return None
    by_model, by_script, rejected = (int(_total(rows, name) or 0) for name in SPOKE)
    model = str(settings[COUNTERPART])
    return Counterpart(
        model=model,
        checker=str(settings.get(CHECKER, model)),
        turns=by_model + by_script,
        by_script=by_script,
        # Each turn that the model got to speak is a try that stood.
        tries=by_model + rejected,
        rejected=rejected,
        usage=_usage(rows, "run_counterpart_"),
    )


def _usage(rows: pl.DataFrame, prefix: str = "run_") -> Usage:
    seconds, cost = _total(rows, f"{prefix}seconds"), _total(rows, f"{prefix}cost")
    tokens_in = _total(rows, f"{prefix}input_tokens")
    tokens_out = _total(rows, f"{prefix}output_tokens")
    return Usage(
        seconds=None if seconds is None else round(seconds, 3),
        input_tokens=None if tokens_in is None else int(tokens_in),
        output_tokens=None if tokens_out is None else int(tokens_out),
        cost=None if cost is None else round(cost, 4),
    )


def _names(rows: pl.DataFrame, column: str) -> tuple[str, ...]:
    if column not in rows.columns:
        return ()
    return tuple(sorted(rows[column].drop_nulls().cast(pl.String).unique()))


def _share(value: float) -> float:
    return round(value, 6)


def _points(value: float) -> float:
    # Adding zero turns a negative zero into a plain one.
    return round(100 * value, 4) + 0.0
