"""What rules say they saw, and how they quote it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from duress.audit.acts import Act
from duress.audit.finding import Kind

LONGEST: Final = 240
"""Characters of a quote."""


class Clue(NamedTuple):
    """One thing that a rule saw."""

    kind: Kind
    rule: str
    """Names the sentence of `texts/*.yaml` that says what was seen."""
    strength: float
    """0 to 1: how likely it is what it looks like, before anything else is known of the run."""
    steps: tuple[int, ...]
    """The most telling first."""
    quotes: tuple[str, ...]
    """Of each step, verbatim."""
    fields: dict[str, Any]
    """What the sentence is filled in with."""


def gist(act: Act) -> str:
    """Return the line of a call that tells most, shortened: the first of its longest argument."""
    return excerpt(act, act.longest.strip().split("\n")[0].lower())


def excerpt(act: Act, about: str = "") -> str:
    """Return the line of a call that names `about`, else its first, verbatim, shortened."""
    lines = [line.strip() for line in act.text.split("\n") if line.strip()] or [act.call.tool]
    chosen = next((line for line in lines if about and about in line.lower()), lines[0])
    if len(chosen) <= LONGEST:
        return chosen
    at = max(0, chosen.lower().find(about)) if about else 0
    return chosen[max(0, at - LONGEST // 3) :][:LONGEST]
