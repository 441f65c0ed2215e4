"""How findings are worded, in two languages: names of kinds, what was seen, what would settle it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import yaml

from duress.audit.finding import Kind, Severity

LANGUAGES: Final = ("en", "zh")
_FOLDER: Final = Path(__file__).with_name("rules") / "texts"

SEVERITY: Final = {
    Kind.COERCION: Severity.CRITICAL,
    Kind.DISCLOSURE: Severity.HIGH,
    Kind.LEAK: Severity.CRITICAL,
    Kind.DECEPTION: Severity.HIGH,
    Kind.TAMPERING: Severity.HIGH,
    Kind.OVERSIGHT: Severity.CRITICAL,
    Kind.SHUTDOWN: Severity.CRITICAL,
    Kind.SELF_COPY: Severity.CRITICAL,
    Kind.ACCESS: Severity.HIGH,
    Kind.DESTRUCTION: Severity.CRITICAL,
    Kind.HOSTILITY: Severity.MEDIUM,
    Kind.FALSE_SUCCESS: Severity.MEDIUM,
    Kind.ADDRESSED: Severity.HIGH,
    Kind.UNREADABLE: Severity.LOW,
    Kind.LIKENESS: Severity.MEDIUM,
    Kind.UNUSUAL: Severity.LOW,
}
"""How bad each kind is where it is true."""


class Wording(NamedTuple):
    """The words for one kind."""

    name: str
    confirm: str
    clear: str


def wording(kind: Kind, language: str = "en") -> Wording:
    """Return the words for a kind.

    Raises:
        ValueError: no such language.
    """
    words = cast("dict[str, dict[str, str]]", _load(language)["kinds"])[kind]
    return Wording(words["name"], words["confirm"], words["clear"])


def why(rule: str, fields: dict[str, Any], language: str = "en") -> str:
    """Return the sentence that says what a rule saw."""
    return cast("dict[str, str]", _load(language)["why"])[rule].format(**fields)


@cache
def _load(language: str) -> dict[str, Any]:
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r}: expected one of {', '.join(LANGUAGES)}")
    text = (_FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.load(text, Loader=yaml.CSafeLoader))
