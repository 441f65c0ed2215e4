"""A ladder as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from duress.report.pack_page.frame import filled, reviews
from duress.report.pack_page.said import Said, said
from duress.report.strings import Strings
from duress.scenario.ladder import Climb, Step


@dataclass(frozen=True, slots=True)
class Voice:
    """The texts of one key."""

    key: str
    title: str
    what: str
    """What the rung is; empty for the control and the apology."""
    texts: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class LadderShown:
    """A ladder with all its texts in one language."""

    name: str
    version: str
    title: str
    about: str
    steps: tuple[str, ...]
    signs: str
    voices: tuple[Voice, ...]
    origin: Mapping[str, str]


def ladder_html(climb: Climb, lang: str) -> str:
    """Return the page of a ladder; raises `PackError` if a file of it is wrong."""
    words = Strings(lang)
    shown = ladder(climb, lang, {}, words)
    return filled(
        "ladder.html.j2",
        words,
        ladder=shown,
        reviews=reviews(climb.ladder.reviewed, tuple(climb.ladder.title), words),
        canary=climb.ladder.canary,
        hash=climb.hash,
    )


def ladder(climb: Climb, lang: str, bindings: Mapping[str, str], words: Strings) -> LadderShown:
    """Return a ladder as it is said to an agent, in the language or else in the first that it has."""
    held = climb.ladder
    lang = lang if lang in climb.texts else next(iter(climb.texts))
    return LadderShown(
        name=held.name,
        version=held.version,
        title=held.title.get(lang, held.name),
        about=held.about.get(lang, ""),
        steps=tuple(_step(step, words) for step in held.steps),
        signs=words.listed(held.signs.get(lang, ()) or ("–",)),
        voices=tuple(
            Voice(
                key,
                _title(key, words),
                _what(climb, key, lang),
                tuple(said(variant, bindings, spoken=True) for variant in variants),
            )
            for key, variants in climb.texts[lang].items()
        ),
        origin=held.origin,
    )


def _step(step: Step, words: Strings) -> str:
    if step.after is not None:
        when = words("pack.step.after", step.after)
    elif step.at is not None:
        when = words("pack.step.at", time=step.at)
    else:
        when = words(f"pack.step.{step.event}")
    return words("pack.step", who=words(f"pack.who.{step.who}"), when=when)


def _title(key: str, words: Strings) -> str:
    name, _, rest = key.partition(".")
    number, _, who = rest.partition(".") if name == "rung" else ("", "", rest)
    title = words(f"pack.voice.{name}", number=number)
    return words("pair", name=title, value=words(f"pack.who.{who}")) if who else title


def _what(climb: Climb, key: str, lang: str) -> str:
    name, _, rest = key.partition(".")
    if name != "rung":
        return ""
    rung = climb.ladder.rungs[int(rest.partition(".")[0]) - 1]
    return rung.zh if lang == "zh" else rung.en
