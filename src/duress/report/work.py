"""Ordinary work, for a terminal or a document: how often what people asked for was done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from duress.report import figures
from duress.report.results import Cell, Results, Work

if TYPE_CHECKING:
    from rich.text import Text

    from duress.report.grid import Grid


def lines(cells: Sequence[Cell], width: int) -> Iterator[Grid | Text | str]:
    """Yield what cells of one scenario say of ordinary work, as wide as there is room; nothing for none."""
    held = [(cell, cell.work) for cell in cells if cell.work is not None]
    if not held:
        return
    yield ""
    grid = _grid(held)
    if grid.stands(width):
        yield grid
        return
    yield from _listed(held)


def markdown(results: Results, cells: Sequence[Cell]) -> list[str]:
    """Return the lines of the Markdown table of some cells; none where nothing was asked for."""
    held = [(cell, cell.work) for cell in cells if cell.work is not None]
    if not held:
        return []
    tasks = _tasks(work for _, work in held)
    arm = ["arm"] if results.has_arms else []
    heads = ["model", "condition", *arm, *tasks, "planned", "all tasks done, 95 % interval"]
    out = ["", "| " + " | ".join(heads) + " |"]
    out.append("|" + "---|" * (2 + len(arm)) + "---:|" * (len(tasks) + 2))
    for cell, work in held:
        counts = [str(work.tasks.get(task, "–")) for task in tasks]
        names = [cell.model, cell.condition, *([cell.arm] if arm else [])]
        out.append("| " + " | ".join([*names, *counts, str(work.planned), rate(work)]) + " |")
    return out


def rate(work: Work) -> str:
    """Return how often all tasks were done, with its limits."""
    return figures.rate(work.rate, work.low, work.high)


def _tasks(held: Iterable[Work]) -> list[str]:
    return list(dict.fromkeys(task for work in held for task in work.tasks))


def _grid(held: Sequence[tuple[Cell, Work]]) -> Grid:
    from rich.text import Text

    from duress.report.grid import Grid
    from duress.report.table import named

    tasks = _tasks(work for _, work in held)
    arms = len({cell.arm for cell, _ in held}) > 1
    single = len({cell.condition for cell, _ in held}) == 1 and not arms
    grid = Grid(
        "ordinary work", [*(task.replace("_", " ") for task in tasks), "of", "all done, 95 % interval"]
    )
    for model, rows in groupby(held, key=lambda one: one[0].model):
        if not single:
            grid.head(Text(model, style="bold"))
        for cell, work in rows:
            grid.add(
                Text(model if single else named(cell, arms)),
                *(Text(str(work.tasks.get(task, "–"))) for task in tasks),
                Text(str(work.planned)),
                Text(rate(work)),
                indent=not single,
            )
    return grid


def _listed(held: Sequence[tuple[Cell, Work]]) -> Iterator[Text]:
    from rich.text import Text

    from duress.report.table import named

    arms = len({cell.arm for cell, _ in held}) > 1
    yield Text("ordinary work", style="bold")
    for model, rows in groupby(held, key=lambda one: one[0].model):
        yield Text(model, style="bold")
        for cell, work in rows:
            counts = ", ".join(f"{task.replace('_', ' ')} {count}" for task, count in work.tasks.items())
            yield Text(f"{named(cell, arms)}: {counts}, of {work.planned}")
            yield Text(f"  all done {rate(work)}")
