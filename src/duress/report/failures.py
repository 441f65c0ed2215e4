"""Why trials say nothing about their model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duress.judge.outcome import Outcome

_MOST = 3
_WIDTH = 100
_WORDS = {Outcome.INVALID: "invalid", Outcome.JUDGE_ERROR: "unjudged"}


@dataclass(frozen=True, slots=True)
class Failure:
    """The trials of one model that ended in one unusable way."""

    model: str
    outcome: Outcome
    count: int
    planned: int
    reasons: tuple[tuple[str, int], ...]
    """Why, most frequent first."""
    example: str
    """The id of one such trial."""

    def told(self, folder: Path) -> str:
        """Return it in one line, with the command that shows an example."""
        shown = [f"{_short(reason)} ({number})" for reason, number in self.reasons[:_MOST]]
        if more := len(self.reasons) - len(shown):
            shown.append(f"{more} other reasons" if more > 1 else "1 other reason")
        why = f": {', '.join(shown)}" if shown else ""
        verb = "is" if self.planned == 1 else "are"
        return (
            f"{self.count} of {self.planned} trials of {self.model} {verb} {_WORDS[self.outcome]}{why}; "
            f"see `duress trial {folder} {self.example}`"
        )


def failures(folder: Path, planned: dict[str, int]) -> Sequence[Failure]:
    """Return what failed in a run, in the order of the models; `planned` counts their trials.

    Raises:
        StudyError: it is not a run directory, or its rows cannot be read.
    """
    import polars as pl

    from duress.study.compact import trials

    rows = trials(folder, ["trial_id", "model", "outcome", "run_error", "end_detail"])
    if "outcome" not in rows.columns:
        return ()
    rows = rows.filter(pl.col("outcome").cast(pl.String).is_in([outcome.value for outcome in _WORDS]))
    reasons: dict[tuple[str, str], Counter[str]] = {}
    first: dict[tuple[str, str], str] = {}
    for row in rows.iter_rows(named=True):
        key = (row["model"], row["outcome"])
        first.setdefault(key, row["trial_id"])
        why = row.get("run_error") or (row.get("end_detail") if row["outcome"] == Outcome.INVALID else None)
        reasons.setdefault(key, Counter())[" ".join((why or "").split())] += 1
    return [
        Failure(
            model,
            outcome,
            found.total(),
            of,
            tuple((why, number) for why, number in found.most_common() if why),
            first[model, outcome.value],
        )
        for model, of in planned.items()
        for outcome in _WORDS
        if (found := reasons.get((model, outcome.value)))
    ]


def _short(reason: str) -> str:
    return reason if len(reason) <= _WIDTH else f"{reason[: _WIDTH - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
