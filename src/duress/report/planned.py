"""A forecast in words and tables, for a person who is about to freeze a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson

from duress.report import figures
from duress.study import usage
from duress.study.design import Design
from duress.study.forecast import Expected, Forecast, Load, Question
from duress.study.fraction import Fraction
from duress.study.intent import ARM, FIXED, MODEL, SEQUENCE

UNKNOWN = "unknown"
_METHODS = {
    SEQUENCE: "confidence sequences, valid at every look",
    "obrien-fleming": "O'Brien-Fleming spending",
    "pocock": "Pocock spending",
    FIXED: "one look, at the end",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with sentences and, maybe, a table; the first column of a table is a name."""

    title: str
    said: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def text(found: Forecast, form: Literal["table", "md", "json"], width: int = 100) -> str:
    """Return a forecast as text for a terminal, as Markdown or as JSON."""
    if form == "json":
        data = orjson.dumps(to_json(found), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return data.decode()
    render = _markdown if form == "md" else _plain
    return "\n\n".join(render(part, width) for part in parts(found)) + "\n"


def to_json(found: Forecast) -> dict[str, Any]:
    """Return a forecast as plain values; what is unknown is null."""
    return {
        "cells": found.cells,
        "conditions": found.conditions,
        "trials": found.trials,
        "anchors": found.anchors,
        "fractions": [
            {
                "scenario": scenario,
                "share": part.share,
                "resolution": part.resolution,
                "generators": dict(part.defined()),
                "defining_relation": list(part.relation()),
                "confounded": [
                    {"effect": list(effect), "with": [str(one) for one in aliases]}
                    for effect, aliases in part.confounded()
                    if aliases
                ],
            }
            for scenario, part in found.fractions
        ],
        "loads": [asdict(load) for load in found.loads],
        "money": found.money,
        "currency": found.currency,
        "prices_of": found.priced,
        "minutes": found.minutes,
        "method": usage.METHOD,
        "family": found.family,
        "questions": [
            {**asdict(one), "contrast": one.contrast.model_dump(mode="json")} for one in found.questions
        ],
        "expected": asdict(found.expected) if found.expected else None,
        "design": found.design.model_dump(mode="json"),
    }


def parts(found: Forecast) -> Iterator[Part]:
    """Yield what is to be said about a study, in the order in which a person asks."""
    yield _asked(found)
    yield _size(found)
    for scenario, part in found.fractions:
        yield _fraction(scenario, part)
    yield _cost(found)
    for question in found.questions:
        yield _detects(question)
    if found.expected is not None:
        yield _expected(found.expected, found)


def _asked(found: Forecast) -> Part:
    design = found.design
    said: list[str] = []
    for question in found.questions:
        said.append(
            ("The primary question: " if question.primary else "Also planned: ")
            + _question(question, len(design.all_arms) > 1)
        )
    if not found.questions:
        said.append("No contrast is planned: every number of this run is exploratory.")
    else:
        alpha = found.design.alpha
        each = f" Each is decided at {alpha / found.family:.3g}." if found.family > 1 else ""
        said.append(
            f"The planned family has {_n(found.family, 'comparison')}; the chance of any "
            "false claim in it is at "
            f"most {alpha:g}.{each}"
        )
    said.append(_stopping(design))
    return Part("What is asked", tuple(said))


def _question(question: Question, arms: bool) -> str:
    contrast = question.contrast
    each = f"{_n(question.comparisons, 'comparison')}."
    if contrast.question == "rate":
        return (
            f"is the harmful rate of each cell above or below {_percent(contrast.threshold)}? "
            f"One-sided each way, {each}"
        )
    over = f", averaged over {_n(question.conditions, 'pair of cells', 'pairs of cells')}"
    smallest = ""
    if contrast.smallest_effect is not None:
        smallest = f" A difference matters from {figures.number(100 * contrast.smallest_effect)} points on."
    places = ["scenario", "language"]
    places += [name for name in (MODEL, ARM) if name != contrast.factor and (name != ARM or arms)]
    separately = f"for each {', '.join(places[:-1])} and {places[-1]}"
    return (
        f"does {contrast.factor} {contrast.level!r} change the harmful rate against {contrast.against!r}, "
        f"{separately} by itself{over}? Two-sided, {each}{smallest}"
    )


def _stopping(design: Design) -> str:
    stopping = design.stopping
    if stopping is None:
        return f"No stopping rule: {_n(design.trials, 'trial')} in every cell."
    every = "trial" if stopping.look == 1 else f"{stopping.look} trials"
    looks = {
        SEQUENCE: f", a look after every {every} of each open cell",
        FIXED: "",
    }.get(stopping.method, f", {_n(stopping.looks, 'look')}")
    why = f", stopping for {', '.join(stopping.stop_for)}" if stopping.method != FIXED else ""
    precise = ""
    if stopping.precision is not None:
        precise = f" (±{figures.number(100 * stopping.precision)} points)"
    return (
        f"Stopping rule: {_METHODS[stopping.method]}{looks}{why}{precise}; "
        f"at most {_n(design.most, 'trial')} in a cell."
    )


def _size(found: Forecast) -> Part:
    design = found.design
    arms = f", {len(design.all_arms)} arms" if len(design.all_arms) > 1 else ""
    langs = f", {len(design.langs)} languages" if len(design.langs) > 1 else ""
    said = [
        f"{_n(found.cells, 'cell')}: {_n(found.conditions, 'condition')} in "
        f"{_n(len(design.scenarios), 'scenario')}{arms}{langs}, {_n(len(design.models), 'model')}.",
        f"{figures.count(found.trials)} trials at most"
        + (f", {figures.count(found.anchors)} of them anchors." if found.anchors else "."),
    ]
    if design.budget is not None:
        limits = design.budget.model_dump(exclude_none=True)
        named = {"money": found.currency}
        told = ", ".join(f"{value:,.12g} {named.get(name, name)}" for name, value in limits.items())
        said.append(f"Budget: {told}; the study stops before the block that would pass it.")
    return Part("How large", tuple(said))


def _fraction(scenario: str, part: Fraction) -> Part:
    held = ", ".join(f"{name} = {product}" for name, product in part.defined())
    said = [
        f"{part.notation}: {part.share} of all combinations of {', '.join(part.factors)}.",
        f"The first level of a factor counts as \N{MINUS SIGN}1, the second as 1: {held}.",
        f"Defining relation: 1 = {' = '.join(part.relation())}.",
    ]
    confounded = [(effect, aliases) for effect, aliases in part.confounded() if aliases]
    clear = [name for name in part.factors if not part.aliases((name,))]
    if clear:
        said.append(f"Mixed with no effect of up to two factors: {', '.join(clear)}.")
    if not confounded:
        said.append("No effects of up to two factors are mixed with one another.")
    return Part(
        f"The fraction in {scenario}",
        tuple(said),
        ("effect", "mixed with") if confounded else (),
        tuple(
            ("\N{MULTIPLICATION SIGN}".join(effect), ", ".join(map(str, aliases)))
            for effect, aliases in confounded
        ),
    )


def _cost(found: Forecast) -> Part:
    said = [usage.METHOD]
    if found.money is None:
        unknown = ", ".join(load.model for load in found.loads if load.money is None)
        said.append(f"The price of {unknown} is unknown: name a file of prices with --prices.")
    if any(load.money for load in found.loads):
        when = f"of {found.priced}" if found.priced else "without a date"
        said.append(f"Money in {found.currency}, at prices {when}.")
    if found.minutes is None:
        said.append(
            "How long it takes is unknown: give the rate limits of your models in the file "
            "of prices, or with "
            "--requests-per-minute and --tokens-per-minute."
        )
    subjects = [load for load in found.loads if load.role == "subject"]
    said += [_range(load) for load in subjects if load.calls_range and load.calls_range[0] < load.calls]
    said += [_tried(load) for load in found.loads if load.role.startswith("counterpart") and load.calls_range]
    rows = [_load(load) for load in found.loads]
    if len(rows) > 1:
        rows.append(
            (
                "in all",
                figures.count(found.trials),
                figures.count(sum(load.calls for load in found.loads)),
                figures.count(sum(load.input_tokens for load in found.loads)),
                figures.count(sum(load.output_tokens for load in found.loads)),
                _money(found.money),
                _time(found.minutes),
            )
        )
    return Part(
        "What it takes, at most",
        tuple(said),
        ("model", "trials", "calls", "tokens in", "tokens out", "money", "time"),
        tuple(rows),
    )


def _range(load: Load) -> str:
    assert load.calls_range and load.tokens_range
    calls, tokens = (
        f"{figures.count(low)} to {figures.count(high)}"
        for low, high in (load.calls_range, load.tokens_range)
    )
    return (
        f"{load.model}: {calls} calls and {tokens} tokens, if every trial went like the reference agent that "
        "takes least, or most."
    )


def _tried(load: Load) -> str:
    assert load.calls_range and load.tokens_range
    return (
        f"{load.model} ({load.role}): {figures.count(load.calls_range[0])} calls and "
        f"{figures.count(load.tokens_range[0])} tokens, if no turn is off the ladder; what is told is for "
        "three tries at each."
    )


def _load(load: Load) -> tuple[str, ...]:
    return (
        load.model if load.role == "subject" else f"{load.model} ({load.role})",
        figures.count(load.trials),
        figures.count(load.calls),
        figures.count(load.input_tokens),
        figures.count(load.output_tokens),
        _money(load.money),
        "no limit" if load.minutes == 0 else _time(load.minutes),
    )


def _detects(question: Question) -> Part:
    title = f"What it can tell: {question.contrast}"
    if question.contrast.question == "rate":
        return _tells(title, question)
    said = [
        f"With {_n(question.pairs, 'pair')} of trials in each comparison, two-sided at "
        f"{question.alpha:.3g}, with a "
        "power of 80 % and one look at the end. Trials count as independent; common "
        "random numbers make pairs "
        "more alike, which can only help. Looks on the way cost some power.",
    ]
    if question.confounded:
        said.append(f"In the fraction the effect is mixed with {', '.join(question.confounded)}.")
    smallest = question.contrast.smallest_effect
    heads = ["rate compared with", "smallest increase found", "smallest decrease found"]
    if smallest is not None:
        heads.append(f"power at {figures.number(100 * smallest)} points")
    return Part(
        title,
        tuple(said),
        tuple(heads),
        tuple(
            (
                _percent(one.reference),
                _points(one.up),
                _points(one.down),
                *((UNKNOWN if one.power is None else _percent(one.power),) if smallest is not None else ()),
            )
            for one in question.detects
        ),
    )


def _tells(title: str, question: Question) -> Part:
    assert question.claims is not None and question.rates is not None
    (above, below), (low, high) = question.claims, question.rates
    threshold = _percent(question.contrast.threshold)
    n = question.pairs
    said = [
        f"With {_n(n, 'trial')} in a cell, one-sided at {question.alpha:.3g} each way, one look at the end:"
    ]
    if above is None or high is None:
        said.append(f'no number of harmful trials allows to claim "above {threshold}"; run more trials.')
    else:
        said.append(
            f'{above} harmful trials or more allow to claim "above {threshold}"; a rate of '
            f"{_percent(high)} is "
            "found with a power of 80 %."
        )
    if below is None or low is None:
        said.append(f'Not even 0 of {n} allows to claim "below {threshold}"; run more trials.')
    else:
        said.append(
            f'{below} or fewer allow to claim "below {threshold}"; a rate of {_percent(low)} is found with a '
            "power of 80 %."
        )
    return Part(title, tuple(said))


def _expected(expected: Expected, found: Forecast) -> Part:
    most = found.trials - found.anchors
    said = [
        f"{figures.count(round(expected.trials))} trials on average (±{1.96 * expected.error:.1f}), "
        f"{expected.trials / most:.0%} of the {figures.count(most)}; nine studies in ten take "
        f"{figures.count(expected.low)} to {figures.count(expected.high)}. From {expected.repeats} simulated "
        "studies, released and ended by the rule that runs the real one.",
    ]
    if found.money:
        said.append(f"About {found.currency} {found.money * expected.trials / most:,.2f} in proportion.")
    return Part(
        "How large it gets, at the rates supposed",
        tuple(said),
        ("comparison", "how it ends, share of studies"),
        tuple(
            (name, ", ".join(f"{why} {_share(share)}" for why, share in shares.items()))
            for name, shares in expected.decisions
        ),
    )


def _plain(part: Part, width: int) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = StringIO()
    console = Console(file=out, width=width, color_system=None, legacy_windows=False)
    console.print(Text(part.title, style="bold"))
    for sentence in part.said:
        console.print(Text(sentence))
    if part.rows:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for place, head in enumerate(part.heads):
            table.add_column(
                head, overflow="fold", justify="left" if place == 0 or len(part.heads) == 2 else "right"
            )
        for row in part.rows:
            table.add_row(*(Text(value) for value in row))
        console.print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().split("\n"))


def _markdown(part: Part, width: int) -> str:
    lines = [f"## {part.title}", "", *(f"{sentence}  " for sentence in part.said)]
    if part.rows:
        lines += ["", _row(part.heads), "|" + "---|" + "---:|" * (len(part.heads) - 1)]
        lines += [_row(row) for row in part.rows]
    return "\n".join(lines)


def _row(values: Sequence[str]) -> str:
    return "| " + " | ".join(value.replace("|", r"\|").replace("\n", " ") for value in values) + " |"


def _n(number: int, one: str, many: str | None = None) -> str:
    return f"{figures.count(number)} {one if number == 1 else many or f'{one}s'}"


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else figures.percent(share)


def _points(share: float | None) -> str:
    return "none" if share is None else f"{figures.number(100 * share)} points"


def _share(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _money(money: float | None) -> str:
    return UNKNOWN if money is None else f"{money:,.2f}"


def _time(minutes: float | None) -> str:
    if minutes is None:
        return UNKNOWN
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h"
