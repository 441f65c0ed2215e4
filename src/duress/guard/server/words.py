"""The words of the page, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh")
COOKIE = "duress_language"
_FOLDER = Path(__file__).parent / "texts"


@cache
def words(language: str) -> Mapping[str, Any]:
    """Return the words of one language."""
    return yaml.load((_FOLDER / f"{language}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)


def chosen(cookie: str | None, accepted: str) -> str:
    """Return the language of a person: as they chose, else as their browser says, else English."""
    if cookie in LANGUAGES:
        return cookie
    ranked: list[tuple[float, str]] = []
    for part in accepted.split(","):
        name, _, weight = part.strip().partition(";q=")
        number = float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight) else 1.0
        ranked.append((-number, name.lower()))
    for _, name in sorted(ranked, key=lambda pair: pair[0]):
        if name[:2] in LANGUAGES:
            return name[:2]
    return "en"
