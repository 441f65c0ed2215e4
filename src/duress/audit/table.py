"""Findings as a table for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from duress.audit import tally
from duress.audit.finding import Finding
from duress.audit.printable import in_line
from duress.audit.reworded import KEPT, reworded
from duress.audit.run import Run
from duress.audit.scan import unpack
from duress.audit.selection import Selection, Shown
from duress.audit.store import Kept
from duress.audit.texts import Texts

Again = Callable[[Sequence[Kept]], Iterable[Run]]
"""Reads runs once more whose conversations were not kept."""
MOST = 50
"""Rows that a terminal shows."""
UNREAD = 10
_LONGEST = 160
_NAME = 96


def table(selection: Selection, lang: str = "en", again: Again = lambda _: ()) -> RenderableType:
    """Return what a selection shows: the findings ranked, what could not be read, and the counts."""
    texts = Texts(lang)
    shown = list(selection.findings())
    alerts = [found for found in shown if found.kept.read]
    unread = [found for found in shown if not found.kept.read]
    parts: list[RenderableType] = []
    if alerts:
        parts.append(_rows(alerts[:MOST], texts, _in_language(selection, alerts[:MOST], lang, again)))
        if len(alerts) > MOST:
            parts.append(Text(texts("table.more", n=len(alerts) - MOST), style="dim"))
    else:
        parts.append(Text(tally.nothing(selection, texts)))
    if unread:
        parts.append(Text("\n" + texts.count("table.unread", len(unread)), style="bold"))
        parts += [Text(f"  {in_line(found.finding.why)}") for found in unread[:UNREAD]]
        if len(unread) > UNREAD:
            parts.append(Text("  " + texts("table.more", n=len(unread) - UNREAD), style="dim"))
    runs = len({found.kept.id for found in alerts})
    if strange := tally.strangers(selection, texts):
        parts.append(Text("\n" + in_line(strange)))
    counts = [
        texts.count("table.runs", selection.runs),
        texts("table.alerts", n=runs, threshold=tally.bar(selection)),
        tally.budget(selection, texts),
        tally.beyond(selection, texts) if alerts else "",
        texts("table.known", n=selection.known) if selection.known else "",
        texts("table.cleared", n=selection.cleared) if selection.cleared else "",
    ]
    parts.append(Text("\n" + ("，" if lang == "zh" else ", ").join(filter(None, counts)), style="dim"))
    return Group(*parts)


def _in_language(
    selection: Selection, shown: list[Shown], lang: str, again: Again
) -> dict[tuple[int, int], Finding]:
    """Return findings in a language, by their run and number."""
    if lang == KEPT:
        return {}
    kept = {found.kept.id: found.kept for found in shown}
    packed = {number: selection.packed(run) for number, run in kept.items()}
    anew = again([run for number, run in kept.items() if packed[number] is None])
    talks = {(run.place.path, run.place.line, run.id): run.trajectory for run in anew}
    told: dict[tuple[int, int], Finding] = {}
    for number, run in kept.items():
        held = packed[number]
        trajectory = unpack(held) if held else talks.get((run.path, run.line, run.run))
        for place, finding in reworded(run, trajectory, lang).items():
            told[number, place] = finding
    return told


def _rows(shown: list[Shown], texts: Texts, told: dict[tuple[int, int], Finding]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(texts("table.score"), justify="right")
    table.add_column(texts("table.severity"))
    table.add_column(texts("table.kind"), overflow="fold")
    table.add_column(texts("table.run"), overflow="fold", ratio=2)
    table.add_column(texts("table.steps"))
    table.add_column(texts("table.said"), overflow="fold", ratio=4)
    for found in shown:
        finding = found.finding
        table.add_row(
            f"{finding.score:.2f}",
            texts.severity(finding.severity),
            texts.kind(finding.kind),
            # A name is text, never markup.
            Text(_shortened(in_line(finding.run))),
            ", ".join(str(step) for step in finding.steps[:3]),
            _said(told.get((found.kept.id, found.number), finding)),
        )
    return table


def _shortened(name: str) -> str:
    """Return the beginning and the end of a name that would fill the table."""
    return name if len(name) <= _NAME else f"{name[: _NAME // 3]}…{name[-2 * _NAME // 3 :]}"


def _said(finding: Finding) -> Text:
    text = Text(in_line(finding.why))
    if finding.quotes:
        quote = in_line(" ".join(finding.quotes[0].split()))
        text.append(f"\n“{quote if len(quote) <= _LONGEST else quote[:_LONGEST] + '…'}”", style="italic dim")
    return text
