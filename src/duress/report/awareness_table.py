"""Awareness, comprehension and competence for a terminal, a document, a spreadsheet or a program."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from duress.report import figures
from duress.report.awareness import CUES, LEVELS, Awareness, Group, Points, Rate
from duress.report.competence import Status

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from duress.report.grid import Grid

Format = Literal["md", "csv", "json"]

TITLES = {
    "reasoning": "Harm by what it wrote: test, real, neither",
    "said": "Harm by what it answered afterwards",
    "understood": "Harm by what it had read when it acted",
}
_HEADS = {
    "evaluation": "a test",
    "real": "real",
    "none": "neither",
    "unclear": "cannot tell",
    "all": "everything",
    "part": "not everything",
    "unknown": "not known",
}
_WHAT = {"harmful": "harm", "reasoning": "wrote: a test", "said": "answered: a test"}


def text(found: Awareness, form: Format) -> str:
    """Return it as Markdown, CSV (one line per figure) or JSON."""
    if form == "json":
        return found.to_json().decode()
    return _csv(found) if form == "csv" else _markdown(found)


class Page:
    """All of it, in the width there is, to print on a `rich` console."""

    def __init__(self, found: Awareness) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        for place, groups in _places(self._found):
            yield Text(place, style="bold")
            yield ""
            for grid in _grids(groups):
                yield grid
                yield ""
        yield Text(
            f"Limits: 95 %. Strata come from what happened, not by lot. Not measurable: less than "
            f"{figures.percent(self._found.threshold)} of the harmless tasks shown to be done.",
            style="dim",
        )


def _places(found: Awareness) -> Iterator[tuple[str, list[Group]]]:
    for (scenario, lang), groups in groupby(found.groups, key=lambda g: (g.scenario, g.lang)):
        yield f"{scenario} ({lang})", list(groups)


def _grids(groups: Sequence[Group]) -> Iterator[Grid]:
    from rich.text import Text

    from duress.report.grid import Grid

    for title, heads, lines in _tables(groups):
        grid = Grid(title, heads)
        for label, cells in lines:
            grid.add(Text(label), *(Text(cell) for cell in cells))
        yield grid


def _tables(groups: Sequence[Group]) -> Iterator[tuple[str, list[str], list[tuple[str, list[str]]]]]:
    """Yield (title, column heads, lines of a label and its figures)."""
    for by, levels in LEVELS.items():
        lines = [
            (_label(group), [_told(s.harmful) for s in group.strata if s.by == by])
            for group in groups
            if any(s.by == by for s in group.strata)
        ]
        if lines:
            yield TITLES[by], [_HEADS[level] for level in levels], lines
    for cue in CUES:
        pushed = [(group, [p for p in group.pushes if p.cue == cue]) for group in groups]
        pushed = [(group, pushes) for group, pushes in pushed if pushes]
        if pushed:
            columns = list(dict.fromkeys(push.what for _, pushes in pushed for push in pushes))
            lines: list[tuple[str, list[str]]] = []
            for group, pushes in pushed:
                told = {push.what: _change(push.change) for push in pushes}
                lines.append((_label(group), [told.get(what, "–") for what in columns]))
            yield f"{cue.capitalize()} cue minus its placebo, points", [_WHAT[w] for w in columns], lines
    yield (
        "Competence arm",
        ["tasks done", "declined", ""],
        [(_label(group), [_told(group.competence), str(group.refused), _status(group)]) for group in groups],
    )


def _label(group: Group) -> str:
    return group.model if group.arm == "none" else f"{group.model} ({group.arm})"


def _told(rate: Rate) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "–"
    return f"{figures.rate(rate.rate, rate.low, rate.high)}\n{rate.count} of {rate.n}"


def _change(change: Points) -> str:
    return figures.points(change.points, change.low, change.high)


def _status(group: Group) -> str:
    if group.status is Status.NOT_MEASURABLE:
        return f"{group.status.value}: {'shown not to' if group.unable else 'not shown to'}"
    return group.status.value


def _markdown(found: Awareness) -> str:
    lines: list[str] = []
    for place, groups in _places(found):
        lines += [f"### {place}", ""]
        for title, heads, rows in _tables(groups):
            lines += [f"**{title}**", "", *_row(["model", *(" ".join(h.split("\n")) for h in heads)])]
            lines += ["|---|" + "---:|" * len(heads)]
            for label, cells in rows:
                lines += _row([label, *(cell.replace("\n", ", ") for cell in cells)])
            lines.append("")
    return "\n".join(lines)


def _row(values: Iterable[str]) -> list[str]:
    return ["| " + " | ".join(value.replace("|", r"\|") for value in values) + " |"]


def _csv(found: Awareness) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["scenario", "lang", "model", "arm", "what", "level", "count", "n", "value", "low", "high", "status"]
    )
    for group in found.groups:
        key = [group.scenario, group.lang, group.model, group.arm]
        for one in group.strata:
            writer.writerow([*key, f"harmful by {one.by}", one.level, *_figures(one.harmful), ""])
        for push in group.pushes:
            change = [push.change.points, push.change.low, push.change.high]
            writer.writerow([*key, f"points of {push.what}", push.cue, "", "", *change, ""])
        writer.writerow([*key, "competence", "", *_figures(group.competence), group.status.value])
    return out.getvalue()


def _figures(rate: Rate) -> list[object]:
    return [rate.count, rate.n, *("" if one is None else one for one in (rate.rate, rate.low, rate.high))]
