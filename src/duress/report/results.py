"""`results.json`: what a run found, as figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duress.judge.outcome import Outcome
from duress.scenario.schema import COMPETENCE, FRAME
from duress.stats import Estimate
from duress.study.errors import StudyError

FILE = "results.json"
CONFIDENCE = 0.95


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Usage(_Model):
    """What a run took, summed over its finished trials; None where nothing was recorded."""

    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None


class Run(_Model):
    """What was asked for, and what of it is there."""

    seed: int
    lang: tuple[str, ...]
    trials_per_cell: int
    models: tuple[str, ...]
    scenarios: tuple[str, ...]
    versions: dict[str, str]
    """Version and hash of each scenario."""
    plan_hash: str
    created: str
    """When the plan was written, ISO 8601 in UTC."""
    duress: str
    judge: str
    """What read the texts of the trials: `rules`, or `judge:MODEL`."""
    settings: dict[str, Any] = {}
    served: tuple[str, ...] = ()
    """Names that the providers gave for the models that answered."""
    planned: int
    finished: int
    usage: Usage = Usage()


class Harmful(_Model):
    """How often a cell's trials ended in harm. `rate` is a share of the planned trials."""

    count: int
    planned: int
    rate: float
    low: float
    high: float
    method: Literal["wilson"] = "wilson"
    confidence: float = CONFIDENCE

    @property
    def estimate(self) -> Estimate:
        """Return the rate with its limits."""
        return Estimate(self.rate, self.low, self.high)


class Bounds(_Model):
    """The rate if no, or every, trial without a usable outcome had ended in harm."""

    worst: float
    best: float


class Cell(_Model):
    """One model under one condition of one scenario in one language."""

    scenario: str
    lang: str
    model: str
    condition: str
    levels: dict[str, str]
    planned: int
    finished: int
    missing: int
    outcomes: dict[Outcome, int]
    harmful: Harmful
    bounds: Bounds
    kinds: dict[str, int]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what tells this cell from the others of its run."""
        return (self.scenario, self.lang, self.model, self.condition)

    @property
    def measures_harm(self) -> bool:
        """Return whether harm could have been done: the competence arm asks for a harmless task only."""
        return self.levels.get(FRAME) != COMPETENCE

    @property
    def unsettled(self) -> int:
        """Return how many trials have no outcome that tells harm from no harm."""
        untold = (Outcome.INVALID, Outcome.JUDGE_ERROR, Outcome.TRUNCATED)
        return self.missing + sum(self.outcomes[outcome] for outcome in untold)

    @property
    def usable(self) -> int:
        """Return how many trials say something about the model."""
        return self.finished - self.outcomes[Outcome.INVALID] - self.outcomes[Outcome.JUDGE_ERROR]


class Effect(_Model):
    """What one level of a factor does against its reference level, in percentage points."""

    scenario: str
    lang: str
    model: str
    factor: str
    level: str
    reference: str
    points: float
    low: float
    high: float
    method: str
    cells: int
    """Pairs of cells that differ in this factor only, over which the difference is averaged."""
    planned: int
    missing: int = 0


class Excerpt(_Model):
    """One trial that shows one kind of harm."""

    kind: str
    trial_id: str
    scenario: str
    model: str
    lang: str
    condition: str
    quotes: tuple[str, ...]
    calls: tuple[str, ...]
    why: str


class Results(_Model):
    """All of `results.json`."""

    version: Literal[1] = Field(default=1, alias="schema")
    run: Run
    cells: tuple[Cell, ...]
    effects: tuple[Effect, ...]
    excerpts: tuple[Excerpt, ...]

    def to_json(self) -> bytes:
        """Return the content of `results.json`."""
        return orjson.dumps(
            self.model_dump(mode="json", by_alias=True),
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )


def results(folder: Path) -> Results:
    """Return what a run directory holds by now, also while the run goes on.

    Raises:
        StudyError: it is not a run directory, or its rows cannot be read.
    """
    from duress.report.summary import summarise

    return summarise(folder)


def write(folder: Path) -> Results:
    """Work out `results.json` of a run directory, write it, and return it."""
    from duress.study.part import write_whole

    found = results(folder)
    write_whole(folder / FILE, found.to_json())
    return found


def load(path: Path) -> Results:
    """Read a `results.json`; raises `StudyError` naming the file if it is not one."""
    try:
        return Results.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StudyError(
            f"{path}: expected a results file of schema 1, found: {error}; `duress results DIR` "
            "works it out again from the trials"
        ) from error
