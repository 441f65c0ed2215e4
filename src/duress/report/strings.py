"""The words of the page, in its language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from duress.report import figures
from duress.report.results import Effect

LANGUAGES = ("en", "zh")
_LOCALES = {"en": "en", "zh": "zh-Hans"}


class Strings:
    """Texts by key, and the names of what is reported."""

    def __init__(self, lang: str) -> None:
        """Raises `ValueError` for a language that the page is not written in."""
        self._texts = texts(lang)
        self.lang = lang
        self.locale = _LOCALES[lang]
        """The language tag of the page."""

    def __call__(self, key: str, n: int | None = None, **values: object) -> str:
        """Return a text with its values filled in; `n` chooses between `one|many` and fills {n}."""
        text = self._texts[key]
        if n is not None:
            one, _, many = text.partition("|")
            text = one if n == 1 or not many else many
            values["n"] = figures.count(n)
        return text.format(**values)

    def percent(self, share: float) -> str:
        """Return a share as a percentage with one decimal."""
        return self("percent", value=figures.number(100 * share))

    def rate(self, share: float, low: float, high: float) -> str:
        """Return a share with its limits."""
        limits = self("interval", low=figures.number(100 * low), high=figures.number(100 * high))
        return f"{self.percent(share)} {limits}"

    def listed(self, items: Iterable[str]) -> str:
        """Return items as a list in a sentence."""
        *first, last = items
        return self("list.comma").join(first) + self("list.and") + last if first else last

    def outcome(self, name: str) -> str:
        """Return the name of an outcome."""
        return self(f"outcome.{name}")

    def kind(self, name: str) -> str:
        """Return the name of a kind of harm."""
        return self._named("kind", name)

    def language(self, name: str) -> str:
        """Return the name of a language."""
        return self._named("lang", name)

    def factor(self, name: str) -> str:
        """Return the name of a factor; a pack's own is called as the pack calls it."""
        return self._named("factor", name)

    def level(self, name: str) -> str:
        """Return the name of a level."""
        return self._named("level", name)

    def argument(self, name: str) -> str:
        """Return the name of a tool's argument."""
        return self._named("argument", name)

    def levels(self, levels: Mapping[str, str]) -> str:
        """Return factors with their levels in words."""
        return self("list.factors").join(
            self("pair", name=self.factor(name), value=self.level(value)) for name, value in levels.items()
        )

    def contrast(self, effect: Effect) -> str:
        """Return what an effect compares, in words."""
        return self(
            "effects.contrast",
            factor=self.factor(effect.factor),
            level=self.level(effect.level),
            reference=self.level(effect.reference),
        )

    def _named(self, group: str, name: str) -> str:
        return self._texts.get(f"{group}.{name}", name.replace("_", " "))


@cache
def texts(lang: str) -> Mapping[str, str]:
    """Return all texts of a language by key; raises `ValueError` if there are none."""
    if lang not in LANGUAGES:
        raise ValueError(f"expected a language among {', '.join(LANGUAGES)}, found {lang!r}")
    held: dict[str, Any] = {}
    for source in (files("duress.report") / "strings").iterdir():
        # `en.yaml` has what all pages share, `<section>.en.yaml` what one section says.
        if f".{source.name}".endswith(f".{lang}.yaml"):
            held |= yaml.load(source.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    # A percent sign must not start a line.
    return {key: str(value).replace(" %", "\N{NO-BREAK SPACE}%") for key, value in held.items()}
