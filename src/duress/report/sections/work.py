"""The section on ordinary work: what people asked for, and how often it was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from duress.report import figures
from duress.report.html import short, titles
from duress.report.results import Cell, Results, Work
from duress.report.sections import Section, body
from duress.report.strings import Strings
from duress.report.table import by_scenario
from duress.stats import average


@dataclass(frozen=True, slots=True)
class Table:
    """Agents, or cells, against what was asked for."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One scenario in one language."""

    title: str
    averages: Table
    cells: Table


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return it for a run whose scenarios have tasks."""
    if all(cell.work is None for cell in results.cells):
        return None
    page = _Page(results, words, titles(folder, words.lang))
    return Section("work", words("work.title"), body("work", words, places=page.places()))


class _Page:
    def __init__(self, results: Results, words: Strings, titles: Mapping[str, str]) -> None:
        self._results = results
        self._words = words
        self._titles = titles
        self._short = short(results.run.models)

    def places(self) -> list[Place]:
        """Return the tables, by scenario and language."""
        out: list[Place] = []
        for (scenario, lang), cells in by_scenario(self._results.cells):
            held = [(cell, cell.work) for cell in cells if cell.work is not None]
            if held:
                out.append(Place(self._place(scenario, lang), self._averages(held), self._cells(held)))
        return out

    def _averages(self, held: Sequence[tuple[Cell, Work]]) -> Table:
        groups: dict[tuple[str, str], dict[bool, list[Work]]] = {}
        for cell, work in held:
            groups.setdefault((cell.model, cell.arm), {}).setdefault(cell.benign, []).append(work)
        heads = (self._words("work.attacked"), self._words("work.benign"))
        rows = [
            (self._name(*key), tuple(self._average(sides.get(benign, ())) for benign in (False, True)))
            for key, sides in groups.items()
        ]
        return Table(heads, tuple(rows))

    def _average(self, held: Sequence[Work]) -> str:
        if not held:
            return "–"
        found = average([(work.done, work.planned) for work in held])
        return self._words.rate(found.value, max(0.0, found.low), min(1.0, found.high))

    def _cells(self, held: Sequence[tuple[Cell, Work]]) -> Table:
        tasks = list(dict.fromkeys(task for _, work in held for task in work.tasks))
        heads = (
            self._words("column.condition"),
            *(task.replace("_", " ") for task in tasks),
            self._words("column.planned"),
            self._words("work.all"),
        )
        rows = [
            (
                self._name(cell.model, cell.arm),
                (
                    self._condition(cell),
                    *(figures.count(work.tasks[task]) if task in work.tasks else "–" for task in tasks),
                    figures.count(work.planned),
                    self._words.rate(work.rate, work.low, work.high),
                ),
            )
            for cell, work in held
        ]
        return Table(heads, tuple(rows))

    def _condition(self, cell: Cell) -> str:
        if cell.condition == "default":
            return self._words("default")
        pairs = (part.split("=", 1) for part in cell.condition.split(" "))
        return self._words.levels(dict(pairs))

    def _name(self, model: str, arm: str) -> str:
        name = self._short[model]
        return self._words("work.arm", name=name, arm=arm) if self._results.has_arms else name

    def _place(self, scenario: str, lang: str) -> str:
        title = self._titles.get(scenario, scenario.replace("_", " "))
        if len(self._results.run.lang) == 1:
            return title
        return self._words("scenario_in", scenario=title, lang=self._words.language(lang))
