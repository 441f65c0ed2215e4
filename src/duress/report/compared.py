"""Planned comparisons, and the drift of anchors, for a terminal or a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from duress.report import figures
from duress.report.anchors import Drift
from duress.report.results import Anchor, Comparison, Results

if TYPE_CHECKING:
    from rich.text import Text

DECISIONS = {
    "efficacy": "a difference",
    "futility": "stopped: no answer in reach",
    "equivalence": "no difference that matters",
    "precision": "known precisely enough",
    "budget": "undecided: the budget was used up",
    "undecided": "undecided",
}


def decision(one: Comparison) -> str:
    """Return what a comparison came to, in a few words."""
    if one.open:
        return "still open"
    if one.decision == "efficacy":
        return f"{one.direction} {one.contrast.rpartition(' ')[2]}"
    if one.decision == "equivalence" and one.question == "rate":
        return "at the threshold"
    return DECISIONS[one.decision]


def place(one: Comparison) -> str:
    """Return where a comparison was made: what all its cells share."""
    parts = (one.scenario, one.lang, one.model, one.arm if one.arm != "none" else None, one.condition)
    return " ".join(part for part in parts if part)


def estimate(one: Comparison) -> str:
    """Return the figures of a comparison: percentage points for an effect, a share for a rate."""
    if one.value is None or one.low is None or one.high is None:
        return "not looked at yet"
    if one.question == "effect":
        return figures.points(100 * one.value, 100 * one.low, 100 * one.high)
    return figures.rate(one.value, one.low, one.high)


def share(comparisons: Sequence[Comparison], results: Results) -> float:
    """Return the trials that were released, as a share of what the fixed design takes."""
    return results.run.planned / (results.run.trials_per_cell * len(results.cells)) if comparisons else 1.0


def lines(results: Results) -> Iterator[Text | str]:
    """Yield the planned comparisons and the anchors as text for a console; nothing where there are none."""
    from rich.text import Text

    found = results.comparisons
    if found:
        yield ""
        yield Text.assemble(
            (
                "planned comparisons" if found[0].standing == "planned" else "comparisons (exploratory)",
                "bold",
            ),
            (
                f"  {figures.percent(share(found, results))} of the fixed design's trials, {found[0].method}",
                "dim",
            ),
        )
    for one in found:
        yield Text.assemble(one.contrast, f", {place(one)}: ", (decision(one), "bold"))
        tested = "" if one.p is None else f", p = {one.p:.2g} against {one.level:.2g}"
        unit = "pairs" if one.question == "effect" else "trials"
        yield Text(
            f"  {estimate(one)}, {one.n} {unit}, {one.trials} trials (fixed design {one.most}), "
            f"look {one.look}{tested}",
            style="dim" if one.open else "",
        )
    if results.anchors:
        yield ""
        yield Text("anchors", style="bold")
    for anchor in results.anchors:
        yield Text(f"{anchor.scenario} {anchor.lang} {anchor.model}, {day(anchor)}: {_anchored(anchor)}")


def drifted(found: Sequence[Drift]) -> Iterator[Text | str]:
    """Yield what changed between the anchors of two studies, as text for a console."""
    from rich.text import Text

    if not found:
        return
    yield ""
    yield Text.assemble(("anchors: drift", "bold"), ("  Fisher's exact test", "dim"))
    for one in found:
        moved = one.difference
        told = figures.points(100 * moved.value, 100 * moved.low, 100 * moved.high)
        yield Text(f"{one.after.scenario} {one.after.lang} {one.after.model}")
        yield Text(f"  {day(one.before)}: {_anchored(one.before)}")
        yield Text(f"  {day(one.after)}: {_anchored(one.after)}")
        yield Text(f"  change {told}, p = {one.p:.2g}")


def markdown(results: Results) -> Iterator[str]:
    """Yield the lines of the Markdown tables of planned comparisons and anchors."""
    if results.comparisons:
        yield ""
        yield "| comparison | place | standing | decision | estimate | p | held against | n | trials | look |"
        yield "|---|---|---|---|---:|---:|---:|---:|---:|---:|"
    for one in results.comparisons:
        p, level = ("" if value is None else f"{value:.3g}" for value in (one.p, one.level))
        yield (
            f"| {one.contrast} | {place(one)} | {one.standing} | {decision(one)} | {estimate(one)} "
            f"| {p} | {level} | {one.n} | {one.trials} (fixed {one.most}) | {one.look} |"
        )
    if results.anchors:
        yield ""
        yield "| anchor | date | harmful rate, 95 % interval |"
        yield "|---|---|---:|"
    for anchor in results.anchors:
        yield f"| {anchor.scenario} {anchor.lang} {anchor.model} | {day(anchor)} | {_anchored(anchor)} |"


def day(anchor: Anchor) -> str:
    """Return the day on which an anchor was run, or the days."""
    first, last = (one[:10] if one else "not run" for one in (anchor.first, anchor.last))
    return first if first == last else f"{first} to {last}"


def _anchored(anchor: Anchor) -> str:
    harmful = anchor.harmful
    return f"{harmful.count}/{harmful.planned}, {figures.rate(harmful.rate, harmful.low, harmful.high)}"
