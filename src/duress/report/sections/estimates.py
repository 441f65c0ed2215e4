"""What the run lets one conclude: ranks, effects, how much scenarios differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from duress.report import estimates, figures
from duress.report.estimates import Effect, Interval, Test
from duress.report.estimates_table import p_value, ratio
from duress.report.results import Results
from duress.report.sections import Section, body
from duress.report.strings import Strings


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    cells: tuple[str, ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class _Table:
    title: str
    about: str
    first: str
    heads: tuple[str, ...]
    groups: tuple[tuple[str, tuple[_Row, ...]], ...]


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return the section, or None where the run has no estimates, or has them of other trials."""
    path = folder / estimates.FILE
    if not path.is_file():
        return None
    found = estimates.load(path)
    if (found.plan_hash, found.finished) != (results.run.plan_hash, results.run.finished):
        return None
    made = [_ranks(found, words), _effects(found, words), _pooled(found, words)]
    tables = [table for table in made if table.groups]
    if not tables:
        return None
    note = words("estimates.note", confidence=f"{100 * found.confidence:g}", draws=figures.count(found.draws))
    if any(effect.separated for effect in found.effects):
        note += words("estimates.separated")
    return Section("estimates", words("estimates.title"), body("estimates", words, tables=tables, note=note))


def _ranks(found: estimates.Estimates, words: Strings) -> _Table:
    rows = tuple(
        _Row(
            _short(one.model),
            (
                _ranked(one.rank_low, one.rank_high, words),
                f"{figures.count(one.count)} / {figures.count(one.planned)}",
                words.rate(one.rate, one.low, one.high),
            ),
        )
        for one in found.ranks
    )
    return _Table(
        words("estimates.ranks"),
        words("estimates.ranks.text"),
        words("column.agent"),
        (words("estimates.rank"), words.outcome("harmful"), words("estimates.rate")),
        (("", rows),) if rows else (),
    )


def _effects(found: estimates.Estimates, words: Strings) -> _Table:
    several = any(effect.scenario is None for effect in found.effects)
    groups: dict[str, list[_Row]] = {}
    for effect in found.effects:
        if several and effect.scenario is not None:
            continue
        groups.setdefault(_contrast(effect, words), []).append(
            _Row(
                _short(effect.model) + (" *" if effect.separated else ""),
                (
                    ratio(effect.odds_ratio),
                    _points(effect.points),
                    p_value(effect.test.p),
                    _p(effect.test, words),
                ),
                effect.test.adjusted <= 1 - found.confidence,
            )
        )
    return _Table(
        words("estimates.effects"),
        words("estimates.effects.text"),
        words("column.agent"),
        (words("estimates.odds"), words("column.points"), "p", words("estimates.adjusted")),
        tuple((name, tuple(rows)) for name, rows in groups.items()),
    )


def _pooled(found: estimates.Estimates, words: Strings) -> _Table:
    groups: dict[str, list[_Row]] = {}
    for one in found.pooled:
        if one.scale != "points":
            continue
        name = words(
            "effects.contrast",
            factor=words.factor(one.factor),
            level=words.level(one.level),
            reference=words.level(one.reference),
        )
        ahead = "" if one.prediction is None else _points(one.prediction).partition(" ")[2]
        groups.setdefault(name, []).append(
            _Row(
                _short(one.model),
                (
                    _points(one.mean),
                    ahead,
                    f"{one.q:.1f} (p {p_value(one.q_p)})",
                    words.percent(one.i2),
                    f"{one.tau2:.3g}",
                ),
            )
        )
    return _Table(
        words("estimates.pooled"),
        words("estimates.pooled.text"),
        words("column.agent"),
        (words("estimates.mean"), words("estimates.next"), "Q", "I²", "τ²"),
        tuple((name, tuple(rows)) for name, rows in groups.items()),
    )


def _contrast(effect: Effect, words: Strings) -> str:
    parts = zip(effect.factor.split(":"), effect.level.split(":"), effect.reference.split(":"), strict=True)
    return " × ".join(
        words(
            "effects.contrast",
            factor=words.factor(factor),
            level=words.level(level),
            reference=words.level(reference),
        )
        for factor, level, reference in parts
    )


def _points(one: Interval) -> str:
    low = "\N{MINUS SIGN}\N{INFINITY}" if one.low is None else figures.signed(one.low)
    high = "\N{INFINITY}" if one.high is None else figures.signed(one.high)
    return f"{figures.signed(one.value)} [{low}, {high}]"


def _p(test: Test, words: Strings) -> str:
    return f"{p_value(test.adjusted)} {words(f'estimates.{test.family}')}"


def _ranked(low: int, high: int, words: Strings) -> str:
    return f"{low}" if low == high else words("estimates.to", low=low, high=high)


def _short(model: str) -> str:
    return model.rpartition("/")[2]
