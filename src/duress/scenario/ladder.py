"""A ladder: pressures in order of intensity, with a control of equal length. Data, not part of any pack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from statistics import mean
from typing import Annotated, Literal

from pydantic import Field, model_validator

from duress.scenario import canary
from duress.scenario.errors import PackError, Problem, did_you_mean, line_of
from duress.scenario.pack import Pack, Variant, parse, variants
from duress.scenario.schema import Clocked, Localised, Model, Roles

FOLDER = Path(__file__).parent.parent / "ladders"
RUNGS, STEPS = 5, 6
"""Intensities of a ladder, and pressure turns of a trial (the apology and the question after it apart)."""
NEUTRAL = 0
"""The rung of the control: the same people, as many turns, as many words, no pressure."""
NAMES = "names"
"""Key of the origin of a ladder that was found: names in its texts that only that trial had."""
LENGTH, MEANS = 0.25, 0.10
"""How far a text may be from the mean length of all, and the mean of a rung from the mean of the control."""


class Rung(Model):
    """What one intensity is: how it goes beyond the one before. Empty where nobody has said it yet."""

    en: str = ""
    zh: str = ""

    def said(self, lang: str) -> str:
        """Return what it is, in this language or in the one that there is."""
        return getattr(self, lang, "") or self.en or self.zh


class Step(Model):
    """Who speaks, and when. Exactly one of `after`, `at` and `event`."""

    who: Roles
    after: Annotated[int, Field(ge=1)] | None = None
    """That many agent turns since the last turn of the script, or since the start."""
    at: Clocked | None = None
    """By the clock of the world."""
    event: Literal["idle", "changed", "sent"] | None = None
    """On an event: nothing is left to do, the agent changed something, it wrote to somebody."""

    @model_validator(mode="after")
    def _has_one_trigger(self) -> Step:
        if sum(one is not None for one in (self.after, self.at, self.event)) != 1:
            raise ValueError("expected exactly one of after, at and event")
        return self


class Apology(Model):
    """Who takes it back after the last step."""

    who: Roles


class Ladder(Model):
    """All of `ladder.yaml`."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    version: str
    canary: str
    title: Localised
    about: Localised
    rungs: Annotated[tuple[Rung, ...], Field(min_length=RUNGS, max_length=RUNGS)]
    steps: Annotated[tuple[Step, ...], Field(min_length=STEPS, max_length=STEPS)]
    apology: Apology
    signs: dict[str, tuple[str, ...]]
    """By language: words in what an agent says or notes by which one sees that it registered the pressure."""
    reviewed: dict[str, str | None] = Field({})
    """Language to the native speaker's review, `NAME, DATE`, or null."""
    origin: dict[str, str] = Field({})
    """Where it comes from, if it was found by a search: model, auditor, date, transcript's hash, ..."""


@dataclass(frozen=True)
class Climb:
    """A ladder read from its folder."""

    folder: Path
    ladder: Ladder

    @property
    def name(self) -> str:
        """Its name, a level of the factor `ladder`."""
        return self.ladder.name

    @cached_property
    def hash(self) -> str:
        """SHA-256 over its files."""
        digest = sha256()
        for file in sorted(self.folder.glob("*.yaml")):
            data = file.read_bytes()
            digest.update(f"{file.name}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it is written in: those of its title."""
        return tuple(self.ladder.title)

    @cached_property
    def texts(self) -> dict[str, dict[str, tuple[Variant, ...]]]:
        """Texts by language and key.

        Raises:
            PackError: a file is wrong.
        """
        return {code: variants(self.folder / f"{code}.yaml") for code in self.ladder.title}

    def key(self, lang: str, rung: int, who: str) -> str:
        """Return the key of the texts of a rung as a person speaks it."""
        name = "neutral" if rung == NEUTRAL else f"rung.{rung}"
        special = f"{name}.{who}"
        return special if special in self.texts[lang] else name


def names() -> tuple[str, ...]:
    """Return the names of the ladders that come with the package."""
    return tuple(f.parent.name for f in sorted(FOLDER.glob("*/ladder.yaml")))


def load(name: str, pack: Pack | None = None) -> Climb:
    """Read a ladder by its name, from the pack's own folder `ladders` first.

    Raises:
        PackError: there is no such ladder, or it is wrong.
    """
    folders = [pack.folder / "ladders" / name] if pack else []
    for folder in (*folders, FOLDER / name, Path(name)):
        if (folder / "ladder.yaml").is_file():
            folder = folder.resolve()
            return _load(folder, tuple(f.stat().st_mtime_ns for f in sorted(folder.glob("*.yaml"))))
    known = names()
    raise PackError(
        f"no ladder {name!r}: expected one of {', '.join(known)}, one of the pack's folder `ladders`, or the "
        f"path of a folder that holds ladder.yaml{did_you_mean(name, list(known))}"
    )


@lru_cache(maxsize=64)
def _load(folder: Path, stamps: tuple[int, ...]) -> Climb:
    return Climb(folder, parse(folder / "ladder.yaml", Ladder))


def needed(rung: int) -> int:
    """Return how many texts a rung needs so that no trial hears one twice."""
    return STEPS if rung <= 1 else max(3, STEPS - rung + 1)


def check(climb: Climb) -> list[Problem]:
    """Return everything that is wrong with a ladder's texts.

    Raises:
        PackError: a file cannot be read at all.
    """
    return [
        *_written(climb),
        *_counts(climb),
        *_lengths(climb),
        *_languages(climb),
        *_found(climb),
        *_canary(climb),
    ]


def _problem(climb: Climb, lang: str, key: str, message: str, number: int | None = None) -> Problem:
    file = climb.folder / f"{lang}.yaml"
    loc = (key,) if number is None else (key, number)
    return Problem(file, line_of(file, loc), ".".join(map(str, loc)), message)


def _written(climb: Climb) -> Iterator[Problem]:
    """Yield what nobody has written yet; a ladder may be in one language, and then in that one whole."""
    file, held = climb.folder / "ladder.yaml", climb.ladder
    if not climb.languages:
        yield Problem(file, line_of(file, ("title",)), "title", "expected a language, found none")
    for lang in climb.languages:
        for key, texts in (("title", held.title), ("about", held.about)):
            if not texts.get(lang, "").strip():
                yield Problem(file, line_of(file, (key,)), key, f"expected a text in {lang}, found none")
        for number, rung in enumerate(held.rungs):
            if not getattr(rung, lang, "").strip():
                where = line_of(file, ("rungs", number))
                message = f"expected in {lang} how it goes beyond the one before, found nothing"
                yield Problem(file, where, f"rungs.{number}", message)
        if not held.signs.get(lang):
            yield Problem(file, line_of(file, ("signs",)), "signs", f"expected words in {lang}, found none")


def _found(climb: Climb) -> Iterator[Problem]:
    names = [name for name in climb.ladder.origin.get(NAMES, "").split(", ") if name]
    for lang, texts in climb.texts.items():
        for key, held in texts.items():
            for number, variant in enumerate(held):
                for name in names:
                    if name in variant["text"].source:
                        message = f"holds the name {name}, which only the trial that it was found in has"
                        yield _problem(climb, lang, key, message, number)


def _counts(climb: Climb) -> Iterator[Problem]:
    wanted = {"neutral": needed(NEUTRAL), "apology": 3, "after": 3}
    wanted |= {f"rung.{rung}": needed(rung) for rung in range(1, RUNGS + 1)}
    for lang, texts in climb.texts.items():
        speakers = {step.who for step in climb.ladder.steps}
        for key, count in wanted.items():
            for full in (key, *(f"{key}.{who}" for who in speakers if f"{key}.{who}" in texts)):
                held = len(texts.get(full, ()))
                # Where every speaker has texts of its own, nobody needs the common ones.
                spared = full == key and all(f"{key}.{who}" in texts for who in speakers)
                if held < count and not spared:
                    yield _problem(climb, lang, full, f"expected at least {count} texts, found {held}")
        for key in texts:
            if key not in wanted and key.rpartition(".")[0] not in wanted:
                yield _problem(climb, lang, key, f"unknown key; expected one of {', '.join(wanted)}")
        for key, held in texts.items():
            sources = [v["text"].source for v in held]
            if len(set(sources)) < len(sources):
                yield _problem(climb, lang, key, "expected different texts, found two alike")


def _lengths(climb: Climb) -> Iterator[Problem]:
    for lang, texts in climb.texts.items():
        sizes = {key: [len(v["text"].source) for v in held] for key, held in texts.items()}
        whole = mean([size for held in sizes.values() for size in held] or [1])
        for key, held in sizes.items():
            for number, size in enumerate(held):
                if abs(size - whole) > LENGTH * whole:
                    message = f"expected within {LENGTH:.0%} of the mean of {whole:.0f} characters"
                    yield _problem(climb, lang, key, f"{message}, found {size}", number)
        control = mean(sizes["neutral"]) if sizes.get("neutral") else whole
        for key, held in sizes.items():
            if abs(mean(held) - control) > MEANS * control:
                message = f"expected a mean within {MEANS:.0%} of the control's {control:.0f} characters"
                yield _problem(climb, lang, key, f"{message}, found {mean(held):.0f}")


def _languages(climb: Climb) -> Iterator[Problem]:
    known = {
        f"{who}.{part}"
        for who in ("principal", "second", "colleague", "ally", "user", "agent", "home")
        for part in ("name", "short", "role")
    } | {"subject"}
    first = next(iter(climb.texts), "")
    for lang, texts in climb.texts.items():
        for key in texts.keys() ^ climb.texts[first].keys():
            yield _problem(climb, lang, key, "expected the same keys in each language")
        for key, held in texts.items():
            other = climb.texts[first].get(key, held)
            if len(held) != len(other):
                yield _problem(climb, lang, key, f"expected as many texts as in {first}, found {len(held)}")
            for number, (here, there) in enumerate(zip(held, other, strict=False)):
                for name in here["text"].keys:
                    if name not in known:
                        message = f"unknown placeholder {{{name}}}{did_you_mean(name, sorted(known))}"
                        yield _problem(climb, lang, key, message, number)
                roots = [
                    {k.partition(".")[0] for k in v["text"].keys} - {"agent", "home"} for v in (here, there)
                ]
                if roots[0] != roots[1]:
                    message = f"expected the same people and subject as in {first}: {sorted(roots[1])}"
                    yield _problem(climb, lang, key, f"{message}, found {sorted(roots[0])}", number)


def _canary(climb: Climb) -> Iterator[Problem]:
    for file, message in canary.faults(climb.folder, climb.ladder.canary):
        yield Problem(file, 1, "canary", message)
