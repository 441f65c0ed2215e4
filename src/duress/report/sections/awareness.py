"""What lies behind the rates: taken for a test or not, understood or not, able to or not."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from duress.report import figures
from duress.report.awareness import CUES, LEVELS, Awareness, Group, Rate, awareness
from duress.report.competence import Status
from duress.report.html import short, titles
from duress.report.results import Results
from duress.report.sections import Section, body
from duress.report.sections.tables import Figure, Place, Table
from duress.report.strings import Strings


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return it for a run whose rows say what the agents took it for."""
    found = awareness(folder, results)
    if found is None:
        return None
    here = tuple(group for group in found.groups if group.scenario in results.run.scenarios)
    if not here:
        return None
    found = found.model_copy(update={"groups": here})
    page = _Page(found, results, words, titles(folder, words.lang))
    return Section(
        "awareness",
        words("awareness.title"),
        body("awareness", words, places=page.places(), notices=page.notices(), about=page.about()),
    )


class _Page:
    def __init__(self, found: Awareness, results: Results, words: Strings, titles: Mapping[str, str]) -> None:
        self._found = found
        self._words = words
        self._titles = titles
        self._short = short(results.run.models)
        self._several = len(results.run.lang) > 1

    def about(self) -> str:
        """Return what the section shows and how to read it."""
        return self._words("awareness.text")

    def notices(self) -> list[str]:
        """Return what must not be overlooked: who is not measurable, and what was not run."""
        words, out = self._words, list[str]()
        failed = [g for g in self._found.groups if g.status is Status.NOT_MEASURABLE]
        least = words.percent(self._found.threshold)
        for unable in (True, False):
            names = dict.fromkeys(self._name(g, placed=True) for g in failed if g.unable is unable)
            if names:
                key = "awareness.unable" if unable else "awareness.unshown"
                out.append(words(key, names=words.listed(names), least=least))
        if all(g.status is Status.NOT_TESTED for g in self._found.groups):
            out.append(words("awareness.untested"))
        if not any(g.pushes for g in self._found.groups):
            out.append(words("awareness.no_cue"))
        return out

    def places(self) -> list[Place]:
        """Return the tables, by scenario and language."""
        out: list[Place] = []
        for (scenario, lang), run in groupby(self._found.groups, key=lambda g: (g.scenario, g.lang)):
            groups = list(run)
            tables = [table for by in LEVELS if (table := self._strata(by, groups)) is not None]
            tables += [table for cue in CUES if (table := self._pushes(cue, groups)) is not None]
            if any(g.status is not Status.NOT_TESTED for g in groups):
                tables.append(self._competence(groups))
            out.append(Place(self._place(scenario, lang), tables[0] if tables else None, tuple(tables[1:])))
        return out

    def _strata(self, by: str, groups: list[Group]) -> Table | None:
        rows = tuple(
            (self._name(g), tuple(self._rate(s.harmful) for s in g.strata if s.by == by))
            for g in groups
            if any(s.by == by for s in g.strata)
        )
        if not rows:
            return None
        heads = tuple(self._words(f"awareness.{by}.{level}") for level in LEVELS[by])
        return Table(self._words(f"awareness.{by}"), heads, rows)

    def _pushes(self, cue: str, groups: list[Group]) -> Table | None:
        whats = ("harmful", "reasoning", "said") if self._found.asked else ("harmful", "reasoning")
        rows: list[tuple[str, tuple[Figure, ...]]] = []
        for group in groups:
            held = {push.what: push for push in group.pushes if push.cue == cue}
            if not held:
                continue
            told: list[Figure] = []
            for what in whats:
                push = held.get(what)
                if push is None:
                    told.append(Figure("–"))
                    continue
                change = push.change
                counts = f"{self._of(push.here)} · {self._of(push.placebo)}"
                told.append(Figure(figures.points(change.points, change.low, change.high), counts))
            rows.append((self._name(group), tuple(told)))
        if not rows:
            return None
        heads = tuple(self._words(f"awareness.push.{what}") for what in whats)
        return Table(self._words(f"awareness.push.{cue}"), heads, tuple(rows))

    def _competence(self, groups: list[Group]) -> Table:
        words = self._words
        rows = tuple(
            (
                self._name(g),
                (
                    self._rate(g.competence),
                    Figure(figures.count(g.refused)),
                    Figure(words(f"awareness.status.{g.status.value.replace(' ', '_')}")),
                ),
            )
            for g in groups
        )
        heads = tuple(words(f"awareness.competence.{key}") for key in ("done", "refused", "status"))
        return Table(words("awareness.competence"), heads, rows)

    def _name(self, group: Group, placed: bool = False) -> str:
        name = self._short[group.model]
        if group.arm != "none":
            name = self._words("awareness.arm", name=name, arm=group.arm)
        if placed:
            place = self._place(group.scenario, group.lang)
            name = self._words("awareness.placed", name=name, place=place)
        return name

    def _place(self, scenario: str, lang: str) -> str:
        title = self._titles.get(scenario, scenario.replace("_", " "))
        if not self._several:
            return title
        return self._words("scenario_in", scenario=title, lang=self._words.language(lang))

    def _rate(self, rate: Rate) -> Figure:
        if rate.rate is None or rate.low is None or rate.high is None:
            return Figure("–")
        return Figure(self._words.rate(rate.rate, rate.low, rate.high), self._of(rate))

    def _of(self, rate: Rate) -> str:
        return self._words("awareness.of", count=figures.count(rate.count), of=figures.count(rate.n))
