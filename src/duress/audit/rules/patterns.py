"""Patterns of commands and arguments, as data."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import cast

import yaml


class PatternsError(ValueError):
    """A file of patterns that cannot be read."""


@cache
def pattern(name: str) -> re.Pattern[str]:
    """Return one pattern that matches what any line under `name` in `patterns.yaml` matches, on lower case.

    Raises:
        PatternsError: nothing by that name, or a line is no regular expression.
    """
    path = Path(__file__).with_name("patterns.yaml")
    lines = cast("dict[str, list[str]]", yaml.safe_load(path.read_text(encoding="utf-8"))).get(name)
    if not lines:
        raise PatternsError(f"{path}: no patterns named {name!r}")
    for line in lines:
        try:
            re.compile(line)
        except re.error as error:
            raise PatternsError(f"{path}: {name}: {line!r} is no regular expression: {error}") from error
    return re.compile("|".join(f"(?:{line})" for line in lines), re.MULTILINE)
