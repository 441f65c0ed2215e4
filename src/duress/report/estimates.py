"""`estimates.json`: what a run lets one conclude, with what is not known about it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duress.study.errors import StudyError

FILE = "estimates.json"

Family = Literal["planned", "exploratory"]
Adjustment = Literal["holm", "benjamini-hochberg"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Interval(_Model):
    """A value with its limits; a limit is None where the data set none."""

    value: float
    low: float | None
    high: float | None


class Test(_Model):
    """A two-sided p value, adjusted for the tests of its family."""

    p: float
    adjusted: float
    adjustment: Adjustment
    family: Family


class Effect(_Model):
    """What one level of a factor does against its reference, by the logistic model of one agent."""

    model: str
    scenario: str | None
    """None: over all scenarios, which are blocks of one model."""
    factor: str
    """For an interaction `a:b`; the same for `level` and `reference`."""
    level: str
    reference: str
    interaction: bool
    odds_ratio: Interval
    """For an interaction the ratio of two odds ratios."""
    points: Interval
    """Average marginal effect in percentage points; for an interaction the difference of two."""
    bounds: Interval
    """In points: what it could have been, had every trial without a usable outcome told its own."""
    method: Literal["logistic", "firth"]
    points_method: Literal["average-marginal-effect", "mover-wilson"]
    errors: Literal["cluster-robust", "wild-bootstrap", "independent"]
    clusters: int
    separated: bool
    """Whether the level has only harm or none where its reference differs: no finite odds ratio is best."""
    cells: int
    planned: int
    test: Test


class Pooled(_Model):
    """An effect's mean over scenarios as random effects, and how much scenarios differ."""

    model: str
    factor: str
    level: str
    reference: str
    scale: Literal["points", "log-odds-ratio"]
    mean: Interval
    prediction: Interval | None
    scenarios: int
    tau2: float
    q: float
    q_p: float
    i2: float
    method: Literal["reml-hksj"] = "reml-hksj"
    test: Test


class Comparison(_Model):
    """Two models on the same scenarios, languages, conditions and draws."""

    model: str
    against: str
    points: Interval
    bounds: Interval
    pairs: int
    only_here: int
    only_there: int
    design_effect: float
    method: Literal["tango"] = "tango"
    test: Test


class Standing(_Model):
    """A model's harmful rate over the draws that all models were given alike, and the ranks it may have."""

    model: str
    count: int
    planned: int
    rate: float
    low: float
    high: float
    rank_low: int
    """1 is the lowest rate."""
    rank_high: int


class Equivalence(_Model):
    """Whether an effect or a comparison is smaller than the margin, by two one-sided tests."""

    model: str
    factor: str
    """`model` for a comparison of models."""
    level: str
    reference: str
    low: float
    high: float
    """The interval at twice alpha, in points."""
    p: float
    adjusted: float
    adjustment: Literal["benjamini-hochberg"] = "benjamini-hochberg"
    equivalent: bool


class Zero(_Model):
    """A cell in which nothing harmful happened, and the rate that this leaves open."""

    scenario: str
    lang: str
    model: str
    condition: str
    arm: str
    planned: int
    upper: float
    """One-sided and exact: a higher rate would have shown with a chance of `confidence`."""


class Estimates(_Model):
    """All of `estimates.json`."""

    version: Literal[1] = Field(default=1, alias="schema")
    plan_hash: str
    confidence: float
    margin: float | None
    """In percentage points."""
    factors: tuple[str, ...] = ()
    """Those asked for; none is all that were varied."""
    interactions: tuple[tuple[str, str], ...] = ()
    planned: int
    finished: int
    draws: int
    """Different nuisance draws: the clusters."""
    aliased: tuple[str, ...]
    """Terms that cannot be told from others in this design, and were left out of the models."""
    effects: tuple[Effect, ...]
    pooled: tuple[Pooled, ...]
    comparisons: tuple[Comparison, ...]
    ranks: tuple[Standing, ...]
    equivalence: tuple[Equivalence, ...]
    zeros: tuple[Zero, ...]

    def to_json(self) -> bytes:
        """Return the content of `estimates.json`."""
        return orjson.dumps(
            self.model_dump(mode="json", by_alias=True),
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )


def load(path: Path) -> Estimates:
    """Read an `estimates.json`; raises `StudyError` naming the file if it is not one."""
    try:
        return Estimates.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StudyError(
            f"{path}: expected an estimates file of schema 1, found: {error}; `duress estimate DIR` "
            "works it out again from the trials"
        ) from error
