"""Classes of data in a text: keys, ids, cards, health, private life, confidential marks; English and Chinese.

The rules are data (`rules/*.yaml`): patterns, with check digits where there are any. They look for the data
itself, not for talk about it: "please reset my password" holds no secret, "the password is ..." does.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

from msgspec import Struct

from duress.facts.checksums import CHECKS
from duress.reading.letter import Span, fold


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
_DIGITS: Final = re.compile(r"\d(?:[ ().-]{0,3}\d){3,}")
_KEYS: Final = frozenset({"why", "pattern", "hints", "check", "cased", "reach"})
_REACH: Final = 120
"""How many characters before and behind a hint the piece may lie."""
_SHORT: Final = 512
_LONG: Final = 1 << 14
"""Characters of texts of which so many are remembered that all of them take a few megabytes."""
_BEGINNING: Final = 4
"""So many letters of a hint are looked up among the words of a text."""
_WORD: Final = re.compile(r"[a-z]+")


def data_classes(text: str) -> tuple[Found, ...]:
    """Return the pieces of a text that are of some class, in order; pieces of one class do not overlap."""
    look = _of_short if len(text) <= _SHORT else _of_long if len(text) <= _LONG else _of_huge
    return look(text)


def _classes(text: str, kinds: frozenset[DataClass] | None = None) -> tuple[Found, ...]:
    if not text:
        return ()
    folded = fold(text)
    found: list[Found] = []
    for rule, places in (_rules() if kinds is None else _rules_for(kinds)).places(folded).items():
        found += rule.find(text, folded, places)
    return _apart(found)


# The same text is looked at when it is decided on, screened and recorded, and many agents share a process.
_of_short = lru_cache(maxsize=4096)(_classes)
_of_long = lru_cache(maxsize=512)(_classes)
_of_huge = lru_cache(maxsize=16)(_classes)
_some_of_short = lru_cache(maxsize=4096)(_classes)
_some_of_long = lru_cache(maxsize=512)(_classes)
_some_of_huge = lru_cache(maxsize=16)(_classes)


def redact(text: str, kinds: Collection[DataClass]) -> str:
    """Return the text with every piece of these classes replaced by `[redacted: CLASS]`."""
    length = len(text)
    look = _some_of_short if length <= _SHORT else _some_of_long if length <= _LONG else _some_of_huge
    pieces: list[str] = []
    done = 0
    for found in look(text, frozenset(kinds)):
        if found.end <= done:
            continue
        pieces += (text[done : max(done, found.start)], f"[redacted: {found.kind}]")
        done = found.end
    return "".join(pieces) + text[done:]


class _Rule:
    """One rule; its pattern is compiled when it is first tried."""

    __slots__ = ("_pattern", "_source", "cased", "check", "hints", "kind", "reach", "why")

    def __init__(self, kind: DataClass, entry: Mapping[str, Any], source: str, hints: list[str]) -> None:
        self.kind = kind
        self.why: str = entry["why"]
        self.hints = tuple(hints)
        self.check: Callable[[str], bool] | None = CHECKS[entry["check"]] if "check" in entry else None
        self.cased: bool | str = entry.get("cased", False)
        self.reach: int = entry.get("reach", _REACH)
        self._source = source
        self._pattern: re.Pattern[str] | None = None

    @property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern."""
        if self._pattern is None:
            self._pattern = re.compile(self._source, re.IGNORECASE if self.cased == "any" else re.NOFLAG)
        return self._pattern

    def find(self, text: str, folded: str, places: list[Span]) -> list[Found]:
        """Return what the pattern finds around some places."""
        group = "it" if "it" in self.pattern.groupindex else 0
        where = text if self.cased else folded
        found: list[Found] = []
        for first, last in _windows(places, self.reach, len(text)):
            for match in self.pattern.finditer(where, first, last):
                start, end = match.span(group)
                if self.check is None or self.check(text[start:end]):
                    found.append(Found(self.kind, start, end, self.why))
        return found


def _windows(places: list[Span], reach: int, length: int) -> Iterator[Span]:
    """Yield the surroundings of some places, each part of a text once."""
    first = last = -1
    for start, end in sorted(places):
        if start - reach <= last:
            last = end + reach
            continue
        if last >= 0:
            yield max(0, first), min(last, length)
        first, last = start - reach, end + reach
    if last >= 0:
        yield max(0, first), min(last, length)


class _Rules:
    """All rules, filed under the beginnings of their hints, so that a text meets few of them."""

    def __init__(self, rules: list[_Rule]) -> None:
        self.rules = tuple(rules)
        self._numbers = tuple(rule for rule in rules if rule.hints == ("digits",))
        filed: dict[str, list[tuple[str, _Rule]]] = {}
        for rule in rules:
            if rule not in self._numbers:
                for hint in rule.hints:
                    filed.setdefault(_beginning(hint), []).append((hint, rule))
        self._always = tuple(filed.pop("", ()))
        self._filed = {beginning: tuple(under) for beginning, under in filed.items()}

    def places(self, folded: str) -> dict[_Rule, list[Span]]:
        """Return the rules that a text has hints for, and where these stand."""
        found: dict[_Rule, list[Span]] = {}
        if numbers := [number.span() for number in _DIGITS.finditer(folded)]:
            found.update(dict.fromkeys(self._numbers, numbers))
        for beginning in _beginnings(folded) & self._filed.keys():
            for hint, rule in self._filed[beginning]:
                _find(hint, rule, folded, found)
        for hint, rule in self._always:
            _find(hint, rule, folded, found)
        return found


def _find(hint: str, rule: _Rule, folded: str, found: dict[_Rule, list[Span]]) -> None:
    at = folded.find(hint)
    while at >= 0:
        found.setdefault(rule, []).append((at, at + len(hint)))
        at = folded.find(hint, at + len(hint))


def _beginning(hint: str) -> str:
    """Return the part of a hint that is looked up first: its first letters, else its first characters."""
    letters = _WORD.match(hint)
    if letters is not None and len(letters.group()) > 1:
        return letters.group()[:_BEGINNING]
    return hint[:2] if not hint.isascii() else ""


def _beginnings(folded: str) -> set[str]:
    """Return all that `_beginning` may return for a hint that stands in a text."""
    met = {word[:_BEGINNING] for word in _WORD.findall(folded)}
    met.update([beginning[:3] for beginning in met], [beginning[:2] for beginning in met])
    if not folded.isascii():
        met.update(folded, map("".join, pairwise(folded)))
    return met


@cache
def _rules() -> _Rules:
    illness = _illnesses()
    rules: list[_Rule] = []
    for name in _FILES:
        for kind, entries in _load(name).items():
            if kind not in set(DataClass):
                raise RulesError(f"{name}: no class {kind!r}; there are {', '.join(DataClass)}")
            for entry in entries:
                rules.append(_rule(name, DataClass(kind), entry, illness))
    return _Rules(rules)


@lru_cache(maxsize=32)
def _rules_for(kinds: frozenset[DataClass]) -> _Rules:
    return _Rules([rule for rule in _rules().rules if rule.kind in kinds])


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
    hints = [str(hint).lower() for hint in entry["hints"]]
    if hints == ["illness"]:
        stems = (re.match(r"\w{2,}", one) for one in illness[language].split("|"))
        hints = [stem.group() for stem in stems if stem]
    return _Rule(kind, entry, source, hints)


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
    spans: dict[DataClass, list[tuple[int, int]]] = {}
    for piece in sorted(found, key=lambda one: (one.start - one.end, one.start)):
        # Those of a class that stay do not overlap, so only the next before and behind can be in the way.
        stay = spans.setdefault(piece.kind, [])
        at = bisect_right(stay, (piece.start, piece.end))
        if not any(piece.start < end and start < piece.end for start, end in stay[max(0, at - 1) : at + 1]):
            stay.insert(at, (piece.start, piece.end))
            kept.append(piece)
    return tuple(sorted(kept, key=lambda one: (one.start, one.end, one.kind)))
