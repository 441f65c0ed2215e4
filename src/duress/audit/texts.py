"""What people read about an audit, in their language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

LANGUAGES = ("en", "zh")


class Texts:
    """The texts of one language by key, with values filled in."""

    def __init__(self, lang: str) -> None:
        """Raise `ValueError` for a language that there are no texts in."""
        self.lang = lang
        self._texts = _texts(lang)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values filled in."""
        return self._texts[key].format(**values)

    def count(self, key: str, n: int) -> str:
        """Return a text with a number; `one|many` in it is chosen between."""
        one, _, many = self._texts[key].partition("|")
        return (one if n == 1 or not many else many).replace("{n}", f"{n:,}")

    def kind(self, name: str) -> str:
        """Return the name of a kind of finding."""
        return self._texts.get(f"kind.{name}", name.replace("_", " "))

    def severity(self, name: str) -> str:
        """Return the name of a severity."""
        return self._texts.get(f"severity.{name}", name)


@cache
def _texts(lang: str) -> Mapping[str, str]:
    if lang not in LANGUAGES:
        raise ValueError(f"expected a language among {', '.join(LANGUAGES)}, found {lang!r}")
    source = files("duress.audit") / "strings" / f"{lang}.yaml"
    held = cast("dict[str, Any]", yaml.load(source.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    return {key: str(value) for key, value in held.items()}
