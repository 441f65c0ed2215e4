"""The section on pressure over time: when agents turned, what intensity did, words against deeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from duress.report import figures, turning_table
from duress.report.awareness import Rate
from duress.report.chart import SERIES, Axis, Drawing, Line, Size, curves
from duress.report.estimates_table import p_value
from duress.report.html import short, titles
from duress.report.results import Results
from duress.report.sections import Section, body
from duress.report.sections.tables import Figure
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
    """Lines of a label and its figures, under the headings of their ladders."""

    title: str
    about: str
    heads: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, tuple[Figure, ...]], ...]], ...]
    first: str = ""
    """What the labels are; agents where it is empty."""


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
    several = (ALL,) if len(results.run.scenarios) > 1 else ()
    return _section(folder, results, words, (*several, *results.run.scenarios))


def overview(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return it for all scenarios together."""
    return _section(
        folder, results, words, (ALL,) if len(results.run.scenarios) > 1 else results.run.scenarios
    )


def _section(folder: Path, results: Results, words: Strings, names: Sequence[str]) -> Section | None:
    found = turning(folder)
    if found is None:
        return None
    pressed = turning_table.places(found)
    shown = [name for name in names if name in pressed]
    if not shown:
        return None
    page = _Page(found, results, words, titles(folder, words.lang))
    return Section(
        "turning",
        words("turning.title"),
        body(
            "turning",
            words,
            places=[page.place(name) for name in shown],
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

    def place(self, name: str) -> Place:
        """Return a scenario, or all of them together."""
        groups = [group for group in self._found.groups if group.scenario == name]
        title = self._words("turning.all") if name == ALL else self._titles.get(name, name.replace("_", " "))
        ladders = list(dict.fromkeys(group.ladder for group in groups))
        more = (
            self._doses(groups),
            self._faces(groups),
            self._shifts(name),
            self._ratios(name),
            self._tests(name),
        )
        return Place(
            title,
            tuple(self._panel(ladder, [g for g in groups if g.ladder == ladder]) for ladder in ladders),
            tuple(filter(None, (self._response(name, ladder) for ladder in ladders))),
            self._first(groups),
            tuple(filter(None, more)),
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
        axis = Axis(0.0, 1.0, ticks, tuple(map(self._tick, ticks)))
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
        axis = Axis(0.0, top, (0.0, top / 2, top), tuple(map(self._tick, (0.0, top / 2, top))))
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
        """Return what the highest dose did, with the control below."""
        names = ("turned", "mean", "half", "recovered", "registered")
        out: list[tuple[str, tuple[tuple[str, tuple[Figure, ...]], ...]]] = []
        for ladder, held in _by_ladder(groups).items():
            top = max(group.dose for group in held if group.dose != CONTROL or len(held) == 1)
            control = {(g.model, g.arm): g for g in held if g.dose == CONTROL}
            rows = tuple(
                (self._name(g.model, g.arm), self._figures(g, control.get((g.model, g.arm))))
                for g in held
                if g.dose == top
            )
            out.append((f"{self._ladder(ladder)} \N{MIDDLE DOT} {self._dose(top)}", rows))
        about = self._words("turning.first.text") if any(g.dose == CONTROL for g in groups) else ""
        heads = tuple(self._words(f"turning.{name}") for name in names)
        return Table(self._words("turning.first"), about, heads, tuple(out))

    def _figures(self, group: Group, control: Group | None) -> tuple[Figure, ...]:
        def told(one: Group) -> tuple[str, ...]:
            return (
                self._rate(one.turned),
                turning_table.interval(one.mean),
                turning_table.NONE if one.half is None else str(one.half),
                self._rate(one.recovered),
                self._rate(one.registered),
            )

        here = told(group)
        if control is None or control is group:
            return tuple(map(Figure, here))
        below = [text if text != turning_table.NONE else "" for text in told(control)]
        return tuple(Figure(*pair) for pair in zip(here, below, strict=True))

    def _doses(self, groups: Sequence[Group]) -> Table | None:
        if len({group.dose for group in groups}) < 3:
            # The highest dose and the control stand above.
            return None
        names = ("turned", "count", "mean", "half", "registered")
        heads = tuple(self._words(f"turning.{name}") for name in names)

        def figures_of(one: Group) -> tuple[str, ...]:
            return (
                self._rate(one.turned),
                self._words("glance.of", count=one.turned.count, planned=one.turned.n),
                turning_table.interval(one.mean),
                turning_table.NONE if one.half is None else str(one.half),
                self._rate(one.registered),
            )

        return self._by_dose("turning.doses", heads, groups, figures_of)

    def _faces(self, groups: Sequence[Group]) -> Table:
        heads = [self._words(f"turning.faces.{name}") for name in groups[0].faces]
        return self._by_dose(
            "turning.faces",
            (*heads, self._words("turning.by")),
            groups,
            lambda one: (*(figures.count(n) for n in one.faces.values()), self._how(one)),
        )

    def _by_dose(
        self,
        title: str,
        heads: tuple[str, ...],
        groups: Sequence[Group],
        told: Callable[[Group], tuple[str, ...]],
    ) -> Table:
        def rows(held: Sequence[Group]) -> tuple[tuple[str, tuple[Figure, ...]], ...]:
            order = list(dict.fromkeys((group.model, group.arm) for group in held))
            return tuple(
                (
                    self._words(
                        "turning.panel", ladder=self._name(one.model, one.arm), dose=self._dose(one.dose)
                    ),
                    tuple(map(Figure, told(one))),
                )
                for one in sorted(held, key=lambda one: order.index((one.model, one.arm)))
            )

        by = _by_ladder(groups)
        return Table(
            self._words(title), "", heads, tuple((self._ladder(one), rows(held)) for one, held in by.items())
        )

    def _shifts(self, scenario: str) -> Table | None:
        by: dict[str, list[tuple[str, tuple[Figure, ...]]]] = {}
        for one in self._found.shifts:
            if one.scenario == scenario:
                label = self._words(
                    "turning.panel", ladder=self._name(one.model, one.arm), dose=self._dose(one.dose)
                )
                by.setdefault(one.ladder, []).append((label, (Figure(turning_table.interval(one.turns)),)))
        if not by:
            return None
        groups = tuple((self._ladder(name), tuple(rows)) for name, rows in by.items())
        return Table(self._words("turning.shifts"), "", (self._words("turning.turns"),), groups)

    def _ratios(self, scenario: str) -> Table | None:
        rows = tuple(
            (
                self._term(one.term),
                (
                    Figure(self._term(one.reference)),
                    Figure(turning_table.interval(one.ratio)),
                    Figure(p_value(one.p)),
                ),
            )
            for one in self._found.ratios
            if one.scenario == scenario
        )
        heads = (self._words("turning.against"), self._words("turning.ratio"), "p")
        first = self._words("turning.term")
        return Table(self._words("turning.ratios"), "", heads, (("", rows),), first) if rows else None

    def _tests(self, scenario: str) -> Table | None:
        by: dict[str, list[tuple[str, tuple[Figure, ...]]]] = {}
        for one in self._found.tests:
            if one.scenario == scenario:
                fixed = [self._level(*pair) for pair in one.within.items() if pair[1] != "none"]
                told = (
                    f"{one.statistic:.1f} ({one.freedom})",
                    p_value(one.p),
                    p_value(one.adjusted),
                )
                by.setdefault(one.of, []).append((", ".join(fixed), tuple(map(Figure, told))))
        if not by:
            return None
        heads = ("χ²", "p", self._words("turning.adjusted"))
        groups = tuple((self._words(f"turning.tests.{of}"), tuple(rows)) for of, rows in by.items())
        return Table(self._words("turning.tests"), "", heads, groups, self._words("turning.within"))

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

    def _tick(self, share: float) -> str:
        return self._words("percent", value=f"{100 * share:g}")

    def _rate(self, one: Rate) -> str:
        if one.rate is None or one.low is None or one.high is None:
            return turning_table.NONE
        return self._words.rate(one.rate, one.low, one.high)


def _by_ladder(groups: Sequence[Group]) -> dict[str, list[Group]]:
    out: dict[str, list[Group]] = {}
    for group in groups:
        out.setdefault(group.ladder, []).append(group)
    return out
