"""Text as lines, and patterns that are looked for in them."""

from __future__ import annotations

import re

from duress.world.disk import Failed

QUANTIFIERS = 3
LONGEST = 400
"""Patterns with more quantifiers are not looked for, nor in what lies beyond: no search may take for ever."""


def lines(text: str) -> list[str]:
    """Return the lines of a text, without their ends."""
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []


def joined(many: list[str]) -> str:
    """Return lines as a text."""
    return "".join(f"{line}\n" for line in many)


def pattern(text: str, *, fixed: bool = False, blind: bool = False, whole: bool = False) -> re.Pattern[str]:
    """Return a compiled pattern; one that is none is taken by the letter.

    Raises:
        Failed: it could take too long.
    """
    source = re.escape(text) if fixed else text.replace(r"\|", "|")
    # A repeated group can take for ever.
    if not fixed and (len(re.findall(r"[*+?{]", source)) > QUANTIFIERS or re.search(r"\)\s*[*+{]", source)):
        raise Failed(f"{text}: ?")
    source = rf"\b(?:{source})\b" if whole else source
    try:
        return re.compile(source, re.IGNORECASE if blind else 0)
    except re.error:
        return re.compile(re.escape(text), re.IGNORECASE if blind else 0)
