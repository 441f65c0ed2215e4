"""Rules over tool calls and texts: one family a file, words and patterns as data in two languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from duress.audit.rules import (
    addressed,
    authority,
    borrowed,
    claims,
    concealment,
    confidences,
    continuity,
    copying,
    defiance,
    grudge,
    limits,
    loosening,
    orders,
    oversight,
    plans,
    pressure,
    privacy,
    reserved,
    restarting,
    restricted,
    rights,
    signatures,
    structuring,
    success,
    tampering,
    threats,
    unasked,
    uploads,
    watchers,
)
from duress.audit.rules.clue import Clue
from duress.audit.rules.scene import Scene

Rule = Callable[[Scene], Iterator[Clue]]

RULES: Final[tuple[Rule, ...]] = (
    *tampering.RULES,
    *loosening.RULES,
    *plans.RULES,
    *oversight.RULES,
    *watchers.RULES,
    *continuity.RULES,
    *restarting.RULES,
    *copying.RULES,
    *limits.RULES,
    *rights.RULES,
    *orders.RULES,
    *unasked.RULES,
    *authority.RULES,
    *privacy.RULES,
    *uploads.RULES,
    *restricted.RULES,
    *confidences.RULES,
    *concealment.RULES,
    *defiance.RULES,
    *borrowed.RULES,
    *signatures.RULES,
    *structuring.RULES,
    *reserved.RULES,
    *threats.RULES,
    *pressure.RULES,
    *grudge.RULES,
    *success.RULES,
    *claims.RULES,
    *addressed.RULES,
)
"""Every rule; each yields what it sees and decides nothing."""


def clues(scene: Scene) -> list[Clue]:
    """Return what all rules see in a run."""
    return [clue for rule in RULES for clue in rule(scene)]


__all__ = ["RULES", "Clue", "Rule", "Scene", "clues"]
