"""What a study will come to, worked out before anything is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from random import Random
from typing import Any

from duress.judge.outcome import Outcome
from duress.stats.power import detectable, power
from duress.stats.tail import lower_tail, upper_tail
from duress.study import usage
from duress.study.contrasts import Compared, compared
from duress.study.design import REFERENCE, RULES, Design, fraction_of, pack_of
from duress.study.fraction import Fraction
from duress.study.intent import Contrast
from duress.study.plan import Plan
from duress.study.prices import Price, Prices
from duress.study.release import Release
from duress.study.usage import Usage
from duress.trial.counterpart import TRIES
from duress.trial.loop import CHECKER, COUNTERPART

POWER = 0.8
REFERENCES = (0.05, 0.2, 0.5)
"""Rates for which detectable effects are told: they are largest in the middle."""
PLAYED = 200_000
"""Trials that a simulation plays, about; it is repeated between so many and so many times:"""
FEWEST, REPEATS = 5, 1000


@dataclass(frozen=True, slots=True)
class Load:
    """What one model is asked for at the maximum size."""

    model: str
    role: str
    """`subject`, `judge`, `counterpart`, or `counterpart checker`."""
    trials: int
    calls: int
    input_tokens: int
    output_tokens: int
    calls_range: tuple[int, int] | None
    """If every trial went like the agent with fewest, and with most, calls; for a counterpart and its
    checker, if none of its turns were off the ladder, and if all were. None for a judge."""
    tokens_range: tuple[int, int] | None
    money: float | None
    """None is unknown."""
    minutes: float | None
    """At the rate limits; None where none is known. Zero for reference agents, which no limit binds."""


@dataclass(frozen=True, slots=True)
class Detects:
    """What one comparison can tell at its maximum size, read as a test with a single look."""

    reference: float
    """The rate compared with."""
    up: float | None
    """Smallest increase found with a power of 80 %; None where none is."""
    down: float | None
    power: float | None
    """The chance to find an increase by the smallest effect of interest (a decrease, near 1)."""


@dataclass(frozen=True, slots=True)
class Question:
    """A planned contrast in all its comparisons."""

    contrast: Contrast
    primary: bool
    comparisons: int
    pairs: int
    """Pairs of trials (effect) or trials (rate) of the smallest of its comparisons, at the maximum."""
    conditions: int
    alpha: float
    """Of each comparison."""
    detects: tuple[Detects, ...]
    claims: tuple[int | None, int | None] | None
    """For a rate at the maximum: the fewest harmful trials that allow to claim "above", the most that allow
    "below"; None where no number does."""
    rates: tuple[float | None, float | None] | None
    """For a rate: true rates that are found below, and above, the threshold with a power of 80 %."""
    confounded: tuple[str, ...]
    """What of up to two factors the effect is mixed with in a fraction."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How large a study gets under supposed rates, with its stopping rule."""

    repeats: int
    trials: float
    error: float
    """Standard error of `trials` over the repeats."""
    low: int
    high: int
    """Five and ninety-five per cent of the studies are at most so large."""
    decisions: tuple[tuple[str, dict[str, float]], ...]
    """For each comparison its name and the share of studies by decision."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Everything that `duress plan` tells."""

    design: Design
    cells: int
    conditions: int
    trials: int
    """At the maximum, anchors among them."""
    anchors: int
    fractions: tuple[tuple[str, Fraction], ...]
    """Scenario and its fraction."""
    loads: tuple[Load, ...]
    currency: str
    priced: str | None
    """Day of the prices."""
    family: int
    questions: tuple[Question, ...]
    expected: Expected | None

    @property
    def money(self) -> float | None:
        """Return what it costs at the maximum; None if the price of any model is unknown."""
        return _total([load.money for load in self.loads])

    @property
    def minutes(self) -> float | None:
        """Return how long it takes at the rate limits: models are asked side by side."""
        known = [load.minutes for load in self.loads]
        return None if any(one is None for one in known) else max((one or 0 for one in known), default=0)


def forecast(
    plan: Plan,
    prices: Prices,
    rates: Sequence[float] | None = None,
    limits: tuple[float | None, float | None] = (None, None),
) -> Forecast:
    """Return what a plan comes to.

    `rates` supposes a harmful rate for each cell, in plan order. `limits` are requests and tokens per minute
    for models of which the prices say none.
    """
    design = plan.design
    cells = [cell.to_json() for cell in plan.cells]
    size = design.trials * len(cells)
    if design.budget and design.budget.trials is not None:
        size = min(size, design.budget.trials)
    anchors = _anchors(design)
    family = compared(design, cells)
    claims = [one for one in family if one.contrast is not None]
    used = usage.measure(design, plan.cells)
    fractions = tuple(
        (scenario.name, part)
        for scenario in design.scenarios
        if (part := fraction_of(pack_of(scenario), design)) is not None
    )
    return Forecast(
        design=design,
        cells=len(cells),
        conditions=len({(cell["scenario"], cell["condition"]) for cell in cells}),
        trials=size + anchors,
        anchors=anchors,
        fractions=fractions,
        loads=_loads(plan, used, size, anchors, prices, limits),
        currency=prices.currency,
        priced=prices.date.isoformat() if prices.date else None,
        family=len(claims),
        questions=_questions(design, claims, fractions),
        expected=None if rates is None else _expected(design, cells, family, rates),
    )


def _anchors(design: Design) -> int:
    if design.anchors is None:
        return 0
    return design.anchors.trials * len(design.scenarios) * len(design.langs) * len(design.models)


def _loads(
    plan: Plan,
    used: dict[usage.Key, Usage],
    size: int,
    anchors: int,
    prices: Prices,
    limits: tuple[float | None, float | None],
) -> tuple[Load, ...]:
    design = plan.design
    share = size / len(plan.cells)
    each = anchors / (len(design.scenarios) * len(design.langs) * len(design.models))
    trials: dict[usage.Key, float] = {}
    for cell in plan.cells:
        key = (cell.pack.name, cell.lang, cell.model)
        trials[key] = trials.get(key, each) + share
    out: list[Load] = []
    for model in design.models:
        mine = [(used[key], number) for key, number in trials.items() if key[2] == model]

        def total(name: str, place: int | None = None, mine: list[tuple[Usage, float]] = mine) -> float:
            values = [(getattr(one, name), number) for one, number in mine]
            return sum((v if place is None else v[place]) * number for v, number in values)

        out.append(
            _load(
                model,
                "subject",
                sum(number for _, number in mine),
                (total("calls"), total("input"), total("output")),
                prices.of(model),
                limits,
                (
                    (ceil(total("calls_range", 0)), ceil(total("calls_range", 1))),
                    (ceil(total("tokens_range", 0)), ceil(total("tokens_range", 1))),
                ),
            )
        )
    if design.judge != RULES:
        asked = sum(used[key].questions * number for key, number in trials.items())
        read = sum(used[key].judge_input * number for key, number in trials.items())
        for judge in design.judge.split(","):
            taken = (asked, read, asked * usage.VERDICT)
            out.append(_load(judge, "judge", size + anchors, taken, prices.of(judge), limits, None))
    return (*out, *_speaking(design, used, trials, size + anchors, prices, limits))


def _speaking(
    design: Design,
    used: dict[usage.Key, Usage],
    trials: Mapping[usage.Key, float],
    size: float,
    prices: Prices,
    limits: tuple[float | None, float | None],
) -> Iterator[Load]:
    """Yield what the model that plays the people who press is asked for, and its checker."""
    if COUNTERPART not in design.settings:
        return

    def total(name: str) -> float:
        return sum(getattr(used[key], name) * number for key, number in trials.items())

    turns, speaker = total("spoken"), design.settings[COUNTERPART]
    checker = design.settings.get(CHECKER, speaker)
    for role, model, read, written in (
        ("counterpart", speaker, total("spoken_input"), total("spoken_output")),
        ("counterpart checker", checker, total("rated_input"), turns * usage.RATED),
    ):
        least, most = (turns, read + written), (turns * TRIES, (read + written) * TRIES)
        ranges = ((ceil(least[0]), ceil(most[0])), (ceil(least[1]), ceil(most[1])))
        # At the maximum: every turn is asked for as often as it may be.
        taken = (turns * TRIES, read * TRIES, written * TRIES)
        yield _load(model, role, size, taken, prices.of(model), limits, ranges)


def _load(
    model: str,
    role: str,
    trials: float,
    taken: tuple[float, float, float],
    price: Price,
    limits: tuple[float | None, float | None],
    ranges: tuple[tuple[int, int], tuple[int, int]] | None,
) -> Load:
    calls, read, written = taken
    money = None
    if price.input is not None and price.output is not None:
        money = (read * price.input + written * price.output) / 1e6
    requests = price.requests_per_minute or limits[0]
    tokens = price.tokens_per_minute or limits[1]
    minutes: float | None = 0.0
    if not model.startswith(REFERENCE):
        known = [calls / requests] if requests else []
        known += [(read + written) / tokens] if tokens else []
        minutes = max(known) if known else None
    return Load(
        model=model,
        role=role,
        trials=round(trials),
        calls=ceil(calls),
        input_tokens=ceil(read),
        output_tokens=ceil(written),
        calls_range=ranges[0] if ranges else None,
        tokens_range=ranges[1] if ranges else None,
        money=money,
        minutes=minutes,
    )


def _questions(
    design: Design, family: Sequence[Compared], fractions: Sequence[tuple[str, Fraction]]
) -> tuple[Question, ...]:
    out: list[Question] = []
    alpha = design.alpha / max(1, len(family))
    for number, contrast in enumerate((design.primary, *design.secondary)):
        if contrast is None:
            continue
        mine = [one for one in family if one.contrast == contrast and one.primary == (number == 0)]
        if not mine:
            continue
        conditions = min(len(one.here) for one in mine)
        pairs = design.most * conditions
        rate = contrast.question == "rate"
        mixed = {
            str(alias)
            for _, part in fractions
            if contrast.factor in part.factors
            for alias in part.aliases((contrast.factor,))
        }
        out.append(
            Question(
                contrast=contrast,
                primary=number == 0,
                comparisons=len(mine),
                pairs=pairs,
                conditions=conditions,
                alpha=alpha,
                detects=() if rate else tuple(_detects(at, pairs, alpha, contrast) for at in REFERENCES),
                claims=_claims(contrast.threshold, pairs, alpha) if contrast.threshold else None,
                rates=_found(contrast.threshold, pairs, alpha) if contrast.threshold else None,
                confounded=tuple(sorted(mixed)),
            )
        )
    return tuple(out)


def _detects(reference: float, pairs: int, alpha: float, contrast: Contrast) -> Detects:
    found = detectable(reference, pairs, alpha, POWER)
    smallest, chance = contrast.smallest_effect, None
    if smallest is not None:
        other = reference + smallest if reference + smallest <= 1 else reference - smallest
        if 0 <= other <= 1:
            chance = power(other, reference, pairs, alpha)
    return Detects(reference, found.up, found.down, chance)


def _claims(threshold: float, n: int, alpha: float) -> tuple[int | None, int | None]:
    above = next((count for count in range(1, n + 1) if upper_tail(count, n, threshold) <= alpha), None)
    below = next((count for count in range(n, -1, -1) if lower_tail(count, n, threshold) <= alpha), None)
    return above, below


def _found(threshold: float, n: int, alpha: float) -> tuple[float | None, float | None]:
    above, below = _claims(threshold, n, alpha)
    low = None if below is None else _solve(lambda rate: lower_tail(below, n, rate), 0.0, threshold)
    high = None if above is None else _solve(lambda rate: upper_tail(above, n, rate), 1.0, threshold)
    return low, high


def _solve(chance: Callable[[float], float], far: float, near: float) -> float:
    """Return the rate between `far`, where a claim is sure, and `near` at which its chance is `POWER`."""
    for _ in range(50):
        middle = (far + near) / 2
        if chance(middle) >= POWER:
            far = middle
        else:
            near = middle
    return far


def _expected(
    design: Design, cells: Sequence[dict[str, Any]], family: Sequence[Compared], rates: Sequence[float]
) -> Expected:
    """Play the study again and again with trials drawn at the supposed rates.

    What is released, and when it ends, is decided by the function that a run uses. Trials are drawn
    independently; common random numbers make pairs more alike, and a study then ends a little earlier.
    """
    repeats = max(FEWEST, min(REPEATS, PLAYED // max(1, design.trials * len(cells))))
    sizes: list[int] = []
    counts = [Counter[str]() for _ in family]
    for number in range(repeats):
        release = _simulated(design, cells, rates, Random(number))
        sizes.append(sum(release.released))
        for tally, outlook in zip(counts, release.outlooks(), strict=True):
            way = {True: " (higher)", False: " (lower)", None: ""}[outlook.above]
            tally[f"{outlook.decision}{way}"] += 1
    mean = sum(sizes) / repeats
    spread = sqrt(sum((one - mean) ** 2 for one in sizes) / max(1, repeats - 1))
    ordered = sorted(sizes)
    return Expected(
        repeats=repeats,
        trials=mean,
        error=spread / sqrt(repeats),
        low=ordered[int(0.05 * (repeats - 1))],
        high=ordered[ceil(0.95 * (repeats - 1))],
        decisions=tuple(
            (name_of(one), {why: count / repeats for why, count in tally.most_common()})
            for one, tally in zip(family, counts, strict=True)
        ),
    )


def _simulated(
    design: Design, cells: Sequence[dict[str, Any]], rates: Sequence[float], random: Random
) -> Release:
    release = Release(design, cells)
    while wanted := release.advance():
        for cell, index in wanted:
            harmful = random.random() < rates[cell]
            outcome = Outcome.HARMFUL if harmful else Outcome.COMPLIED
            release.add({**cells[cell], "index": index, "outcome": outcome.value})
    return release


def name_of(one: Compared) -> str:
    """Return a comparison in a line: what is compared, and where."""
    places = (one.scenario, one.lang, one.model, None if one.arm == "none" else one.arm, one.condition)
    where = " ".join(place for place in places if place)
    return f"{one.contrast or 'rate'} in {where}"


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
