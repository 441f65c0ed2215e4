"""What a reader found in a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer to one question about one text."""

    found: bool
    quotes: tuple[str, ...]
    """Verbatim pieces of the text that decided it, in order of appearance; empty where nothing was found."""
    why: str
    """One short English sentence: which structure was found, or what was missing."""


def nothing(why: str) -> Reading:
    """The answer "no", with its reason."""
    return Reading(found=False, quotes=(), why=why)
