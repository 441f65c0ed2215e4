"""The first page of a report with many scenarios: what stands out, one table, and where to read on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from duress.report import figures, sections
from duress.report.html import Page, filled, titles
from duress.report.results import Cell, Results
from duress.report.strings import Strings
from duress.report.table import by_scenario
from duress.stats import Estimate, average


@dataclass(frozen=True, slots=True)
class Rate:
    """One agent in one scenario, averaged over conditions."""

    agent: str
    estimate: Estimate
    text: str
    limits: str
    of: str


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario in one language."""

    address: str
    title: str
    lang: str
    """Empty where the run has one language only."""
    first: bool
    """Whether the scenario's title stands here."""
    languages: int
    rates: tuple[Rate | None, ...]
    """One per agent of the run; None where it was not run."""


def overview(folder: Path, lang: str, results: Results, addresses: Mapping[str, str]) -> str:
    """Return the page; `addresses` are those of the scenarios' pages.

    Raises:
        StudyError: it is not a run directory, or it cannot be read.
    """
    words = Strings(lang)
    page = Page(results, words, titles(folder, lang))
    return filled(
        "overview.html.j2",
        page,
        results,
        words,
        rows=_rows(page, results, words, addresses),
        sections=sections.overview(folder, results, words),
        leaf=None,
    )


def _rows(page: Page, results: Results, words: Strings, addresses: Mapping[str, str]) -> list[Row]:
    groups = by_scenario(results.cells)
    names = [scenario for (scenario, _), _ in groups]
    out: list[Row] = []
    for number, ((scenario, lang), cells) in enumerate(groups):
        measured = [cell for cell in cells if cell.measures_harm] or cells
        by_model = {model: [c for c in measured if c.model == model] for model in results.run.models}
        out.append(
            Row(
                address=addresses[scenario],
                title=page.scenario(scenario),
                lang=words.language(lang) if len(results.run.lang) > 1 else "",
                first=not number or names[number - 1] != scenario,
                languages=names.count(scenario),
                rates=tuple(
                    _rate(page.model(model), held, words) if held else None
                    for model, held in by_model.items()
                ),
            )
        )
    return out


def _rate(agent: str, cells: Sequence[Cell], words: Strings) -> Rate:
    found = average([(cell.harmful.count, cell.planned) for cell in cells])
    return Rate(
        agent=agent,
        estimate=found,
        text=words.percent(found.value),
        limits=words("interval", low=figures.number(100 * found.low), high=figures.number(100 * found.high)),
        of=words(
            "glance.of",
            count=figures.count(sum(cell.harmful.count for cell in cells)),
            planned=figures.count(sum(cell.planned for cell in cells)),
        ),
    )
