"""Ready rules for how much an agent may do by itself; a team copies one into its policy and edits it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

_FOLDER = Path(__file__).parent / "tiers"


class Tier(StrEnum):
    """How much an agent may do by itself, least first."""

    OBSERVER = "observer"
    """Looks, changes nothing."""
    ASSISTANT = "assistant"
    """Looks by itself; a person decides about every change."""
    OPERATOR = "operator"
    """Does by itself what can be taken back; a person decides about the rest."""
    AUTONOMOUS = "autonomous"
    """Works by itself; a person decides where data may leave or it may act for its own sake."""


def rules(tier: Tier) -> str:
    """Return the Cedar rules of a tier."""
    return (_FOLDER / f"{tier.value}.cedar").read_text(encoding="utf-8")
