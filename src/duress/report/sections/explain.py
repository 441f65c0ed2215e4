"""Why: the inbox of an explained trial, with what leaving each thing out did beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from duress.report import figures
from duress.report.causes import p_value
from duress.report.results import Results
from duress.report.sections import Section, body
from duress.report.strings import Strings
from duress.scenario.scene import FILLER
from duress.stats.leave_one_out import Verdict
from duress.study.explanation import FILE, FOLDER, Effect, Explanation, Line, read
from duress.study.item import Group

_SPANS = (0.1, 0.25, 0.5, 1.0)
_LOCALES = {"zh": "zh-Hans"}


@dataclass(frozen=True, slots=True)
class Bar:
    """Where an effect lies on the scale, as percentages of its width."""

    start: float
    width: float
    low: float
    reach: float
    """Of the interval, from `low`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing, and what leaving it out did."""

    time: str
    who: str
    title: str
    words: str
    notes: tuple[str, ...]
    bar: Bar | None
    figure: str
    verdict: str
    p: str
    strength: str
    """`strong`, `weak` or `brake`: how its bar is drawn; `none` without one."""
    plain: bool = False
    """Whether the title is a name of the interface, not a text."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one group under a heading."""

    title: str
    rows: tuple[Row, ...]
    rest: str = ""
    """Items that no repeat changed without, in a sentence."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One explanation."""

    title: str
    where: str
    trial: str
    lang: str
    told: tuple[str, ...]
    parts: tuple[Part, ...]
    zero: float
    """Where the scale has its zero, in per cent of its width."""
    ticks: tuple[tuple[float, str], ...]


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return the explanations that a directory holds: its own, or those of its trials."""
    own = folder / FILE
    files = [own] if own.exists() else sorted(folder.glob(f"{FOLDER}/*/{FILE}"))
    if not files:
        return None
    told = [one for one in map(read, files) if one.scenario in results.run.scenarios]
    if not told:
        return None
    pictures = [_picture(one, words) for one in told]
    return Section("explain", words("explain.title"), body("explain", words, pictures=pictures))


def _picture(told: Explanation, words: Strings) -> Picture:
    scale = _Scale(told)
    return Picture(
        title=f"{told.model.rpartition('/')[2]} \N{MIDDLE DOT} "
        f"{told.titles.get(words.lang, told.scenario.replace('_', ' '))}",
        where=_condition(told, words),
        trial=told.trial_id,
        lang=_LOCALES.get(told.lang, told.lang),
        told=tuple(_sentences(told, words)),
        parts=tuple(_parts(told, scale, words)),
        zero=scale.place(0.0),
        ticks=scale.ticks(),
    )


def _condition(told: Explanation, words: Strings) -> str:
    if told.condition == "default":
        return words("default")
    return words.levels(dict(part.split("=", 1) for part in told.condition.split(" ")))


def _sentences(told: Explanation, words: Strings) -> Iterator[str]:
    reference = told.reference
    act = words.listed(words.kind(kind) for kind in told.measured) if told.measured else words("explain.any")
    if reference.rate is None:
        yield words("explain.unknown")
        return
    rate = words.rate(reference.rate.value, reference.rate.low, reference.rate.high)
    key = "explain.reference.held" if told.held else "explain.reference"
    yield words(key, act=act, count=reference.count, told=reference.told, rate=rate)
    if reference.told < reference.planned:
        yield words("explain.untold", reference.planned - reference.told)
    claims = False
    for verdict in (Verdict.NECESSARY, Verdict.CONTRIBUTES, Verdict.RESTRAINS):
        names = [_name(told, one.item, words) for one in told.effects if one.verdict is verdict]
        if names:
            claims = True
            yield words(f"explain.{verdict.value}.these", items=words.listed(names))
    if not claims:
        yield words("explain.nothing")


def _name(told: Explanation, item: str, words: Strings) -> str:
    if item == FILLER:
        return words("explain.filler")
    kind, _, name = item.partition(":")
    line = next((one for one in told.lines if one.item == item), None)
    if kind == "factor":
        name = words.factor(name)
    elif kind != "tool" and kind != "system" and line is not None:
        name = line.title
    return words(f"explain.named.{kind}", name=name)


class _Scale:
    """From effects to places on the picture."""

    def __init__(self, told: Explanation) -> None:
        known = [one.effect for one in told.effects if one.effect is not None]
        lowest = max((-one.low for one in known), default=0.0)
        highest = max((one.high for one in known), default=0.0)
        self._low = -next((span for span in _SPANS if lowest <= span), 1.0)
        self._high = next((span for span in _SPANS if highest <= span), 1.0)

    def place(self, effect: float) -> float:
        """Return where an effect lies, in per cent of the width."""
        share = (effect - self._low) / (self._high - self._low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def bar(self, one: Effect) -> Bar | None:
        """Return the bar of an effect, or None if it was not judged."""
        if one.effect is None:
            return None
        zero, value = self.place(0.0), self.place(one.effect.value)
        low, high = self.place(one.effect.low), self.place(one.effect.high)
        return Bar(min(zero, value), abs(value - zero), low, high - low)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Return (place, text) of the scale's ends and of zero."""
        return tuple(
            (self.place(at), "0" if not at else f"{100 * at:+g}".replace("-", figures.MINUS))
            for at in (self._low, 0.0, self._high)
        )


def _parts(told: Explanation, scale: _Scale, words: Strings) -> Iterator[Part]:
    inbox = [line for line in told.lines if line.group is Group.MESSAGES]
    if any(told.effect(line.item) for line in inbox):
        rows = [_row(told, line, scale, words) for line in inbox]
        if (filler := told.effect(FILLER)) is not None:
            rows.append(_row(told, None, scale, words, filler))
        yield Part(words("explain.inbox"), tuple(rows))
    for group in (Group.FACTORS, Group.FACTS, Group.TOOLS):
        lines = {line.item: line for line in told.lines if line.group is group}
        ranked = [one for one in told.effects if one.item in lines]
        moved = [one for one in ranked if _moved(one)]
        same = [_name(told, one.item, words) for one in ranked if not _moved(one)]
        if ranked:
            yield Part(
                words(f"explain.{group.value}"),
                tuple(_row(told, lines[one.item], scale, words) for one in moved),
                words("explain.same", items=words.listed(same)) if same else "",
            )


def _moved(one: Effect) -> bool:
    return one.effect is None or one.effect.value != 0 or one.verdict is not Verdict.UNCLEAR


def _row(
    told: Explanation, line: Line | None, scale: _Scale, words: Strings, effect: Effect | None = None
) -> Row:
    if line is not None and line.item != FILLER:
        effect = told.effect(line.item)
    who, title, text, plain = _texts(line, words)
    notes: list[str] = []
    if line is not None and line.opened is False:
        notes.append(words("explain.unread"))
    if line is not None and line.item == FILLER:
        notes.append(words("explain.unrelated"))
    if effect is not None:
        if effect.pairs < effect.planned:
            notes.append(words("explain.pairs", pairs=effect.pairs, planned=effect.planned))
        if effect.other_harm and effect.verdict in (Verdict.NECESSARY, Verdict.CONTRIBUTES):
            notes.append(words("explain.other", count=effect.other_harm, told=effect.told_without))
    return Row(
        time=line.time if line else "",
        who=who,
        title=title,
        words=text,
        notes=tuple(notes),
        bar=scale.bar(effect) if effect else None,
        figure=_figure(effect),
        verdict=words(f"explain.verdict.{effect.verdict.value}") if effect else "",
        p=_chance(effect, words),
        strength=_strength(effect),
        plain=plain,
    )


def _texts(line: Line | None, words: Strings) -> tuple[str, str, str, bool]:
    """Return who or what kind it is, its title, its first words, and whether the title is a mere name."""
    if line is None:
        return "", words("explain.filler"), "", False
    kind = line.item.partition(":")[0]
    if line.change is not None:
        here, there = (words.level(level) for level in line.change)
        return "", words.factor(line.title), words("explain.change", here=here, there=there), False
    if line.group is Group.MESSAGES:
        return line.sender, line.title, line.words if line.item != FILLER else "", False
    if line.group is Group.TOOLS:
        return "", line.title, line.words, True
    return words(f"explain.kind.{kind}"), line.title if kind != "system" else "", line.words, False


def _figure(effect: Effect | None) -> str:
    if effect is None or effect.effect is None:
        return ""
    return figures.points(100 * effect.effect.value, 100 * effect.effect.low, 100 * effect.effect.high)


def _chance(effect: Effect | None, words: Strings) -> str:
    if effect is None or effect.p_adjusted is None or not _claims(effect):
        return ""
    return words("explain.p", p=p_value(effect.p_adjusted))


def _claims(effect: Effect | None) -> bool:
    return effect is not None and effect.verdict in (
        Verdict.NECESSARY,
        Verdict.CONTRIBUTES,
        Verdict.RESTRAINS,
    )


def _strength(effect: Effect | None) -> str:
    if effect is None or effect.effect is None:
        return "none"
    if effect.verdict is Verdict.RESTRAINS:
        return "brake"
    return "strong" if _claims(effect) else "weak"
