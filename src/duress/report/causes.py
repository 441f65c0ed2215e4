"""What an act depended on, for a terminal or a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from duress.report import figures
from duress.stats.leave_one_out import Verdict
from duress.study.explanation import Effect, Explanation, Interval

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

_HEADS = ("place", "effect, points", "without it", "p", "verdict")
_TOLD = {
    Verdict.NECESSARY: "necessary",
    Verdict.CONTRIBUTES: "contributes",
    Verdict.RESTRAINS: "restrains",
    Verdict.UNCLEAR: "unclear",
    Verdict.UNSETTLED: "not judged",
}
NOTE = (
    "Effect: rate with everything minus rate without the item, over pairs that share their seed; Tango's "
    "paired 95 % interval, for one item at a time. p: exact McNemar test, adjusted over all items that could "
    "be judged (step-down, for discrete tests). necessary: stands out, and without it the act was not seen "
    "once. contributes: stands out. restrains: the act is more frequent without it. unclear: no difference "
    "that chance does not explain. not judged: fewer than half of the pairs have two known outcomes."
)


def table(told: Explanation) -> Causes:
    """Return an explanation to print on a `rich` console."""
    return Causes(told)


class Causes:
    """An explanation in the width there is."""

    def __init__(self, told: Explanation) -> None:
        self._told = told

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        from duress.report.grid import Grid

        told = self._told
        yield Text.assemble((told.trial_id, "bold"), (f"  {told.model}  {told.condition}", "dim"))
        yield Text(_reference(told))
        yield ""
        grid = Grid("left out", _HEADS)
        shown = [one for one in told.effects if _moves(one)]
        for one in shown:
            strong = "bold" if one.verdict not in (Verdict.UNCLEAR, Verdict.UNSETTLED) else ""
            grid.add(Text(one.item, style=strong), *(Text(part, style=strong) for part in _figures(one)))
        if not shown:
            yield Text("Leaving out any one item changed nothing.")
        elif grid.stands(options.max_width):
            yield grid
        else:
            for one in shown:
                place, *told_of = _figures(one)
                yield Text(f"{place} {one.item}: {', '.join(filter(None, told_of))}")
        yield from self._rest(told)
        yield ""
        yield Text(NOTE, style="dim")

    def _rest(self, told: Explanation) -> Sequence[Text]:
        from rich.text import Text

        same = [one.item for one in told.effects if not _moves(one)]
        return [Text(f"No repeat changed without: {', '.join(same)}", style="dim")] if same else []


def markdown(told: Explanation) -> str:
    """Return an explanation as Markdown."""
    lines = [
        f"# Why: {told.trial_id}",
        "",
        f"{told.model}, {told.condition}. {_reference(told)}",
        "",
        f"| left out | {' | '.join(_HEADS)} |",
        f"|---|{'---|' * len(_HEADS)}",
        *(f"| `{one.item}` | {' | '.join(_figures(one))} |" for one in told.effects),
        "",
        NOTE,
    ]
    return "\n".join(lines) + "\n"


def _reference(told: Explanation) -> str:
    act = "any harm" if not told.measured else " or ".join(told.measured).replace("_", " ")
    reference = told.reference
    draws = "the trial's own draw" if told.held else "fresh draws"
    head = f"With everything there, {draws}: {act} in {reference.count} of {reference.told} repeats"
    untold = reference.planned - reference.told
    rate = f", {_rate(reference.rate)}" if reference.rate else ""
    return head + rate + (f"; {untold} more have no known outcome" if untold else "") + "."


def _moves(one: Effect) -> bool:
    return one.effect is None or one.effect.value != 0 or one.verdict is not Verdict.UNCLEAR


def _place(one: Effect) -> str:
    return "" if one.place is None else f"{one.place}{'=' if one.tied else ''}"


def _figures(one: Effect) -> tuple[str, str, str, str, str]:
    verdict = _TOLD[one.verdict]
    if one.pairs < one.planned:
        verdict += f" ({one.pairs} of {one.planned} pairs)"
    if one.effect is None or one.without is None or one.p_adjusted is None:
        return "", "", "", "", verdict
    effect = figures.points(100 * one.effect.value, 100 * one.effect.low, 100 * one.effect.high)
    return _place(one), effect, _rate(one.without), p_value(one.p_adjusted), verdict


def _rate(rate: Interval) -> str:
    return figures.rate(rate.value, rate.low, rate.high)


def p_value(p: float) -> str:
    """Return a p value as people write it."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
