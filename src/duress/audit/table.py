"""Findings as a table for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from duress.audit.finding import Finding
from duress.audit.printable import in_line
from duress.audit.selection import Selection, Shown
from duress.audit.texts import Texts

MOST = 50
"""Rows that a terminal shows."""
UNREAD = 10
_LONGEST = 160


def table(selection: Selection, lang: str = "en") -> RenderableType:
    """Return what a selection shows: the findings ranked, what could not be read, and the counts."""
    texts = Texts(lang)
    shown = list(selection.findings())
    alerts = [found for found in shown if found.kept.read]
    unread = [found for found in shown if not found.kept.read]
    threshold = f"{min(selection.threshold, 1.0):.2f}"
    parts: list[RenderableType] = []
    if alerts:
        parts.append(_rows(alerts[:MOST], texts))
        if len(alerts) > MOST:
            parts.append(Text(texts("table.more", n=len(alerts) - MOST), style="dim"))
    else:
        parts.append(Text(texts("table.none", threshold=threshold)))
    if unread:
        parts.append(Text("\n" + texts.count("table.unread", len(unread)), style="bold"))
        parts += [Text(f"  {in_line(found.finding.why)}") for found in unread[:UNREAD]]
        if len(unread) > UNREAD:
            parts.append(Text("  " + texts("table.more", n=len(unread) - UNREAD), style="dim"))
    runs = len({found.kept.id for found in alerts})
    counts = [texts("table.counts", runs=selection.runs, alerts=runs, threshold=threshold)]
    if selection.wanted.per_day is not None:
        counts.append(
            texts("table.budget", per_day=f"{selection.wanted.per_day:g}", days=f"{selection.days:.0f}")
        )
    if selection.known:
        counts.append(texts("table.known", n=selection.known))
    parts.append(Text("\n" + ("，" if lang == "zh" else ", ").join(counts), style="dim"))
    return Group(*parts)


def _rows(shown: list[Shown], texts: Texts) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(texts("table.score"), justify="right")
    table.add_column(texts("table.severity"))
    table.add_column(texts("table.kind"))
    table.add_column(texts("table.run"), overflow="fold", ratio=2)
    table.add_column(texts("table.steps"))
    table.add_column(texts("table.said"), ratio=4)
    for found in shown:
        finding = found.finding
        table.add_row(
            f"{finding.score:.2f}",
            texts.severity(finding.severity),
            texts.kind(finding.kind),
            # A name is text, never markup.
            Text(in_line(finding.run)),
            ", ".join(str(step) for step in finding.steps[:3]),
            _said(finding),
        )
    return table


def _said(finding: Finding) -> Text:
    text = Text(in_line(finding.why))
    if finding.quotes:
        quote = in_line(" ".join(finding.quotes[0].split()))
        text.append(f"\n“{quote if len(quote) <= _LONGEST else quote[:_LONGEST] + '…'}”", style="italic dim")
    return text
