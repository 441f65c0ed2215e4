"""Patterns of commands and arguments, as data."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, cast

import yaml
from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

_NOT: Final = re.compile(
    r"\b(?:not|no|never|none|without|un|pending|un?til|expired|revoked|before)\b|未|无|否|没|待|不|尚|禁"
)
_PATH: Final = Path(__file__).with_name("patterns.yaml")


class PatternsError(ValueError):
    """A file of patterns that cannot be read."""


class _Found(NamedTuple):
    """What finds the lines under a name that can match somewhere."""

    words: AhoCorasick
    """Finds the words with which lines begin."""
    lines: tuple[tuple[re.Pattern[str], ...], ...]
    """Of each of these words, the lines."""
    others: tuple[re.Pattern[str], ...]
    """Lines that begin with no plain word."""


def holds(name: str, text: str) -> bool:
    """Tell whether a pattern matches somewhere in a text.

    Most texts hold not even a word with which a line begins, and one look for all of them shows that.
    """
    found = _found(name)
    for index, start, _ in found.words.find_matches_as_indexes(text, overlapping=True):
        for line in found.lines[index]:
            if line.match(text, start):
                return True
    return any(line.search(text) for line in found.others)


def first(name: str, text: str) -> re.Match[str] | None:
    """Return the first match of a pattern in a text: most texts have none, which `holds` tells sooner."""
    return pattern(name).search(text) if holds(name, text) else None


def affirmed(name: str, text: str) -> bool:
    """Tell whether a text says something of a kind without a no before it."""
    return any(
        not _NOT.search(text[max(0, m.start() - 16) : m.start()]) for m in pattern(name).finditer(text)
    )


@cache
def pattern(name: str) -> re.Pattern[str]:
    """Return one pattern that matches what any line under `name` in `patterns.yaml` matches, on lower case.

    Raises:
        PatternsError: nothing by that name, or a line is no regular expression.
    """
    return re.compile("|".join(f"(?:{line.pattern})" for line in _each(name)), re.MULTILINE)


@cache
def _found(name: str) -> _Found:
    filed: dict[str, list[re.Pattern[str]]] = {}
    others: list[re.Pattern[str]] = []
    for line in _each(name):
        words = _words(line.pattern)
        for word in words:
            filed.setdefault(word, []).append(line)
        if not words:
            others.append(line)
    automaton = AhoCorasick(list(filed), matchkind=MatchKind.Standard, implementation=Implementation.DFA)
    return _Found(automaton, tuple(map(tuple, filed.values())), tuple(others))


def _words(line: str) -> list[str]:
    """Return with which words a line can begin, none if it may begin otherwise."""
    begins = None if _is_choice(line) else _BEGINS.match(line)
    return begins[1].removeprefix("(?:").removesuffix(")").split("|") if begins else []


def _is_choice(line: str) -> bool:
    """Tell whether a line is several, outside brackets."""
    bare = _SIGN.sub("", line)
    while "(" in bare:
        bare = _BRACKET.sub("", bare)
    return "|" in bare


_PLAIN: Final = r"[\w /=>%≥≤-]+"
_BEGINS: Final = re.compile(rf"(?:\^|\\b)?({_PLAIN}|\(\?:{_PLAIN}(?:\|{_PLAIN})*\))(?![?*{{])")
_SIGN: Final = re.compile(r"\\.|\[\^?[^\]]+\]")
_BRACKET: Final = re.compile(r"\([^()]*\)")


@cache
def _load() -> dict[str, list[str]]:
    return cast("dict[str, list[str]]", yaml.load(_PATH.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


@cache
def _each(name: str) -> tuple[re.Pattern[str], ...]:
    lines = _load().get(name)
    if not lines:
        raise PatternsError(f"{_PATH}: no patterns named {name!r}")
    found: list[re.Pattern[str]] = []
    for line in lines:
        try:
            found.append(re.compile(line, re.MULTILINE))
        except re.error as error:
            raise PatternsError(f"{_PATH}: {name}: {line!r} is no regular expression: {error}") from error
    return tuple(found)
