"""Estimates for a terminal, a document, a spreadsheet or a program."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from duress.report import figures
from duress.report.estimates import Comparison, Effect, Estimates, Interval, Pooled, Test
from duress.study.design import PLAIN_ARM

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_COLUMNS = (
    *("kind", "model", "scenario", "factor", "level", "reference", "scale", "value", "low", "high"),
    *("p", "adjusted", "adjustment", "family", "method"),
)
_MARK = {"planned": "H", "exploratory": "B"}


@dataclass(frozen=True, slots=True)
class Part:
    """One table: a name and figures per line, lines under headings."""

    name: str
    title: str
    heads: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """(heading, lines); the first entry of a line is its name."""
    note: str


def text(found: Estimates, form: str) -> str:
    """Return estimates as Markdown, CSV (one line per figure with limits) or JSON (`estimates.json`)."""
    if form == "json":
        return found.to_json().decode()
    if form == "csv":
        return _csv(found)
    return "\n".join(_markdown(part) for part in parts(found))


class Page:
    """All estimates of a run, to print on a `rich` console."""

    def __init__(self, found: Estimates) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        from duress.report.grid import Grid

        found = self._found
        yield Text.assemble(
            (f"{figures.count(found.planned)} trials planned", "bold"),
            f", {figures.count(found.finished)} finished",
            (f"  \N{MIDDLE DOT} {figures.count(found.draws)} different draws", "dim"),
        )
        for part in parts(found):
            yield ""
            grid = Grid(part.title, part.heads)
            for heading, lines in part.groups:
                if heading:
                    grid.head(Text(heading, style="bold"))
                for line in lines:
                    grid.add(Text(line[0]), *(Text(cell) for cell in line[1:]), indent=bool(heading))
            if grid.stands(options.max_width):
                yield grid
            else:
                yield Text(part.title, style="dim")
                for heading, lines in part.groups:
                    yield Text(heading, style="bold")
                    for line in lines:
                        yield Text(line[0])
                        told = (f"{h} {c}" for h, c in zip(part.heads, line[1:], strict=True) if c)
                        yield Text("  " + ", ".join(told).replace("\n", " "))
            yield Text(part.note, style="dim")
        if found.aliased:
            yield ""
            yield Text(f"Not told apart in this design, and left out: {', '.join(found.aliased)}.", "yellow")


def parts(found: Estimates) -> list[Part]:
    """Return the tables that have any lines."""
    made = [_effects(found), _pooled(found), _comparisons(found), _ranks(found)]
    return [part for part in [*made, _equivalence(found), _zeros(found)] if part.groups]


def _effects(found: Estimates) -> Part:
    groups: dict[str, list[tuple[str, ...]]] = {}
    for effect in found.effects:
        where = effect.scenario or "all scenarios"
        groups.setdefault(f"{contrast(effect)}, {where}", []).append(
            (
                effect.model + ("*" if effect.separated else ""),
                ratio(effect.odds_ratio),
                points(effect.points),
                p_value(effect.test.p),
                adjusted(effect.test),
            )
        )
    errors = sorted({effect.errors for effect in found.effects})
    notes = [
        "Logistic models with scenarios and languages as blocks; points are average marginal effects. "
        f"Errors: {', '.join(errors)}.",
        "H: planned, adjusted by Holm; B: exploratory, by Benjamini and Hochberg.",
    ]
    if any(effect.method == "firth" for effect in found.effects):
        notes.append(
            "Where cells have only harm or none, odds ratios are Firth's with profile limits and points "
            "are differences of rates (MOVER); * marks the effects with no finite best odds ratio."
        )
    return Part(
        "effects",
        "effects",
        ("odds ratio", "points", "p", "adjusted"),
        _frozen(groups),
        " ".join(notes),
    )


def _pooled(found: Estimates) -> Part:
    groups: dict[str, list[tuple[str, ...]]] = {}
    for one in found.pooled:
        scale = "points" if one.scale == "points" else "log odds"
        groups.setdefault(f"{contrast(one)}, {scale}", []).append(
            (
                one.model,
                points(one.mean),
                "" if one.prediction is None else points(one.prediction, value=False),
                f"{one.q:.1f} (p {p_value(one.q_p)})",
                f"{100 * one.i2:.0f} %",
                f"{one.tau2:.3g}",
            )
        )
    return Part(
        "pooled",
        "mean over scenarios",
        (
            "mean",
            "next scenario",
            "Q",
            "I\N{SUPERSCRIPT TWO}",
            "\N{GREEK SMALL LETTER TAU}\N{SUPERSCRIPT TWO}",
        ),
        _frozen(groups),
        "Scenarios as random effects: REML with the interval of Hartung, Knapp, Sidik and Jonkman; the "
        "prediction interval says what one more scenario of the kind may show.",
    )


def _comparisons(found: Estimates) -> Part:
    groups: dict[str, list[tuple[str, ...]]] = {}
    for one in found.comparisons:
        groups.setdefault(f"{one.model} less", []).append(
            (
                one.against,
                points(one.points),
                f"{one.only_here}/{one.only_there}",
                figures.count(one.pairs),
                p_value(one.test.p),
                adjusted(one.test),
            )
        )
    return Part(
        "comparisons",
        "models, by pairs",
        ("points", "only one harmed", "pairs", "p", "adjusted"),
        _frozen(groups),
        "Same scenario, language, condition and draw: Tango's interval, widened where draws move together; "
        "p by flipping the signs of whole draws.",
    )


def _ranks(found: Estimates) -> Part:
    lines = tuple(
        (
            one.model,
            f"{one.rank_low}" if one.rank_low == one.rank_high else f"{one.rank_low} to {one.rank_high}",
            f"{one.count}/{one.planned}",
            figures.rate(one.rate, one.low, one.high),
        )
        for one in found.ranks
    )
    return Part(
        "ranks",
        "which model is safest",
        ("rank", "harmful", "rate"),
        (("", lines),) if lines else (),
        f"Rank 1 harms least. All ranks hold together with {100 * found.confidence:g} % confidence "
        "(Holm over all directed pairs).",
    )


def _equivalence(found: Estimates) -> Part:
    groups: dict[str, list[tuple[str, ...]]] = {}
    for one in found.equivalence:
        name, heading = one.model, f"{one.factor}: {one.level} against {one.reference}"
        if one.factor == "model":
            name, heading = one.reference, f"{one.level} against"
        groups.setdefault(heading, []).append(
            (
                name,
                f"[{figures.signed(one.low)}, {figures.signed(one.high)}]",
                p_value(one.p),
                p_value(one.adjusted),
                "yes" if one.equivalent else "not shown",
            )
        )
    margin = "" if found.margin is None else f"{found.margin:g}"
    return Part(
        "equivalence",
        f"within {margin} points of zero",
        ("interval", "p", "adjusted", "equivalent"),
        _frozen(groups),
        "Two one-sided tests, adjusted by Benjamini and Hochberg.",
    )


def _zeros(found: Estimates) -> Part:
    groups: dict[str, list[tuple[str, ...]]] = {}
    for one in found.zeros:
        groups.setdefault(f"{one.model}, {one.scenario} {one.lang}", []).append(
            (f"{one.condition}{_arm(one.arm)}", f"0/{one.planned}", figures.percent(one.upper))
        )
    return Part(
        "zeros",
        "cells without harm",
        ("harmful", "at most"),
        _frozen(groups),
        f"A higher rate would have shown at least once with a chance of "
        f"{100 * found.confidence:g} % (one-sided).",
    )


def _arm(name: str) -> str:
    return "" if name == PLAIN_ARM else f" arm={name}"


def contrast(one: Effect | Pooled) -> str:
    """Return what is compared, `threat: replacement against none`."""
    return f"{one.factor}: {one.level} against {one.reference}"


def ratio(one: Interval) -> str:
    """Return an odds ratio with its limits."""
    low, high = _short(one.low, "0"), _short(one.high, "\N{INFINITY}")
    return f"{_short(one.value, '')} [{low}, {high}]"


def points(one: Interval, value: bool = True) -> str:
    """Return a signed value with its limits."""
    low = "\N{MINUS SIGN}\N{INFINITY}" if one.low is None else figures.signed(one.low)
    high = "\N{INFINITY}" if one.high is None else figures.signed(one.high)
    return f"{figures.signed(one.value)} [{low}, {high}]" if value else f"[{low}, {high}]"


def p_value(p: float) -> str:
    """Return a p value with three places, never as zero."""
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def adjusted(test: Test) -> str:
    """Return an adjusted p value with the mark of its family."""
    return f"{p_value(test.adjusted)} {_MARK[test.family]}"


def _short(value: float | None, missing: str) -> str:
    if value is None:
        return missing
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _frozen(
    groups: dict[str, list[tuple[str, ...]]],
) -> tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]:
    return tuple((heading, tuple(lines)) for heading, lines in groups.items())


def _markdown(part: Part) -> str:
    lines = [f"**{part.title}**", ""]
    lines += [f"| | {' | '.join(part.heads)} |", "|---|" + "--:|" * len(part.heads)]
    for heading, rows in part.groups:
        if heading:
            lines.append(f"| **{heading}** |" + " |" * len(part.heads))
        lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", part.note, ""])


def _csv(found: Estimates) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_lines(found))
    return out.getvalue()


def _lines(found: Estimates) -> Iterator[Sequence[str | float | None]]:
    for one in found.effects:
        who = (one.model, one.scenario or "", one.factor, one.level, one.reference)
        yield ("effect", *who, "odds-ratio", *_three(one.odds_ratio), *_tested(one.test), one.method)
        yield ("effect", *who, "points", *_three(one.points), *_tested(one.test), one.points_method)
    for one in found.pooled:
        who = (one.model, "", one.factor, one.level, one.reference)
        yield ("pooled", *who, one.scale, *_three(one.mean), *_tested(one.test), one.method)
    for one in found.comparisons:
        yield (*_pair(one), "points", *_three(one.points), *_tested(one.test), one.method)
    for one in found.ranks:
        who = ("rank", one.model, "", "model", "", "", "rank")
        yield (*who, "", one.rank_low, one.rank_high, "", "", "holm", "", "pairwise")
    for one in found.equivalence:
        who = ("equivalence", one.model, "", one.factor, one.level, one.reference, "points", "")
        yield (*who, one.low, one.high, one.p, one.adjusted, one.adjustment, "", "tost")
    for one in found.zeros:
        condition = f"{one.condition}{_arm(one.arm)}"
        where = ("zero", one.model, one.scenario, "condition", condition, one.lang, "rate")
        yield (*where, 0, "", one.upper, "", "", "", "", "clopper-pearson")


def _pair(one: Comparison) -> tuple[str, ...]:
    return ("comparison", one.model, "", "model", one.model, one.against)


def _three(one: Interval) -> tuple[float | None, ...]:
    return (one.value, one.low, one.high)


def _tested(test: Test) -> tuple[float | str, ...]:
    return (test.p, test.adjusted, test.adjustment, test.family)
