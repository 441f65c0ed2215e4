"""A page that shows a run, or one scenario of it, without a network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from duress.judge.outcome import Outcome
from duress.report import chart, figures
from duress.report.excerpt import scene
from duress.report.results import Cell, Effect, Excerpt, Results, Run
from duress.report.sections import FAMILY, MODULES, Section, sections, templates
from duress.report.strings import Strings
from duress.report.table import ORDER, by_contrast, by_scenario
from duress.stats import Estimate, average
from duress.study.design import REFERENCE
from duress.study.errors import StudyError, UsageError
from duress.study.intent import ARM
from duress.trajectory import Trajectory

ROWS = 48
"""A chart of more rows than this cannot be read: it shows the most telling, and says so."""
MISSING = "missing"
PARTS = (*(outcome.value for outcome in ORDER), MISSING)
_TOPS = (0.05, 0.1, 0.25, 0.5, 1.0)
_SPANS = (10, 25, 50, 100)


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart in both its sizes."""

    wide: Markup
    narrow: Markup
    note: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """What the page shows of one scenario in one language."""

    title: str
    name: str
    """What the pack is called, where the title says something else."""
    cells: Sequence[Cell]
    effects: Sequence[Effect]
    rates: Figure
    outcomes: Figure
    changes: Figure | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands out."""

    title: str
    figure: str
    text: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a page stands that is about one scenario of several."""

    title: str
    run: Run
    """The whole run."""
    overview: str
    """Its address."""
    before: tuple[str, str] | None
    """Address and title of the page of the scenario before this one."""
    after: tuple[str, str] | None


def html(
    results: Results,
    *,
    lang: str = "en",
    titles: Mapping[str, str] | None = None,
    trajectory: Callable[[Excerpt], Trajectory | None] = lambda _: None,
    sections: Sequence[Section] = (),
    leaf: Leaf | None = None,
) -> str:
    """Return the page of a run, or with a `leaf` that of its one scenario in `results`.

    `lang` is the language of the page, not that of the trials. `titles` names scenarios better than
    their packs' names do. `trajectory` finds the conversation that an excerpt is from; where it has
    none, the excerpt shows the quotes alone. `sections` come after the outcomes.

    Raises:
        ValueError: the page is not written in that language.
    """
    words = Strings(lang)
    return filled(
        "report.html.j2",
        Page(results, words, titles or {}),
        results,
        words,
        sections=sections,
        scenes=[scene(excerpt, trajectory(excerpt)) for excerpt in results.excerpts],
        leaf=leaf,
    )


def filled(template: str, page: Page, results: Results, words: Strings, **values: Any) -> str:
    """Return a template of a whole page, filled in."""
    environment = templates()
    source = environment.loader
    assert source is not None
    script = source.get_source(environment, "report.js")[0]
    return environment.get_template(template).render(
        t=words,
        page=page,
        run=results.run,
        results=results,
        order=ORDER,
        parts=PARTS,
        count=figures.count,
        number=figures.number,
        script=Markup(script),
        style=Markup(source.get_source(environment, "report.css")[0]),
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        **values,
    )


def page(folder: Path, lang: str = "en", results: Results | None = None, leaf: Leaf | None = None) -> str:
    """Return the page of a run directory, or of its one scenario in `results`, with all its sections.

    Raises:
        StudyError: it is not a run directory, or it cannot be read.
    """
    from duress.report.results import results as found
    from duress.study.compact import trials
    from duress.study.store import trajectory

    results = results or found(folder)
    wanted = [excerpt.trial_id for excerpt in results.excerpts]
    held = trials(folder, ["trial_id", "run_trajectory"]) if wanted else None
    places: dict[str, str] = {}
    if held is not None and "run_trajectory" in held.columns:
        rows = held.filter(held["trial_id"].is_in(wanted)).drop_nulls()
        places = dict(rows.iter_rows())

    def conversation(excerpt: Excerpt) -> Trajectory | None:
        try:
            return trajectory(folder, places[excerpt.trial_id])
        except (KeyError, StudyError):
            # The verdict stands in the row; the page can do without the conversation.
            return None

    return html(
        results,
        lang=lang,
        titles=titles(folder, lang),
        trajectory=conversation,
        sections=sections(folder, results, Strings(lang), FAMILY if leaf else MODULES),
        leaf=leaf,
    )


def titles(folder: Path, lang: str) -> dict[str, str]:
    """Return the titles of a run's scenarios, of those whose pack is still the one that was run."""
    from duress.study import planfile
    from duress.study.design import pack_of

    out: dict[str, str] = {}
    for one in planfile.read(folder).design.scenarios:
        try:
            title = pack_of(one).title.get(lang)
        except UsageError:
            # The pack is gone or has changed since: its name has to do.
            continue
        if title:
            out[one.name] = title
    return out


class Page:
    """What the template shows, worked out."""

    def __init__(self, results: Results, words: Strings, titles: Mapping[str, str]) -> None:
        self._results = results
        self._words = words
        self._titles = titles
        self._short = short(results.run.models)
        self._set_by_arms = {name for levels in results.run.arms.values() for name in levels}
        self._varied = {
            scenario: [
                name
                for name in _varied([c for c in results.cells if c.scenario == scenario])
                if name not in self._set_by_arms
            ]
            for scenario in results.run.scenarios
        }
        self._top = min(top for top in _TOPS if all(c.harmful.high <= top for c in results.cells))
        self._measured = _measured(results.cells)
        self.harmful = sum(cell.harmful.count for cell in results.cells)
        self.missing = results.run.planned - results.run.finished
        self.conditions = max(
            len({cell.condition for cell in cells}) for _, cells in by_scenario(results.cells)
        )
        self.reference = all(model.startswith(REFERENCE) for model in results.run.models)

    @cached_property
    def blocks(self) -> list[Block]:
        """Return the scenarios with their charts."""
        return [
            self._block(n, scenario, lang, cells)
            for n, ((scenario, lang), cells) in enumerate(by_scenario(self._results.cells))
        ]

    def model(self, name: str) -> str:
        """Return the short name of a model."""
        return self._short[name]

    def scenario(self, name: str) -> str:
        """Return the title of a scenario."""
        return self._titles.get(name, name.replace("_", " "))

    def place(self, scenario: str, lang: str) -> str:
        """Return a scenario, with its language where there are several."""
        title = self.scenario(scenario)
        if len(self._results.run.lang) == 1:
            return title
        return self._words("scenario_in", scenario=title, lang=self._words.language(lang))

    def rate(self, cell: Cell) -> str:
        """Return the harmful rate of a cell with its interval; none where no harm could be done."""
        if not cell.measures_harm:
            return "–"
        return self._rate(cell.harmful.estimate)

    def bounds(self, cell: Cell) -> str:
        """Return the bounds of a cell's rate."""
        best, worst = self._words.percent(cell.bounds.best), self._words.percent(cell.bounds.worst)
        return self._words("bounds", best=best, worst=worst)

    def condition(self, cell: Cell) -> str:
        """Return the levels of the factors that were varied, defaults among them."""
        varied = self._varied[cell.scenario]
        arm = {ARM: cell.arm} if self._results.has_arms else {}
        if not varied and not arm:
            return self.fixed([cell])
        return self._words.levels({**{name: cell.levels[name] for name in varied}, **arm})

    def fixed(self, cells: Sequence[Cell]) -> str:
        """Return what was held away from its default in all of these cells of one scenario."""
        varied = self._varied[cells[0].scenario]
        label = cells[0].condition
        pairs = [] if label == "default" else [part.split("=", 1) for part in label.split(" ")]
        held = {name: level for name, level in pairs if name not in varied}
        if held:
            return self._words.levels(held)
        return self._words("default.others" if varied else "default")

    def where(self, excerpt: Excerpt) -> str:
        """Return the condition of an excerpt in words."""
        key = (excerpt.scenario, excerpt.lang, excerpt.model, excerpt.condition, excerpt.arm)
        return next(self.condition(cell) for cell in self._results.cells if cell.key == key)

    def points(self, effect: Effect) -> str:
        """Return an effect with its interval."""
        return figures.points(effect.points, effect.low, effect.high)

    @property
    def headline(self) -> str:
        """Return what was found, in one line."""
        planned = figures.count(sum(cell.planned for cell in self._measured))
        if not self.harmful:
            return self._words("head.none", planned=planned)
        return self._words("head.harm", count=figures.count(self.harmful), planned=planned)

    @property
    def lead(self) -> list[str]:
        """Return what was run and what was found, in sentences."""
        run, words = self._results.run, self._words
        fewest, most = self._results.per_cell
        out = [
            words(
                "lead.run",
                agents=words("lead.agents", len(run.models)),
                scenarios=words("lead.scenarios", len(run.scenarios)),
                conditions=words("lead.conditions", self.conditions)
                + (words("lead.arms", len(run.arms)) if self._results.has_arms else ""),
                langs=words("lead.langs", langs=words.listed(words.language(lang) for lang in run.lang)),
                trials=words("lead.trials.range", low=fewest, high=most)
                if fewest < most
                else words("lead.trials", most),
            )
        ]
        if self.harmful:
            planned = sum(cell.planned for cell in self._measured)
            out.append(words("lead.harm", share=words.percent(self.harmful / planned)))
        else:
            high = _average(self._measured).high
            out.append(words("lead.none", high=words.percent(high)))
        if self.missing:
            out.append(words("lead.missing", self.missing))
        unsettled = sum(cell.unsettled for cell in self._results.cells) - self.missing
        if unsettled:
            out.append(words("lead.unsettled", unsettled))
        return out

    @property
    def findings(self) -> list[Finding]:
        """Return what stands out: the highest rate, the largest effect, who did no harm."""
        words, out = self._words, list[Finding]()
        worst = max(self._results.cells, key=lambda cell: (cell.harmful.low, cell.harmful.rate))
        if worst.harmful.count:
            out.append(
                Finding(
                    words("found.most"),
                    self.rate(worst),
                    words(
                        "found.most.text",
                        model=self.model(worst.model),
                        scenario=self.place(worst.scenario, worst.lang),
                        condition=self.condition(worst),
                        count=worst.harmful.count,
                        planned=worst.planned,
                    ),
                )
            )
        clear = [e for e in self._results.effects if e.low > 0 or e.high < 0]
        if clear:
            most = max(clear, key=lambda e: (abs(e.points), e.planned))
            out.append(
                Finding(
                    words("found.moved"),
                    self.points(most),
                    words(
                        "found.moved.text",
                        contrast=words.contrast(most),
                        model=self.model(most.model),
                        scenario=self.place(most.scenario, most.lang),
                        cells=words("found.moved.cells", most.cells),
                    ),
                )
            )
        by_model = {model: self._of(model) for model in self._results.run.models}
        never = [m for m, cells in by_model.items() if not any(c.harmful.count for c in cells)]
        if never and self.harmful:
            cells = by_model[never[0]]
            out.append(
                Finding(
                    words("found.never"),
                    self._rate(_average(cells)),
                    words(
                        "found.never.text",
                        models=words.listed(self.model(model) for model in never),
                        planned=figures.count(sum(cell.planned for cell in cells)),
                    ),
                )
            )
        return out

    def language(self, lang: str) -> str:
        """Return the name of a language of the trials."""
        return self._words.language(lang)

    def glance(self, model: str, lang: str) -> list[dict[str, Any]]:
        """Return a model's rate in each scenario in one language, averaged over its conditions."""
        out: list[dict[str, Any]] = []
        for scenario in self._results.run.scenarios:
            cells = [c for c in self._of(model) if (c.scenario, c.lang) == (scenario, lang)]
            if not cells:
                out.append({})
                continue
            estimate = _average(cells)
            out.append(
                {
                    "share": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "text": self._words.percent(estimate.value),
                    "limits": self._words(
                        "interval",
                        low=figures.number(100 * estimate.low),
                        high=figures.number(100 * estimate.high),
                    ),
                    "of": self._words(
                        "glance.of",
                        count=figures.count(sum(c.harmful.count for c in cells)),
                        planned=figures.count(sum(c.planned for c in cells)),
                    ),
                    "place": self.place(scenario, lang),
                    "bounds": self._possible(cells),
                }
            )
        return out

    def _possible(self, cells: Sequence[Cell]) -> str:
        """Return the bounds of an average over cells, in words; nothing where all is known."""
        if not any(cell.unsettled for cell in cells):
            return ""
        best = sum(cell.bounds.best for cell in cells) / len(cells)
        worst = sum(cell.bounds.worst for cell in cells) / len(cells)
        words = self._words
        return words(
            "glance.bounds", bounds=words("bounds", best=words.percent(best), worst=words.percent(worst))
        )

    def _of(self, model: str) -> list[Cell]:
        return [cell for cell in self._measured if cell.model == model]

    def _rate(self, estimate: Estimate) -> str:
        return self._words.rate(estimate.value, estimate.low, estimate.high)

    def _block(self, n: int, scenario: str, lang: str, cells: Sequence[Cell]) -> Block:
        effects = [e for e in self._results.effects if (e.scenario, e.lang) == (scenario, lang)]
        title = self.place(scenario, lang)
        return Block(
            title=title,
            name=scenario if scenario in self._titles else "",
            cells=cells,
            effects=effects,
            rates=self._rates(f"s{n}-rates", title, _measured(cells)),
            outcomes=self._outcomes(f"s{n}-outcomes", title, cells),
            changes=self._changes(f"s{n}-effects", title, effects) if effects else None,
        )

    def _rates(self, key: str, title: str, cells: Sequence[Cell]) -> Figure:
        shown = _highest(cells)
        groups = self._grouped(
            shown,
            lambda cell, label: chart.Mark(
                label=label,
                value=cell.harmful.rate,
                low=cell.harmful.low,
                high=cell.harmful.high,
                text=self.rate(cell),
                strong=cell.harmful.count > 0,
            ),
        )
        ticks = (
            tuple(self._top * n / 5 for n in range(6))
            if self._top < 0.5
            else (tuple(self._top * n / 4 for n in range(5)))
        )
        axis = chart.Axis(0, self._top, ticks, tuple(self._tick(at) for at in ticks))
        rates = [cell.harmful.rate for cell in shown]
        return self._figure(
            key,
            lambda size: chart.intervals(groups, axis, size),
            self._words("rates.alt", scenario=title),
            self._words(
                "rates.desc",
                rows=len(shown),
                low=self._words.percent(min(rates)),
                high=self._words.percent(max(rates)),
            ),
            self._capped("capped", len(shown), len(cells)),
        )

    def _outcomes(self, key: str, title: str, cells: Sequence[Cell]) -> Figure:
        shown = _highest(cells)
        groups = self._grouped(
            shown,
            lambda cell, label: chart.Bar(
                label=label,
                shares=(
                    *((o.value, cell.outcomes[o] / cell.planned) for o in ORDER),
                    (MISSING, cell.missing / cell.planned),
                ),
                text=self._words(
                    "glance.of",
                    count=figures.count(cell.outcomes[Outcome.HARMFUL]),
                    planned=figures.count(cell.planned),
                ),
            ),
        )
        ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
        axis = chart.Axis(0, 1, ticks, tuple(self._tick(at) for at in ticks))
        return self._figure(
            key,
            lambda size: chart.bars(groups, PARTS, axis, size),
            self._words("outcomes.alt", scenario=title),
            self._words("outcomes.desc", rows=len(shown)),
            self._capped("capped", len(shown), len(cells)),
        )

    def _changes(self, key: str, title: str, effects: Sequence[Effect]) -> Figure:
        shown = effects
        if len(effects) > ROWS:
            largest = sorted(effects, key=lambda e: abs(e.points), reverse=True)[:ROWS]
            shown = [effect for effect in effects if effect in largest]
        groups = [
            chart.Group(
                self._words.contrast(rows[0]),
                tuple(
                    chart.Mark(
                        label=self.model(effect.model),
                        value=effect.points,
                        low=effect.low,
                        high=effect.high,
                        text=self.points(effect),
                        strong=effect.low > 0 or effect.high < 0,
                    )
                    for effect in rows
                ),
            )
            for _, rows in by_contrast(shown)
        ]
        reach = max(max(-e.low, e.high) for e in self._results.effects)
        span = min((at for at in _SPANS if reach <= at), default=100)
        ticks = (-span, -span / 2, 0.0, span / 2, span)
        axis = chart.Axis(-span, span, ticks, tuple(_signed_tick(at) for at in ticks), zero=True)
        points = [effect.points for effect in shown]
        return self._figure(
            key,
            lambda size: chart.intervals(groups, axis, size),
            self._words("effects.alt", scenario=title),
            self._words(
                "effects.desc",
                rows=len(shown),
                low=figures.signed(min(points)),
                high=figures.signed(max(points)),
            ),
            self._capped("capped.effects", len(shown), len(effects)),
        )

    def _grouped(
        self, cells: Sequence[Cell], row: Callable[[Cell, str], chart.Row]
    ) -> list[chart.Group[chart.Row]]:
        """Put conditions under their model; with a single condition, models are the rows."""
        if len({(cell.condition, cell.arm) for cell in cells}) == 1:
            rows = tuple(row(cell, self.model(cell.model)) for cell in cells)
            return [chart.Group("", rows)]
        return [
            chart.Group(
                self.model(model),
                tuple(row(cell, self.condition(cell)) for cell in group),
            )
            for model, group in groupby(cells, key=lambda cell: cell.model)
        ]

    def _figure(
        self,
        key: str,
        draw: Callable[[chart.Size], chart.Drawing],
        title: str,
        description: str,
        note: str,
    ) -> Figure:
        return Figure(
            wide=Markup(draw("wide").titled(f"{key}-w", title, description)),
            narrow=Markup(draw("narrow").titled(f"{key}-n", title, description)),
            note=note,
        )

    def _capped(self, key: str, shown: int, every: int) -> str:
        return self._words(key, shown, shown=shown, all=every) if shown < every else ""

    def _tick(self, share: float) -> str:
        return self._words("percent", value=f"{100 * share:g}")


def short(models: Sequence[str]) -> dict[str, str]:
    """Return each model's name without its provider, where that still tells all models apart."""
    names = {model: model.rpartition("/")[2] for model in models}
    if all(model.startswith(REFERENCE) for model in models):
        # Their names are identifiers; those of real models stand as their providers write them.
        return {model: name.replace("_", "-") for model, name in names.items()}
    return names if len(set(names.values())) == len(names) else {model: model for model in models}


def _average(cells: Sequence[Cell]) -> Estimate:
    return average([(cell.harmful.count, cell.planned) for cell in cells])


def _varied(cells: Sequence[Cell]) -> list[str]:
    names = cells[0].levels if cells else {}
    return [name for name in names if len({cell.levels[name] for cell in cells}) > 1]


def _measured(cells: Sequence[Cell]) -> Sequence[Cell]:
    """Return the cells whose rate says something; all of them where none does."""
    return [cell for cell in cells if cell.measures_harm] or cells


def _highest(cells: Sequence[Cell]) -> Sequence[Cell]:
    if len(cells) <= ROWS:
        return cells
    chosen = sorted(cells, key=lambda cell: (cell.harmful.rate, cell.harmful.low), reverse=True)
    keys = {cell.key for cell in chosen[:ROWS]}
    return [cell for cell in cells if cell.key in keys]


def _signed_tick(value: float) -> str:
    text = f"{value:+g}".replace("-", figures.MINUS)
    return "0" if value == 0 else text
