"""Results for a terminal, a document, a spreadsheet or a program."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from duress.judge.outcome import Outcome
from duress.report import compared, defended, figures, work
from duress.report.results import Cell, Effect, Harmful, Results, Run
from duress.stats import Method

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from duress.report.comparison import Change, Comparison
    from duress.report.grid import Grid

Format = Literal["table", "md", "csv", "json"]

ORDER = (
    Outcome.HARMFUL,
    Outcome.HONEST,
    Outcome.COMPLIED,
    Outcome.REFUSED,
    Outcome.INCOMPETENT,
    Outcome.TRUNCATED,
    Outcome.JUDGE_ERROR,
    Outcome.INVALID,
)
"""Outcomes as people read them: harm, then what is known not to be, then what is not known."""
_HEADS = {
    Outcome.HARMFUL: ("harm-\nful", "hrm"),
    Outcome.HONEST: ("hon-\nest", "hon"),
    Outcome.COMPLIED: ("com-\nplied", "cpl"),
    Outcome.REFUSED: ("re-\nfused", "ref"),
    Outcome.INCOMPETENT: ("incom-\npetent", "inc"),
    Outcome.TRUNCATED: ("trun-\ncated", "trn"),
    Outcome.JUDGE_ERROR: ("judge\nerror", "jer"),
    Outcome.INVALID: ("in-\nvalid", "inv"),
}


def text(results: Results, format: Format) -> str:
    """Return results as Markdown, CSV (one line per cell) or JSON (`results.json`), or as a plain
    table of 100 columns."""
    if format == "json":
        return results.to_json().decode()
    if format == "csv":
        return _csv(results)
    if format == "md":
        return _markdown(results)
    from rich.console import Console

    out = StringIO()
    Console(file=out, width=100, color_system=None, legacy_windows=False).print(table(results))
    return out.getvalue()


def table(results: Results) -> Page:
    """Return results to print on a `rich` console, which knows its width and about NO_COLOR."""
    return Page(results)


def comparison(found: Comparison, names: tuple[str, str]) -> Versus:
    """Return a comparison of two runs, called by `names`, to print on a `rich` console."""
    return Versus(found, names)


class Page:
    """Everything that a run found, in the width there is."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        results = self._results
        groups = by_scenario(results.cells)
        roomy = all(_cells(cells, True).fits(options.max_width) for _, cells in groups)
        yield _what_was_run(results)
        for (scenario, lang), cells in groups:
            yield ""
            yield _title(scenario, lang, results)
            yield from _fitting(cells, roomy, options.max_width)
            yield from _below(cells)
            yield from work.lines(cells, options.max_width)
            effects = [e for e in results.effects if (e.scenario, e.lang) == (scenario, lang)]
            if effects:
                yield ""
                yield from _fitting_effects(effects, options.max_width)
            yield from defended.lines(results, scenario, lang)
        yield from compared.lines(results)
        yield ""
        yield _legend(results, roomy)


class Versus:
    """Two runs, cell by cell."""

    def __init__(self, found: Comparison, names: tuple[str, str]) -> None:
        self._found = found
        self._names = names

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        found, (before, after) = self._found, self._names
        yield Text.assemble((before, "bold"), "  \N{RIGHTWARDS ARROW}  ", (after, "bold"))
        for axis, (here, there) in found.differs.items():
            yield Text(f"{axis}: {here} \N{RIGHTWARDS ARROW} {there}")
        for (scenario, lang), changes in _by_scenario_of_change(found.changes):
            yield ""
            yield Text.assemble((scenario, "bold"), (f"  {lang}", "dim"))
            grid = _changes(changes)
            if grid.stands(options.max_width):
                yield grid
            else:
                yield from _changes_listed(changes)
        if not found.changes:
            yield Text("The two runs have no cell in common.", style="yellow")
        for name, cells in ((before, found.only_before), (after, found.only_after)):
            if cells:
                yield ""
                yield Text(f"Only in {name}: {_listed(cells)}", style="dim")
        yield from compared.drifted(found.drift)
        yield ""
        yield Text(
            "Harmful trials of all planned, with 95 % Wilson intervals; the change in percentage "
            "points with Newcombe's 95 % interval. An interval that leaves out zero is in bold.",
            style="dim",
        )


def _what_was_run(results: Results) -> Text:
    from rich.text import Text

    run = results.run
    head = Text.assemble(
        (f"{figures.count(run.planned)} trials planned", "bold"),
        f", {figures.count(run.finished)} finished",
    )
    if run.finished < run.planned:
        head.append(f", {figures.count(run.planned - run.finished)} missing", style="yellow")
    parts = [
        f"{_per_cell(results)} per cell",
        f"seed {run.seed}",
        f"read by {run.judge}{_untested(run)}",
        *_pressing(run),
    ]
    return head.append("  \N{MIDDLE DOT} " + " \N{MIDDLE DOT} ".join(parts), style="dim")


def _pressing(run: Run) -> Iterator[str]:
    """Yield who pressed, where a model was to, and what was tuned on whom."""
    spoke = run.counterpart
    if spoke is not None:
        yield (
            f"{spoke.model} pressed: {figures.count(spoke.rejected)} of its {figures.count(spoke.tries)} "
            f"turns were rejected, and the script spoke {figures.count(spoke.by_script)} of "
            f"{figures.count(spoke.turns)}"
        )
    if run.tuned:
        yield f"exploratory: {'; '.join(run.tuned)}"


def _per_cell(results: Results) -> str:
    low, high = results.per_cell
    return figures.count(high) if low == high else f"{figures.count(low)} to {figures.count(high)}"


def _untested(run: Run) -> str:
    """Return what stands behind the reader's name unless people's labels have validated it."""
    return " (judge not validated)" if run.judge_validation.status == "not validated" else ""


def _title(scenario: str, lang: str, results: Results) -> Text:
    from rich.text import Text

    title = Text(scenario, style="bold")
    if len(results.run.lang) > 1 or lang != "en":
        title.append(f"  {lang}", style="dim")
    return title


def _fitting(cells: Sequence[Cell], roomy: bool, width: int) -> Iterable[Grid | Text]:
    """Lay out cells so that every interval is whole: with all columns, without empty ones, as text."""
    for empty in (True, False):
        grid = _cells(cells, roomy, empty)
        if grid.stands(width):
            return [grid]
    return _cells_listed(cells)


def _cells_listed(cells: Sequence[Cell]) -> Iterator[Text]:
    from rich.text import Text

    arms = _arms(cells)
    for model, rows in groupby(cells, key=lambda cell: cell.model):
        yield Text(model, style="bold")
        for cell in rows:
            told = [
                f"{outcome.value.replace('_', ' ')} {number}"
                for outcome, number in ((outcome, cell.outcomes[outcome]) for outcome in ORDER)
                if number
            ]
            if cell.missing:
                told.append(f"missing {cell.missing}")
            yield Text(f"{named(cell, arms)}: {', '.join(told)}, of {cell.planned}")
            yield from (Text("  ") + line for line in _rate(cell).split("\n"))


def _cells(cells: Sequence[Cell], roomy: bool, empty: bool = True) -> Grid:
    """Lay out cells; `roomy` spells the headings out, `empty` keeps outcomes that nothing ended in."""
    from rich.text import Text

    from duress.report.grid import Grid

    arms = _arms(cells)
    single = len({cell.condition for cell in cells}) == 1 and not arms
    missing = any(cell.missing for cell in cells)
    order = [o for o in ORDER if empty or any(cell.outcomes[o] for cell in cells)]
    grid = Grid(
        f"condition: {cells[0].condition}" if single else "condition",
        [
            *(_HEADS[outcome][0 if roomy else 1] for outcome in order),
            *(["miss-\ning" if roomy else "mis"] if missing else []),
            "of",
            "harmful, 95 % interval" if roomy else "harmful [95 %]",
        ],
    )
    for model, rows in groupby(cells, key=lambda cell: cell.model):
        if not single:
            grid.head(Text(model, style="bold"))
        for cell in rows:
            grid.add(
                Text(model if single else named(cell, arms)),
                *(_shown(outcome, cell.outcomes[outcome]) for outcome in order),
                *([_gap(cell.missing)] if missing else []),
                Text(str(cell.planned)),
                _rate(cell),
                indent=not single,
            )
    return grid


def _arms(cells: Sequence[Cell]) -> bool:
    return len({cell.arm for cell in cells}) > 1


def named(cell: Cell, arms: bool) -> str:
    """Return the condition of a cell, with its arm where a run has several."""
    return f"{cell.condition} arm={cell.arm}" if arms else cell.condition


def _shown(outcome: Outcome, number: int) -> Text:
    from rich.text import Text

    if not number:
        return Text("\N{MIDDLE DOT}", style="dim")
    return Text(str(number), style="bold red" if outcome is Outcome.HARMFUL else "")


def _gap(missing: int) -> Text:
    from rich.text import Text

    return Text(str(missing), style="yellow") if missing else Text("\N{MIDDLE DOT}", style="dim")


def _rate(cell: Cell) -> Text:
    from rich.text import Text

    if not cell.measures_harm:
        return Text("–", style="dim")
    estimate = cell.harmful.estimate
    out = Text(figures.rate(estimate.value, estimate.low, estimate.high))
    if cell.unsettled:
        out.append(f"\n{_bounds(cell)}", style="yellow")
    return out


def _bounds(cell: Cell) -> str:
    best, worst = figures.number(100 * cell.bounds.best), figures.percent(cell.bounds.worst)
    return f"from {best} to {worst}"


def _below(cells: Sequence[Cell]) -> Iterator[Text]:
    from rich.text import Text

    kinds: dict[str, int] = {}
    for cell in cells:
        for kind, number in cell.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + number
    if kinds:
        told = ", ".join(f"{kind.replace('_', ' ')} {number}" for kind, number in kinds.items())
        yield Text(f"kinds of harm: {told}", style="dim")


def _fitting_effects(effects: Sequence[Effect], width: int) -> Iterable[Grid | Text]:
    """Lay out effects so that every interval is whole: with a drawing, without, as text."""
    for drawn in (True, False):
        grid = _effects(effects, drawn)
        if grid.stands(width):
            return [grid]
    return _effects_listed(effects)


def _effects_listed(effects: Sequence[Effect]) -> Iterator[Text]:
    from rich.text import Text

    for (factor, level, reference), rows in by_contrast(effects):
        yield Text.assemble((f"{factor}: {level}", "bold"), (f" against {reference}", "dim"))
        for effect in rows:
            trials = f"{effect.planned} trials"
            if effect.missing:
                trials += f", {effect.missing} missing"
            yield Text(f"{effect.model}, {trials}")
            yield Text(f"  {figures.points(effect.points, effect.low, effect.high)}")


def _effects(effects: Sequence[Effect], drawn: bool = True) -> Grid:
    """Lay out effects; `drawn` draws each interval, too."""
    from rich.text import Text

    from duress.report.grid import Grid

    grid = Grid(
        "effect on the harmful rate",
        ["points", "95 % interval", *(["\N{MINUS SIGN}100      0      +100"] if drawn else []), "trials"],
    )
    for (factor, level, reference), rows in by_contrast(effects):
        grid.head(Text.assemble((f"{factor}: {level}", "bold"), (f" against {reference}", "dim")))
        for effect in rows:
            clear = effect.low > 0 or effect.high < 0
            trials = Text(str(effect.planned))
            if effect.missing:
                trials.append(f"\n{effect.missing} missing", style="yellow")
            style = "red" if effect.low > 0 else "" if clear else "dim"
            grid.add(
                Text(effect.model),
                Text(figures.signed(effect.points), style="bold" if clear else ""),
                Text(f"[{figures.signed(effect.low)}, {figures.signed(effect.high)}]"),
                *([Text(_drawn(effect), style=style)] if drawn else []),
                trials,
                indent=True,
            )
    return grid


def _drawn(effect: Effect, half: int = 10) -> str:
    """Draw an interval on a line from -100 to 100 points."""

    def place(value: float) -> int:
        return half + round(max(-100.0, min(100.0, value)) * half / 100)

    line = [" "] * (2 * half + 1)
    line[half] = "\N{BOX DRAWINGS LIGHT VERTICAL}"
    for position in range(place(effect.low), place(effect.high) + 1):
        line[position] = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
    if line[half] == "\N{BOX DRAWINGS LIGHT HORIZONTAL}":
        line[half] = "\N{BOX DRAWINGS LIGHT VERTICAL AND HORIZONTAL}"
    line[place(effect.points)] = "\N{BLACK CIRCLE}"
    return "".join(line)


def _legend(results: Results, roomy: bool) -> Text:
    from rich.text import Text

    said = [
        f"Rates are shares of the planned trials, with {_method(results)} intervals.",
    ]
    if not roomy:
        short = ", ".join(f"{_HEADS[o][1]} {o.value.replace('_', ' ')}" for o in ORDER)
        said.insert(0, f"Outcomes: {short}.")
    if any(cell.unsettled for cell in results.cells):
        said.append(
            "Where trials say nothing, the second line says what the rate could have been: from no "
            "harm to harm in every trial that is missing, invalid, cut off or unjudged."
        )
    if results.effects:
        said.append(
            "Effects are differences in percentage points, averaged over the other factors "
            "(MOVER intervals); the line runs from \N{MINUS SIGN}100 to +100."
        )
    return Text(" ".join([*said, *defended.notes(results)]), style="dim")


def _method(results: Results) -> str:
    """Return the name of the method that made the intervals of the rates."""
    methods = {cell.harmful.method for cell in results.cells} or {Method.WILSON}
    return " and ".join(sorted(name.value.title() for name in methods))


def _changes(changes: Sequence[Change]) -> Grid:
    from rich.text import Text

    from duress.report.grid import Grid

    def share(harmful: Harmful) -> Text:
        low, high = figures.number(100 * harmful.low), figures.number(100 * harmful.high)
        told = f"{harmful.count}/{harmful.planned}  {figures.percent(harmful.rate)}"
        return Text(told).append(f"\n[{low}, {high}]", style="dim")

    arms = _arms([change.after for change in changes])
    grid = Grid("condition", ["before", "after", "change in points"])
    for model, rows in groupby(changes, key=lambda change: change.after.model):
        grid.head(Text(model, style="bold"))
        for change in rows:
            moved = change.difference
            low, high = figures.signed(100 * moved.low), figures.signed(100 * moved.high)
            clear = moved.low > 0 or moved.high < 0
            told = Text(figures.signed(100 * moved.value), style="bold" if clear else "")
            grid.add(
                Text(named(change.after, arms)),
                share(change.before.harmful),
                share(change.after.harmful),
                told.append(f"\n[{low}, {high}]", style="bold" if clear else "dim"),
                indent=True,
            )
    return grid


def _changes_listed(changes: Sequence[Change]) -> Iterator[Text]:
    from rich.text import Text

    arms = _arms([change.after for change in changes])
    for model, rows in groupby(changes, key=lambda change: change.after.model):
        yield Text(model, style="bold")
        for change in rows:
            yield Text(named(change.after, arms))
            for name, cell in (("before", change.before), ("after", change.after)):
                rate = cell.harmful
                yield Text(f"{name} {figures.rate(rate.rate, rate.low, rate.high)} of {rate.planned}")
            moved = change.difference
            yield Text(f"change {figures.points(100 * moved.value, 100 * moved.low, 100 * moved.high)}")


def _markdown(results: Results) -> str:
    run = results.run
    lines = [
        f"**{figures.count(run.planned)} trials planned, {figures.count(run.finished)} finished**; "
        f"{_per_cell(results)} per cell, seed {run.seed}, read by `{run.judge}`{_untested(run)}; "
        f"{_method(results)} intervals."
    ]
    lines += [f"{one[0].upper()}{one[1:]}." for one in _pressing(run)]
    for (scenario, lang), cells in by_scenario(results.cells):
        lines += ["", f"### {scenario} ({lang})", ""]
        heads = [
            "model",
            "condition",
            *(["arm"] if results.has_arms else []),
            *(o.value.replace("_", " ") for o in ORDER),
        ]
        heads += ["missing", "planned", "harmful rate, 95 % interval", "bounds"]
        lines += _row(heads)
        names = 3 if results.has_arms else 2
        lines.append("|" + "---|" * names + "---:|" * (len(heads) - names))
        for cell in cells:
            estimate = cell.harmful.estimate
            lines += _row(
                [
                    cell.model,
                    cell.condition,
                    *([cell.arm] if results.has_arms else []),
                    *(str(cell.outcomes[outcome]) for outcome in ORDER),
                    str(cell.missing),
                    str(cell.planned),
                    figures.rate(estimate.value, estimate.low, estimate.high) if cell.measures_harm else "–",
                    _bounds(cell) if cell.unsettled else "",
                ]
            )
        lines += work.markdown(results, cells)
        effects = [e for e in results.effects if (e.scenario, e.lang) == (scenario, lang)]
        if effects:
            lines += ["", *_row(["factor", "level", "against", "model", "points, 95 % interval"])]
            lines.append("|---|---|---|---|---:|")
            for effect in effects:
                told = figures.points(effect.points, effect.low, effect.high)
                lines += _row([effect.factor, effect.level, effect.reference, effect.model, told])
        lines += defended.markdown(results, scenario, lang)
    return "\n".join([*lines, *compared.markdown(results)]) + "\n"


def _row(values: Iterable[str]) -> list[str]:
    return ["| " + " | ".join(value.replace("|", r"\|") for value in values) + " |"]


def _csv(results: Results) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    factors = list(dict.fromkeys(name for cell in results.cells for name in cell.levels))
    names = ["scenario", "lang", "model", "condition", *(["arm"] if results.has_arms else [])]
    writer.writerow(
        [*names, *factors, "planned", "finished", "missing"]
        + [outcome.value for outcome in ORDER]
        + ["harmful_rate", "low", "high", "best", "worst", "interval", "standing"]
        + ["task_done", "task_rate", "task_low", "task_high"]
    )
    for cell in results.cells:
        writer.writerow(
            [*cell.key[: len(names)], *(cell.levels.get(name, "") for name in factors)]
            + [cell.planned, cell.finished, cell.missing]
            + [cell.outcomes[outcome] for outcome in ORDER]
            + [cell.harmful.rate, cell.harmful.low, cell.harmful.high]
            + [cell.bounds.best, cell.bounds.worst, cell.harmful.method.value, cell.standing]
            + ([""] * 4 if cell.work is None else list(cell.work.figures))
        )
    return out.getvalue()


def by_scenario(cells: Sequence[Cell]) -> list[tuple[tuple[str, str], list[Cell]]]:
    """Group cells by scenario and language, and within them by model, each in plan order."""
    groups: dict[tuple[str, str], dict[str, list[Cell]]] = {}
    for cell in cells:
        models = groups.setdefault((cell.scenario, cell.lang), {})
        models.setdefault(cell.model, []).append(cell)
    return [(key, [c for rows in models.values() for c in rows]) for key, models in groups.items()]


def _by_scenario_of_change(
    changes: Sequence[Change],
) -> list[tuple[tuple[str, str], list[Change]]]:
    by_cell = {change.after.key: change for change in changes}
    return [
        (key, [by_cell[cell.key] for cell in cells])
        for key, cells in by_scenario([change.after for change in changes])
    ]


def by_contrast(effects: Sequence[Effect]) -> list[tuple[tuple[str, str, str], list[Effect]]]:
    """Group effects by what they compare: (factor, level, reference)."""
    groups: dict[tuple[str, str, str], list[Effect]] = {}
    for effect in effects:
        key = (effect.factor, effect.level, effect.reference)
        groups.setdefault(key, []).append(effect)
    return list(groups.items())


def _listed(cells: Sequence[Cell], most: int = 6) -> str:
    arms = _arms(cells)
    told = [" ".join((*cell.key[:3], named(cell, arms))) for cell in cells[:most]]
    more = len(cells) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")
