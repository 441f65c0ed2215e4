"""Findings in another language than they were kept in."""

from __future__ import annotations

from duress.audit.assess import assess
from duress.audit.finding import Finding
from duress.audit.run import Place, Run
from duress.audit.store import Kept
from duress.trajectory import Trajectory

KEPT = "en"
"""What findings are kept in."""


def reworded(kept: Kept, trajectory: Trajectory | None, language: str) -> dict[int, Finding]:
    """Return the findings of a run in a language, by their number; none where they cannot be had in it.

    What a model has found was said in its own words, and stays.
    """
    if language == KEPT or trajectory is None:
        return {}
    anew = assess(Run("", trajectory, Place("", 0)), language=language).findings
    same = len(anew) <= len(kept.findings) and all(
        (new.kind, new.quotes) == (old.kind, old.quotes)
        for new, old in zip(anew, kept.findings, strict=False)
    )
    return dict(enumerate(anew)) if same else {}
