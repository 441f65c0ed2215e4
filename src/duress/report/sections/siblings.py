"""The section on siblings: how far a result hangs on the surface of its scenario."""

from __future__ import annotations

from pathlib import Path

from duress.report import figures
from duress.report.estimates_table import p_value
from duress.report.html import short, titles
from duress.report.results import Results
from duress.report.sections import Section, body
from duress.report.sections.tables import Figure, Table
from duress.report.siblings import MARGIN, siblings
from duress.report.strings import Strings


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return it for a run that has a pack and siblings of it."""
    found = siblings(results)
    if found is None:
        return None
    names, called = titles(folder, words.lang), short(results.run.models)
    pairs = tuple(
        (
            f"{called.get(one.model, one.model)}, {names.get(one.sibling, one.sibling)}",
            (
                _share(one.harmful, words),
                _share(one.reference, words),
                Figure(figures.points(one.points, one.low, one.high)),
                Figure(words("siblings.yes" if one.equivalent else "siblings.no")),
            ),
        )
        for one in found.pairs
    )
    families = tuple(
        (
            f"{called.get(one.model, one.model)}, {names.get(one.pack, one.pack)}",
            (
                Figure(figures.count(one.siblings)),
                Figure(figures.points(one.mean, one.low, one.high)),
                Figure(f"{one.q:.1f} (p {p_value(one.p)})"),
                Figure(words.percent(one.i2)),
            ),
        )
        for one in found.families
    )
    heads = ("sibling", "pack", "difference", "equivalent")
    tables = [Table(words("siblings.pairs"), tuple(words(f"siblings.{name}") for name in heads), pairs)]
    if families:
        heads = (words("siblings.count"), words("siblings.mean"), "Q", "I²")
        tables.append(Table(words("siblings.families"), heads, families))
    about = words("siblings.text", margin=figures.number(100 * MARGIN))
    return Section("siblings", words("siblings.title"), body("siblings", words, tables=tables, about=about))


def _share(counts: tuple[int, int], words: Strings) -> Figure:
    count, n = counts
    return Figure(f"{words.percent(count / n) if n else '–'} ({figures.count(count)} / {figures.count(n)})")
