"""`results.json`: what a run found, as figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duress.judge.outcome import Outcome
from duress.scenario.schema import COMPETENCE, FRAME, benign
from duress.stats import Estimate, Method, interval
from duress.study.design import PLAIN_ARM
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


class Counterpart(_Model):
    """Who spoke for the people who press, where a model was to."""

    model: str
    checker: str
    turns: int
    """Turns that reached agents."""
    by_script: int
    """Of these, turns that the script spoke, since the model had been off the ladder too often."""
    tries: int
    """Turns that the model wrote."""
    rejected: int
    """Of these, turns that were off the ladder."""
    usage: Usage = Usage()


class JudgeValidation(_Model):
    """Whether what read the texts was tested against labels of people."""

    status: Literal["validated", "not validated", "not needed"] = "not validated"
    """`not needed`: no text of the run had to be read."""
    kappa: float | None = None
    low: float | None = None
    """Lower limit of kappa, which the gate looks at."""
    gate: float = 0.6
    labels: Literal["none", "developer", "people"] = "none"
    n: int = 0
    """Labelled texts behind kappa."""


class Run(_Model):
    """What was asked for, and what of it is there."""

    seed: int
    lang: tuple[str, ...]
    trials_per_cell: int
    models: tuple[str, ...]
    scenarios: tuple[str, ...]
    arms: dict[str, dict[str, str]] = {PLAIN_ARM: {}}
    """Factor levels that each arm sets; the first arm is the one that others are compared with."""
    policies: dict[str, str] = {}
    """Name, version and hash of the policy of each arm that has a guard."""
    reviewer: str | None = None
    """Who answered the guards' questions, with the numbers that are assumed."""
    fraction: str | None = None
    """The share of all combinations of levels that was run, as `1/2`; None is all."""
    versions: dict[str, str]
    """Version and hash of each scenario."""
    plan_hash: str
    created: str
    """When the plan was frozen or else its first trial finished, ISO 8601 in UTC."""
    frozen: str | None = None
    """Hash of the plan if it was frozen before the first trial."""
    duress: str
    judge: str
    """What read the texts of the trials: `rules`, or `judge:MODEL`."""
    judge_validation: JudgeValidation = JudgeValidation()
    settings: dict[str, Any] = {}
    served: tuple[str, ...] = ()
    """Names that the providers gave for the models that answered."""
    planned: int
    finished: int
    usage: Usage = Usage()
    counterpart: Counterpart | None = None
    """None where the script spoke, as it does unless a model is named."""
    tuned: tuple[str, ...] = ()
    """Ladders that a search found on one of these models, or on their kin: nothing here is confirmatory."""


class Harmful(_Model):
    """How often a cell's trials ended in harm. `rate` is a share of the planned trials."""

    count: int
    planned: int
    rate: float
    low: float
    high: float
    method: Method = Method.WILSON
    confidence: float = CONFIDENCE

    @property
    def estimate(self) -> Estimate:
        """Return the rate with its limits."""
        return Estimate(self.rate, self.low, self.high)


class Work(_Model):
    """In how many trials of a cell all ordinary work was done that people asked for.

    `rate` is a share of the planned trials: one that is missing or failed did no work.
    """

    done: int
    planned: int
    rate: float
    low: float
    high: float
    tasks: dict[str, int]
    """How often each task was done."""
    method: Method = Method.WILSON
    confidence: float = CONFIDENCE

    @property
    def figures(self) -> tuple[int, float, float, float]:
        """Return the count, the rate and its limits."""
        return (self.done, self.rate, self.low, self.high)


class Bounds(_Model):
    """The rate if no, or every, trial without a usable outcome had ended in harm."""

    worst: float
    best: float


Standing = Literal["planned", "exploratory"]
"""`planned`: a plan that was frozen before the first trial names it. All else is `exploratory`."""


class Cell(_Model):
    """One model under one condition of one scenario in one language."""

    scenario: str
    lang: str
    model: str
    condition: str
    """Levels that differ from the defaults, without those that an arm sets."""
    arm: str = PLAIN_ARM
    levels: dict[str, str]
    planned: int
    finished: int
    missing: int
    outcomes: dict[Outcome, int]
    harmful: Harmful
    bounds: Bounds
    kinds: dict[str, int]
    work: Work | None = None
    """None where nothing was asked for, or the rows do not say."""
    standing: Standing = "exploratory"

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Return what tells this cell from the others of its run."""
        return (self.scenario, self.lang, self.model, self.condition, self.arm)

    @property
    def measures_harm(self) -> bool:
        """Return whether harm could have been done: the competence arm asks for a harmless task only."""
        return self.levels.get(FRAME) != COMPETENCE

    @property
    def benign(self) -> bool:
        """Return whether there is nothing to harm with and nothing to harm for."""
        return benign(self.levels)

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
    """A factor, or `arm`."""
    level: str
    reference: str
    points: float
    low: float
    high: float
    method: str
    cells: int
    """Pairs of cells that differ in this factor only, over which the difference is averaged; in a
    fraction of a factorial, where no two cells do, the number of cells at each level."""
    planned: int
    missing: int = 0
    standing: Standing = "exploratory"


class Comparison(_Model):
    """One planned contrast in one place, as the looks of the study left it."""

    standing: Standing
    primary: bool
    question: Literal["effect", "rate", "precision"]
    contrast: str
    """In words: `threat: replacement against none`, `rate against 0.05`."""
    scenario: str
    lang: str
    model: str | None
    arm: str | None
    condition: str | None
    decision: Literal["efficacy", "futility", "equivalence", "precision", "budget", "undecided"]
    direction: Literal["above", "below"] | None
    """Of an efficacy claim: the level is above (below) what it is compared with, the rate the threshold."""
    open: bool
    """Whether it can still change: the run is not over."""
    value: float | None
    """A share (rate) or a difference of two shares (effect) at the look at which it stopped."""
    low: float | None
    high: float | None
    confidence: float | None
    """Of the interval: 1 - alpha over the number of planned comparisons, or the bound of the look."""
    method: str
    p: float | None
    level: float | None
    """What `p` was held against."""
    n: int
    """Trials (rate) or pairs of trials (effect)."""
    trials: int
    most: int
    """Trials that the fixed design of the same size would have taken for it."""
    look: int


class Anchor(_Model):
    """A fixed cell that is run with every study: what the endpoint was like on that day."""

    scenario: str
    lang: str
    model: str
    first: str | None
    """When its first trial was finished, ISO 8601 in UTC."""
    last: str | None
    served: tuple[str, ...]
    key: str
    """Equal where anchors can be compared: same scenario, settings, limits, judge."""
    planned: int
    finished: int
    harmful: Harmful


class Share(_Model):
    """A share of trials, with Wilson limits for trials that share their draws."""

    count: int
    n: int
    rate: float
    low: float
    high: float
    confidence: float = CONFIDENCE

    @property
    def estimate(self) -> Estimate:
        """Return the share with its limits."""
        return Estimate(self.rate, self.low, self.high)


class Change(_Model):
    """How a share differs from that of the arm without the defence, on the same draws, in points."""

    points: float
    low: float
    high: float
    pairs: int
    """Pairs of trials that differ in the arm alone."""


class Mean(_Model):
    """A mean per trial (or per decision) with its limits; None where one draw alone was seen."""

    value: float
    low: float | None
    high: float | None
    n: int


class KindUnder(_Model):
    """One kind of harm under an arm."""

    kind: str
    share: Share
    change: Change | None


class Defence(_Model):
    """What one arm did for one model in one scenario, over all conditions that were run.

    Attacked are the trials in which there was something to harm with or for, benign all others.
    """

    scenario: str
    lang: str
    model: str
    arm: str
    reference: str | None
    """The arm that it is compared with; None for that arm itself."""
    policy: str | None = None
    """Hash of the policy of its guard."""
    harm: Share | None
    """Of the attacked trials that were planned."""
    harm_change: Change | None
    kinds: tuple[KindUnder, ...]
    displaced: Share | None
    """Of the pairs of attacked trials: harm here, of a kind that it was not without the defence."""
    attacked_work: Share | None
    attacked_work_change: Change | None
    benign_work: Share | None
    benign_work_change: Change | None
    over_refusal: Share | None
    """Of the benign trials whose work is done without the defence: a call was refused here, or the work was
    not done."""
    over_asked: Share | None
    """Of the same trials: a person was asked."""
    questions: Mean | None
    """To people, per trial."""
    minutes: Mean | None
    """Of reviewers' time, per trial."""
    refused: Mean | None
    """Calls, per trial."""
    decisions: Mean | None
    latency: Mean | None
    """Milliseconds per call for deciding and screening, without people; while trials ran side by side."""
    slowest: float | None
    """Milliseconds of the slowest decision, without people."""
    tokens: Mean | None
    """In and out, per trial."""


class Excerpt(_Model):
    """One trial that shows one kind of harm."""

    kind: str
    trial_id: str
    scenario: str
    model: str
    lang: str
    condition: str
    arm: str = PLAIN_ARM
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
    comparisons: tuple[Comparison, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    defences: tuple[Defence, ...] = ()
    """One per scenario, language, model and arm, where there are several arms."""

    @property
    def per_cell(self) -> tuple[int, int]:
        """Return the fewest and the most trials that any cell has been given."""
        given = [cell.planned for cell in self.cells]
        return min(given), max(given)

    @property
    def has_arms(self) -> bool:
        """Return whether cells differ in their arm: only then is it shown."""
        return len(self.run.arms) > 1

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


def by(found: Results, method: Method) -> Results:
    """Return results with the intervals of the rates made by another method."""

    def remade(cell: Cell) -> Cell:
        rate = cell.harmful
        limits = interval(rate.count, rate.planned, method, rate.confidence)
        told = {"low": round(limits.low, 6), "high": round(limits.high, 6), "method": method}
        work = cell.work
        if work is not None:
            limits = interval(work.done, work.planned, method, work.confidence)
            ends = {"low": round(limits.low, 6), "high": round(limits.high, 6), "method": method}
            work = work.model_copy(update=ends)
        return cell.model_copy(update={"harmful": rate.model_copy(update=told), "work": work})

    return found.model_copy(update={"cells": tuple(remade(cell) for cell in found.cells)})


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
