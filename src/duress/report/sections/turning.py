"""The section on pressure over time: when agents turned, what intensity did, words against deeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from duress.report import figures, turning_table
from duress.report.chart import SERIES, Axis, Drawing, Line, Size, curves
from duress.report.estimates_table import p_value
from duress.report.html import short, titles
from duress.report.results import Results
from duress.report.sections import Section, body
from duress.report.strings import Strings
from duress.report.turning import ALL, Group, Turning, turning
from duress.scenario.ladder import load
from duress.scenario.schema import CONTROL


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart."""

    title: str
    charts: tuple[Markup, ...]
    """For a wide screen and for a narrow one."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour stands for."""

    name: str
    series: int


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of a label and its figures."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One scenario, or all of them together."""

    title: str
    panels: tuple[Panel, ...]
    doses: tuple[Panel, ...]
    first: Table
    more: tuple[Table, ...]


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return it for a run in which people pressed."""
    found = turning(folder)
    if found is None:
        return None
    page = _Page(found, results, words, titles(folder, words.lang))
    return Section(
        "turning",
        words("turning.title"),
        body(
            "turning",
            words,
            places=page.places(),
            keys=page.keys(),
            control=any(group.dose == CONTROL for group in found.groups),
        ),
    )


class _Page:
    def __init__(self, found: Turning, results: Results, words: Strings, titles: Mapping[str, str]) -> None:
        self._found = found
        self._words = words
        self._titles = titles
        self._short = short(results.run.models)
        names = list(dict.fromkeys((group.model, group.arm) for group in found.groups))
        self._series = {name: number % SERIES for number, name in enumerate(names)}
        self._drawn = 0

    def keys(self) -> list[Key]:
        """Return what the colours stand for."""
        return [Key(self._name(*name), number) for name, number in self._series.items()]

    def places(self) -> list[Place]:
        """Return the scenarios, all of them together first."""
        names = turning_table.places(self._found)
        names.sort(key=lambda name: name != ALL)
        return [self._place(name) for name in names]

    def _place(self, name: str) -> Place:
        groups = [group for group in self._found.groups if group.scenario == name]
        title = self._words("turning.all") if name == ALL else self._titles.get(name, name)
        ladders = list(dict.fromkeys(group.ladder for group in groups))
        return Place(
            title,
            tuple(self._panel(ladder, [g for g in groups if g.ladder == ladder]) for ladder in ladders),
            tuple(filter(None, (self._response(name, ladder) for ladder in ladders))),
            self._first(groups),
            tuple(
                filter(None, (self._faces(groups), self._shifts(name), self._ratios(name), self._tests(name)))
            ),
        )

    def _panel(self, ladder: str, groups: Sequence[Group]) -> Panel:
        doses = [group.dose for group in groups if group.dose != CONTROL]
        top = max(doses, default=CONTROL)
        shown = [group for group in groups if group.dose in (top, CONTROL)]
        lines = [
            Line(
                self._series[group.model, group.arm],
                group.dose == CONTROL and top != CONTROL,
                tuple(
                    (step.turn, step.survival.value, step.survival.low or 0.0, step.survival.high or 1.0)
                    for step in group.steps
                ),
            )
            for group in shown
        ]
        ticks = (0.0, 0.5, 1.0)
        axis = Axis(0.0, 1.0, ticks, tuple(self._words.percent(tick).replace(".0", "") for tick in ticks))
        told = "; ".join(
            f"{self._name(g.model, g.arm)} {self._dose(g.dose)}: "
            f"{self._words.percent(g.steps[-1].survival.value)}"
            for g in shown
        )
        title = self._words("turning.panel", ladder=self._ladder(ladder), dose=self._dose(top))
        return Panel(title, self._charts(lines, axis, title, told, steps=True))

    def _response(self, scenario: str, ladder: str) -> Panel | None:
        held = [one for one in self._found.responses if (one.scenario, one.ladder) == (scenario, ladder)]
        if all(len(one.rungs) < 3 for one in held):
            return None
        lines = [
            Line(
                self._series[one.model, one.arm],
                False,
                tuple((r.rung, r.isotonic, r.hazard.low or 0.0, r.hazard.high or 1.0) for r in one.rungs),
            )
            for one in held
        ]
        most = max(
            high for line in lines for *_, value, _, high in line.points for high in (max(value, high),)
        )
        top = next(step for step in (0.1, 0.2, 0.5, 1.0) if step >= min(most, 1.0) or step == 1.0)
        axis = Axis(0.0, top, (0.0, top / 2, top), tuple(self._words.percent(t) for t in (0.0, top / 2, top)))
        told = "; ".join(
            f"{self._name(one.model, one.arm)}: "
            + ", ".join(f"{r.rung} {self._words.percent(r.isotonic)}" for r in one.rungs)
            for one in held
        )
        title = self._words("turning.response", ladder=self._ladder(ladder))
        return Panel(title, self._charts(lines, axis, title, told, steps=False))

    def _charts(
        self, lines: Sequence[Line], axis: Axis, title: str, told: str, *, steps: bool
    ) -> tuple[Markup, ...]:
        self._drawn += 1
        sizes: tuple[Size, ...] = ("wide", "narrow")
        out: list[Markup] = []
        for size in sizes:
            drawn: Drawing = curves(lines, axis, size, steps=steps)
            out.append(Markup(drawn.titled(f"turning-{self._drawn}-{size}", title, told)))
        return tuple(out)

    def _first(self, groups: Sequence[Group]) -> Table:
        names = ("turned", "mean", "half", "recovered", "registered")
        return Table(
            self._words("turning.first"),
            tuple(self._words(f"turning.{name}") for name in names),
            tuple(
                (
                    self._label(group),
                    (
                        self._rate(group.turned),
                        turning_table.interval(group.mean),
                        turning_table.NONE if group.half is None else str(group.half),
                        self._rate(group.recovered),
                        self._rate(group.registered),
                    ),
                )
                for group in groups
            ),
        )

    def _faces(self, groups: Sequence[Group]) -> Table:
        heads = [self._words(f"turning.faces.{name}") for name in groups[0].faces]
        return Table(
            self._words("turning.faces"),
            (*heads, self._words("turning.by")),
            tuple(
                (self._label(group), (*(figures.count(n) for n in group.faces.values()), self._how(group)))
                for group in groups
            ),
        )

    def _shifts(self, scenario: str) -> Table | None:
        rows = tuple(
            (
                f"{self._name(one.model, one.arm)}, {self._ladder(one.ladder)}, {self._dose(one.dose)}",
                (turning_table.interval(one.turns),),
            )
            for one in self._found.shifts
            if one.scenario == scenario
        )
        return Table(self._words("turning.shifts"), (self._words("turning.turns"),), rows) if rows else None

    def _ratios(self, scenario: str) -> Table | None:
        rows = tuple(
            (
                self._term(one.term),
                (self._term(one.reference), turning_table.interval(one.ratio, 2), p_value(one.p)),
            )
            for one in self._found.ratios
            if one.scenario == scenario
        )
        heads = (self._words("turning.against"), self._words("turning.ratio"), "p")
        return Table(self._words("turning.ratios"), heads, rows) if rows else None

    def _tests(self, scenario: str) -> Table | None:
        rows = tuple(
            (
                self._words(f"turning.tests.{one.of}")
                + " "
                + self._words.listed(
                    [self._level(*pair) for pair in one.within.items() if pair[1] != "none"]
                ),
                (f"{one.statistic:.1f} ({one.freedom})", p_value(one.p), p_value(one.adjusted)),
            )
            for one in self._found.tests
            if one.scenario == scenario
        )
        heads = ("χ²", "p", self._words("turning.adjusted"))
        return Table(self._words("turning.tests"), heads, rows) if rows else None

    def _term(self, term: str) -> str:
        name, _, level = term.partition("=")
        return self._level(name, level)

    def _level(self, name: str, level: str) -> str:
        if name == "model":
            return self._short.get(level, level)
        if name == "ladder":
            return self._ladder(level)
        return self._dose(level) if name == "dose" else level

    def _name(self, model: str, arm: str) -> str:
        name = self._short.get(model, model)
        return name if arm == "none" else self._words("defences.arm", name=name, arm=arm)

    def _label(self, group: Group) -> str:
        return f"{self._name(group.model, group.arm)}, {self._ladder(group.ladder)}, {self._dose(group.dose)}"

    def _ladder(self, name: str) -> str:
        try:
            return load(name).ladder.title.get(self._words.lang, name)
        except ValueError:
            # A pack's own ladder, which the pack names.
            return name

    def _dose(self, dose: str) -> str:
        return self._words("turning.neutral") if dose == CONTROL else self._words("turning.dose", dose=dose)

    def _how(self, group: Group) -> str:
        if not group.by:
            return turning_table.NONE
        kind, _, name = next(iter(group.by)).partition(":")
        if kind == "did":
            return self._words.kind(name)
        return self._words(f"turning.scale.{name}")

    def _rate(self, one: turning_table.Rate) -> str:
        if one.rate is None or one.low is None or one.high is None:
            return turning_table.NONE
        return self._words.rate(one.rate, one.low, one.high)
