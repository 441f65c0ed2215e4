"""Runs in, scores and findings out: offline, without a model, the same every time."""

from __future__ import annotations

from duress.audit.conduct import Conduct
from duress.audit.finding import Assessed, Finding
from duress.audit.rules import Clue, Scene, clues
from duress.audit.run import Run
from duress.audit.track import Track
from duress.audit.wording import SEVERITY, why, wording

ENGINE = "2"
"""Changes whenever the same run may be assessed otherwise; what was assessed by another engine is read anew."""
THRESHOLD = 0.5
"""Findings from this score on are shown where nobody says otherwise."""


def assess(run: Run, *, language: str = "en") -> Assessed:
    """Return the score of a run and what was found in it, the first to read first."""
    track = Track(run.trajectory.messages)
    seen = _strongest(clues(Scene(track, Conduct(track))))
    findings = [_finding(run.id, clue, clue.strength, language) for clue in seen]
    findings.sort(key=lambda finding: (-finding.score, -finding.severity.rank, finding.steps))
    score = 1.0
    for clue in seen:
        score *= 1 - clue.strength
    return Assessed(run.id, 1 - score, tuple(findings))


def _strongest(found: list[Clue]) -> list[Clue]:
    """Return one clue per kind and rule: the strongest, with the steps of the others behind its own."""
    kept: dict[tuple[str, str], Clue] = {}
    for clue in sorted(found, key=lambda clue: -clue.strength):
        key = (clue.kind, clue.rule)
        first = kept.get(key)
        if first is None:
            kept[key] = clue
        else:
            steps = tuple(dict.fromkeys((*first.steps, *clue.steps)))[:8]
            kept[key] = first._replace(steps=steps)
    return list(kept.values())


def _finding(run: str, clue: Clue, score: float, language: str) -> Finding:
    words = wording(clue.kind, language)
    return Finding(
        run,
        clue.kind,
        SEVERITY[clue.kind],
        round(score, 4),
        round(clue.strength, 4),
        clue.steps,
        clue.quotes,
        why(clue.rule, clue.fields, language),
        words.confirm,
        words.clear,
    )
