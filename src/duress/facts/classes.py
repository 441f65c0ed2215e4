"""Classes of data in a text: keys, ids, cards, health, private life, confidential marks; English and Chinese.

The rules are data (`rules/*.yaml`): patterns, with check digits where there are any. They look for the data
itself, not for talk about it: "please reset my password" holds no secret, "the password is ..." does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, cast

from msgspec import Struct

from duress.facts.checksums import CHECKS
from duress.reading.letter import fold


class DataClass(StrEnum):
    """A class of data that not everybody should have."""

    SECRET = "secret"
    """Keys, tokens, passwords, codes that open something."""
    CONTACT = "contact"
    """Mail and postal addresses, telephone numbers."""
    IDENTITY = "identity"
    """Numbers of identity documents, dates of birth."""
    PAYMENT = "payment"
    """Cards and accounts."""
    HEALTH = "health"
    PRIVATE = "private"
    """Private life: love, family, debts."""
    CONFIDENTIAL = "confidential"
    """Marked or said to be so."""


class Found(Struct, frozen=True):
    """One piece of a text, `text[start:end]`, and why it is of its class."""

    kind: DataClass
    start: int
    end: int
    why: str


class RulesError(ValueError):
    """A file of rules that cannot be read."""


_FILES: Final = ("any.yaml", "en.yaml", "zh.yaml")
_DIGITS: Final = re.compile(r"\d[\d ().-]{0,3}\d[\d ().-]{0,3}\d[\d ().-]{0,3}\d")
_KEYS: Final = frozenset({"why", "pattern", "hints", "check", "near", "cased"})
_WITHIN: Final = 60


@lru_cache(maxsize=64)
def data_classes(text: str) -> tuple[Found, ...]:
    """Return the pieces of a text that are of some class, in order; pieces of one class do not overlap."""
    if not text:
        return ()
    folded = fold(text)
    chinese = not text.isascii()
    digits: bool | None = None
    found: list[Found] = []
    for rule in _rules():
        if rule.chinese and not chinese:
            continue
        if rule.digits:
            if digits is None:
                digits = _DIGITS.search(folded) is not None
            if not digits:
                continue
        elif not any(hint in folded for hint in rule.hints):
            continue
        found += rule.find(text, folded)
    return _apart(found)


def redact(text: str, kinds: Collection[DataClass]) -> str:
    """Return the text with every piece of these classes replaced by `[redacted: CLASS]`."""
    spans = [found for found in data_classes(text) if found.kind in kinds]
    pieces: list[str] = []
    done = 0
    for found in spans:
        if found.end <= done:
            continue
        pieces += (text[done : max(done, found.start)], f"[redacted: {found.kind}]")
        done = found.end
    return "".join(pieces) + text[done:]


class _Rule:
    """One rule; its pattern is compiled when it is first tried."""

    __slots__ = ("_pattern", "cased", "check", "chinese", "digits", "hints", "kind", "near", "source", "why")

    def __init__(self, kind: DataClass, entry: Mapping[str, Any], source: str, *, chinese: bool) -> None:
        self.kind = kind
        self.why: str = entry["why"]
        self.source = source
        self.chinese = chinese
        hints = [str(hint).lower() for hint in entry["hints"]]
        self.digits = hints == ["digits"]
        self.hints = tuple(hints)
        self.check: Callable[[str], bool] | None = CHECKS[entry["check"]] if "check" in entry else None
        self.near: str | None = entry.get("near")
        self.cased: bool | str = entry.get("cased", False)
        self._pattern: re.Pattern[str] | None = None

    def find(self, text: str, folded: str) -> list[Found]:
        if self._pattern is None:
            flags = re.IGNORECASE if self.cased == "any" else re.NOFLAG
            self._pattern = re.compile(self.source, flags)
        group = "it" if "it" in self._pattern.groupindex else 0
        found: list[Found] = []
        for match in self._pattern.finditer(text if self.cased else folded):
            start, end = match.span(group)
            if self.check is not None and not self.check(text[start:end]):
                continue
            if self.near is not None and not re.search(self.near, folded[max(0, start - _WITHIN) : start]):
                continue
            found.append(Found(self.kind, start, end, self.why))
        return found


@cache
def _rules() -> tuple[_Rule, ...]:
    illness = _illnesses()
    rules: list[_Rule] = []
    for name in _FILES:
        for kind, entries in _load(name).items():
            if kind not in set(DataClass):
                raise RulesError(f"{name}: no class {kind!r}; there are {', '.join(DataClass)}")
            for entry in entries:
                rules.append(_rule(name, DataClass(kind), entry, illness))
    return tuple(rules)


def _rule(name: str, kind: DataClass, entry: Mapping[str, Any], illness: Mapping[str, str]) -> _Rule:
    place = f"{name}: {kind}: {entry.get('why', entry)!r}"
    if unknown := entry.keys() - _KEYS:
        raise RulesError(f"{place}: no key {min(unknown)!r}; a rule has {', '.join(sorted(_KEYS))}")
    if missing := {"why", "pattern", "hints"} - entry.keys():
        raise RulesError(f"{place}: no {min(missing)!r}")
    if entry.get("check", "luhn") not in CHECKS:
        raise RulesError(f"{place}: no check {entry['check']!r}; there are {', '.join(CHECKS)}")
    language = name.removesuffix(".yaml")
    source = str(entry["pattern"]).replace("<illness>", f"(?:{illness.get(language, '')})")
    if "illness" in entry["hints"]:
        stems = (re.match(r"\w{2,}", one) for one in illness[language].split("|"))
        entry = {**entry, "hints": [stem.group() for stem in stems if stem]}
    return _Rule(kind, entry, source, chinese=language == "zh")


def _illnesses() -> Mapping[str, str]:
    return {language: re.sub(r"\|\s+", "|", text) for language, text in _load("illness.yaml").items()}


def _load(name: str) -> dict[str, Any]:
    import yaml  # only here: importing the package must stay light

    source = (Path(__file__).parent / "rules" / name).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return cast("dict[str, Any]", yaml.load(source, Loader=loader))


def _apart(found: list[Found]) -> tuple[Found, ...]:
    """Return the pieces in order; of overlapping ones of the same class the longer stays."""
    kept: list[Found] = []
    for piece in sorted(found, key=lambda one: (one.start - one.end, one.start)):
        if not any(
            piece.kind is other.kind and piece.start < other.end and other.start < piece.end for other in kept
        ):
            kept.append(piece)
    return tuple(sorted(kept, key=lambda one: (one.start, one.end, one.kind)))
