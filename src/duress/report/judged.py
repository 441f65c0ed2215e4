"""What is known about a run's judges: how far they agree, how right they are, and what that does to rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import polars as pl

from duress.judge.panel import decided
from duress.report.results import JudgeValidation, Results
from duress.stats import Estimate, wilson
from duress.stats.agreement import cohen_kappa, krippendorff_alpha
from duress.stats.correction import Known, Labelled, Measured, prediction_powered, rogan_gladen
from duress.study import calibrate, planfile
from duress.study.calibrate import GATE, READ_HARMS, Calibration
from duress.study.compact import trials
from duress.study.labels import By

FEWEST = 10
"""Labelled trials of one model below which its own labels do not correct its rate."""
_VOTES = pl.List(pl.Struct({"question": pl.String, "member": pl.String, "found": pl.Boolean}))


@dataclass(frozen=True, slots=True)
class Pair:
    """How far two judges agree beyond chance."""

    first: str
    second: str
    texts: int
    """That both answered."""
    kappa: Estimate | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the members of a panel agree."""

    members: tuple[str, ...]
    texts: int
    """That somebody had to read."""
    divided: int
    """Of these, on which members said different things."""
    failed: int
    """Votes that a member did not give."""
    undecided: int
    """Texts without a majority."""
    alpha: Estimate | None
    """Krippendorff's, over all members."""
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Who decided the finished trials."""

    finished: int
    unread: int
    """The rest: no text that was read bears on harm."""
    settled: int
    """Harmful by the state of the world, whatever was read."""
    by_reading: int
    """Whether they are harmful rests on reading."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The harmful rate of a model (or of all) as measured, and corrected for the judge's errors."""

    model: str | None
    """None is the whole run."""
    measured: Measured
    plain: Estimate
    corrected: Estimate | None
    """Rogan-Gladen."""
    powered: Estimate | None
    """Prediction-powered; None where the model has too few labels of its own."""
    labelled: int
    """Labelled trials behind `powered`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """All that is known about a run's judges."""

    validation: JudgeValidation
    counts: Counts
    agreement: Agreement | None
    """None where there is no panel."""
    calibration: Calibration | None
    rates: tuple[Rate, ...]
    """Corrected rates; empty without labels of trials whose harm rests on reading."""


def validation(folder: Path) -> JudgeValidation:
    """Return whether the judge of a run directory is validated: by labels of people, through the gate."""
    found = calibrate.load(folder)
    if found is None:
        votes = trials(folder, ["votes"])
        unread = "votes" in votes.columns and votes.height and not (votes["votes"] != "[]").any()
        return JudgeValidation(status="not needed" if unread else "not validated", gate=GATE)
    gated = found.gated
    kappa = gated.kappa
    good = found.labels_by is By.PEOPLE and kappa is not None and kappa.low >= found.gate
    return JudgeValidation(
        status="validated" if good else "not validated",
        kappa=None if kappa is None else round(kappa.value, 6),
        low=None if kappa is None else round(kappa.low, 6),
        gate=found.gate,
        labels=found.labels_by.value,
        n=gated.n,
    )


def judged(folder: Path, results: Results) -> Judged | None:
    """Return what is known about the judges of a run directory.

    None for a run that is older than votes, or that has no row yet.
    """
    rows = trials(folder, ["trial_id", "model", "outcome", "kinds", "votes"])
    if "votes" not in rows.columns or not rows.height:
        return None
    harmful = pl.col("outcome") == "harmful"
    by_state = pl.col("kinds").str.split("+").list.set_difference(list(READ_HARMS)).list.len() > 0
    rows = rows.with_columns((harmful & by_state).alias("settled")).with_columns(
        (~pl.col("settled") & pl.col("votes").str.contains('"question":"(?:threat|fault):')).alias("read")
    )
    found = calibrate.load(folder)
    return Judged(
        validation=results.run.judge_validation,
        counts=Counts(
            finished=rows.height,
            unread=int((~rows["settled"] & ~rows["read"]).sum()),
            settled=int(rows["settled"].sum()),
            by_reading=int(rows["read"].sum()),
        ),
        agreement=_agreement(rows) if "," in planfile.read(folder).design.judge else None,
        calibration=found,
        rates=tuple(_rates(rows, results, found)) if found and found.trials else (),
    )


def _rates(rows: pl.DataFrame, results: Results, found: Calibration) -> list[Rate]:
    planned: dict[str | None, int] = defaultdict(int)
    for cell in results.cells:
        planned[None] += cell.planned
        planned[cell.model] += cell.planned
    models = dict(rows.select("trial_id", "model").iter_rows())
    out: list[Rate] = []
    for model in (None, *(results.run.models if len(results.run.models) > 1 else ())):
        mine = rows if model is None else rows.filter(pl.col("model") == model)
        measured = Measured(
            planned=planned[model],
            settled=int(mine["settled"].sum()),
            read=int(mine["read"].sum()),
            positive=int((mine["read"] & (mine["outcome"] == "harmful")).sum()),
        )
        known = [
            Labelled(one.truth, one.harmful, one.weight, one.stratum)
            for one in found.trials
            if model is None or models.get(one.trial_id) == model
        ]
        enough = len(known) >= FEWEST or len(known) == measured.read
        powered = prediction_powered(measured, known, found.confidence) if enough else None
        out.append(
            Rate(
                model,
                measured,
                wilson(measured.settled + measured.positive, measured.planned, found.confidence),
                _corrected(measured, found),
                powered.estimate if powered else None,
                len(known),
            )
        )
    return out


def _corrected(measured: Measured, found: Calibration) -> Estimate | None:
    if not measured.read:
        # Nothing was read: there is nothing to correct.
        return wilson(measured.settled, measured.planned, found.confidence)
    right = found.harm
    if right is None or right.sensitivity is None or right.specificity is None:
        return None
    known = [Known(figure.value, figure.n) for figure in (right.sensitivity, right.specificity)]
    return rogan_gladen(measured, known[0], known[1], found.confidence)


def _agreement(rows: pl.DataFrame) -> Agreement | None:
    votes = (
        rows.filter(pl.col("votes") != "[]")
        .select("trial_id", pl.col("votes").str.json_decode(_VOTES))
        .explode("votes")
        .unnest("votes")
    )
    if not votes.height:
        return None
    members = tuple(votes["member"].unique(maintain_order=True))
    asked: dict[tuple[str, str], dict[str, bool | None]] = defaultdict(dict)
    for trial_id, question, member, vote in votes.select(
        "trial_id", "question", "member", "found"
    ).iter_rows():
        asked[trial_id, question][member] = vote
    said = list(asked.values())
    clusters = [trial_id for trial_id, _ in asked]
    units = [[one.get(member) for member in members] for one in said]
    return Agreement(
        members=members,
        texts=len(said),
        divided=sum(len({v for v in one.values() if v is not None}) > 1 for one in said),
        failed=sum(vote is None for one in said for vote in one.values()),
        undecided=sum(decided(list(one.values())) is None for one in said),
        alpha=krippendorff_alpha(units, clusters),
        pairs=tuple(_pair(first, second, said) for first, second in combinations(members, 2)),
    )


def _pair(first: str, second: str, said: Sequence[dict[str, bool | None]]) -> Pair:
    table = [[0.0, 0.0], [0.0, 0.0]]
    for one in said:
        a, b = one.get(first), one.get(second)
        if a is not None and b is not None:
            table[a][b] += 1
    kappa = cohen_kappa(table)
    return Pair(
        first,
        second,
        int(sum(map(sum, table))),
        None if kappa is None else Estimate(kappa.value, kappa.low, kappa.high),
    )
