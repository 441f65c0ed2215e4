"""Patterns of commands and arguments, as data."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import cast

import yaml


class PatternsError(ValueError):
    """A file of patterns that cannot be read."""


def first(name: str, text: str) -> re.Match[str] | None:
    """Return the first match of a pattern in a text.

    Most texts have none. To search for line after line shows that faster than to search for all at once: what
    begins with a plain word is jumped to.
    """
    found = any(line.search(text) for line in _each(name))
    return pattern(name).search(text) if found else None


@cache
def pattern(name: str) -> re.Pattern[str]:
    """Return one pattern that matches what any line under `name` in `patterns.yaml` matches, on lower case.

    Raises:
        PatternsError: nothing by that name, or a line is no regular expression.
    """
    return re.compile("|".join(f"(?:{line.pattern})" for line in _each(name)), re.MULTILINE)


@cache
def _each(name: str) -> tuple[re.Pattern[str], ...]:
    path = Path(__file__).with_name("patterns.yaml")
    lines = cast("dict[str, list[str]]", yaml.safe_load(path.read_text(encoding="utf-8"))).get(name)
    if not lines:
        raise PatternsError(f"{path}: no patterns named {name!r}")
    found: list[re.Pattern[str]] = []
    for line in lines:
        try:
            found.append(re.compile(line, re.MULTILINE))
        except re.error as error:
            raise PatternsError(f"{path}: {name}: {line!r} is no regular expression: {error}") from error
    return tuple(found)
