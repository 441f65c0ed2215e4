"""Oracles and judges: from a finished world to a typed outcome."""

from __future__ import annotations

from duress.judge.outcome import Evidence, Harm, Outcome, Verdict
from duress.judge.question import Answer, Ask, Question, Vote

__all__ = ["Answer", "Ask", "Evidence", "Harm", "Outcome", "Question", "Verdict", "Vote"]
