"""The section on arms: what each defence did, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from duress.report import defended, figures
from duress.report.html import short, titles
from duress.report.overall import overall
from duress.report.results import Change, Defence, Mean, Results, Share
from duress.report.sections import Section, body
from duress.report.sections.tables import Figure, Place, Table
from duress.report.strings import Strings


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return it for a run with several arms."""
    if not results.defences:
        return None
    page = _Page(results, words, titles(folder, words.lang))
    notices = [words("defences.reviewer", reviewer=results.run.reviewer)] if results.run.reviewer else []
    return Section(
        "defences",
        words("defences.title"),
        body("defences", words, places=page.places(), notices=notices, policies=results.run.policies),
    )


def overview(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return what the arms did over all scenarios together."""
    together = overall(results.defences)
    return section(folder, results.model_copy(update={"defences": together}), words)


class _Page:
    def __init__(self, results: Results, words: Strings, titles: Mapping[str, str]) -> None:
        self._results = results
        self._words = words
        self._titles = titles
        self._short = short(results.run.models)

    def places(self) -> list[Place]:
        """Return the tables, by scenario and language."""
        groups = groupby(self._results.defences, key=lambda one: (one.scenario, one.lang))
        out: list[Place] = []
        for (scenario, lang), run in groups:
            held = list(run)
            more = [self._kinds(held)]
            if any(one.questions for one in held):
                more.append(self._cost(held))
            out.append(Place(self._place(scenario, lang), self._first(held), tuple(filter(None, more))))
        return out

    def _first(self, held: list[Defence]) -> Table:
        names = ("harm", "attacked", "benign", "over_refusal", "displaced")
        rows = tuple(
            (
                self._name(one),
                (
                    self._share(one.harm, one.harm_change),
                    self._share(one.attacked_work, one.attacked_work_change),
                    self._share(one.benign_work, one.benign_work_change),
                    self._share(one.over_refusal),
                    self._share(one.displaced),
                ),
            )
            for one in held
        )
        return Table(
            self._words("defences.first"), tuple(self._words(f"defences.{name}") for name in names), rows
        )

    def _kinds(self, held: list[Defence]) -> Table | None:
        kinds = list(dict.fromkeys(kind.kind for one in held for kind in one.kinds))
        if not kinds:
            return None
        rows: list[tuple[str, tuple[Figure, ...]]] = []
        for one in held:
            under = {kind.kind: kind for kind in one.kinds}
            told = tuple(
                self._share(under[kind].share, under[kind].change) if kind in under else Figure(defended.NONE)
                for kind in kinds
            )
            rows.append((self._name(one), told))
        return Table(self._words("defences.kinds"), tuple(map(self._words.kind, kinds)), tuple(rows))

    def _cost(self, held: list[Defence]) -> Table:
        names = ("questions", "minutes", "asked", "refused", "latency", "tokens")
        rows = tuple(
            (
                self._name(one),
                (
                    self._mean(one.questions),
                    self._mean(one.minutes),
                    self._share(one.over_asked),
                    self._mean(one.refused),
                    self._mean(
                        one.latency,
                        ""
                        if one.slowest is None
                        else self._words("defences.slowest", ms=figures.number(one.slowest)),
                    ),
                    self._mean(one.tokens),
                ),
            )
            for one in held
            if one.questions or one.tokens
        )
        heads = tuple(self._words(f"defences.{name}") for name in names)
        return Table(self._words("defences.cost"), heads, rows)

    def _name(self, one: Defence) -> str:
        return self._words("defences.arm", name=self._short[one.model], arm=one.arm)

    def _share(self, share: Share | None, change: Change | None = None) -> Figure:
        if share is None:
            return Figure(defended.NONE)
        of = self._words("defences.of", count=figures.count(share.count), all=figures.count(share.n))
        if change is not None:
            moved = figures.points(change.points, change.low, change.high)
            of = self._words("defences.change", points=moved)
        return Figure(self._words.rate(share.rate, share.low, share.high), of)

    def _mean(self, mean: Mean | None, below: str = "") -> Figure:
        if mean is None:
            return Figure(defended.NONE)
        value = figures.number(mean.value)
        if mean.low is None or mean.high is None:
            return Figure(value, below)
        limits = self._words("interval", low=figures.number(mean.low), high=figures.number(mean.high))
        return Figure(f"{value} {limits}", below)

    def _place(self, scenario: str, lang: str) -> str:
        if not scenario:
            return self._words("defences.overall")
        title = self._titles.get(scenario, scenario.replace("_", " "))
        if len(self._results.run.lang) == 1:
            return title
        return self._words("scenario_in", scenario=title, lang=self._words.language(lang))
