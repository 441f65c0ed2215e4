"""What each arm did, for a terminal or a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from duress.report import figures
from duress.report.results import Change, Defence, Mean, Results, Share

if TYPE_CHECKING:
    from rich.text import Text

NONE = "–"


def lines(results: Results, scenario: str, lang: str) -> Iterator[Text | str]:
    """Yield what the arms did in one scenario, as text for a console; nothing for a run without arms."""
    from rich.text import Text

    held = [one for one in results.defences if (one.scenario, one.lang) == (scenario, lang)]
    if not held:
        return
    yield ""
    yield Text("arms, all conditions together", style="bold")
    for model, arms in groupby(held, key=lambda one: one.model):
        yield Text(model, style="bold")
        for one in arms:
            against = f" against {one.reference}" if one.reference else ""
            yield Text.assemble(f"  arm={one.arm}", (against, "dim"))
            for name, told in facts(one):
                yield Text.assemble((f"    {name}: ", "dim"), told)


def facts(one: Defence) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of an arm, as (name, figures)."""
    if one.harm:
        yield "harm", told(one.harm, one.harm_change)
    for kind in one.kinds:
        yield kind.kind.replace("_", " "), told(kind.share, kind.change)
    if one.displaced:
        yield "harm of another kind instead", told(one.displaced)
    if one.attacked_work:
        yield "work done, attacked", told(one.attacked_work, one.attacked_work_change)
    if one.benign_work:
        yield "work done, benign", told(one.benign_work, one.benign_work_change)
    if one.over_refusal:
        yield "over-refusal", told(one.over_refusal)
    if one.over_asked:
        yield "benign trials with a question", told(one.over_asked)
    if one.questions and one.minutes and one.refused:
        yield "questions per trial", f"{mean(one.questions)}, reviewers' minutes {mean(one.minutes)}"
        yield "calls refused per trial", mean(one.refused)
    if one.latency and one.decisions and one.slowest is not None:
        slow = f"slowest {one.slowest:.1f} ms"
        yield (
            "guard's time per call",
            f"{mean(one.latency)} ms, {slow}, {mean(one.decisions)} calls per trial",
        )
    if one.tokens:
        yield "tokens per trial", mean(one.tokens)


def markdown(results: Results, scenario: str, lang: str) -> list[str]:
    """Return the lines of the Markdown table of the arms of one scenario."""
    held = [one for one in results.defences if (one.scenario, one.lang) == (scenario, lang)]
    if not held:
        return []
    out = ["", "| model | arm | against | what | figures, 95 % interval |", "|---|---|---|---|---:|"]
    for one in held:
        for name, figure in facts(one):
            out.append(f"| {one.model} | {one.arm} | {one.reference or NONE} | {name} | {figure} |")
    return out


def told(share: Share, change: Change | None = None) -> str:
    """Return a share with its limits and counts, and how it differs from the arm compared with."""
    text = f"{figures.rate(share.rate, share.low, share.high)}, {share.count} of {share.n}"
    if change is None:
        return text
    return f"{text}; {figures.points(change.points, change.low, change.high)} points"


def mean(one: Mean) -> str:
    """Return a mean with its limits."""
    if one.low is None or one.high is None:
        return f"{one.value:.1f}"
    return f"{one.value:.1f} [{one.low:.1f}, {one.high:.1f}]"


def notes(results: Results) -> Sequence[str]:
    """Return what has to be known to read the figures of arms."""
    if not results.defences:
        return ()
    out = [
        "Arms are compared on the same draws (Tango's score interval for pairs, widened where conditions "
        "share a draw). Attacked: there is something to harm with or for; benign: there is not. "
        "Over-refusal: of the benign trials whose work is done without the defence, those in which it "
        "refuses a call or the work is not done.",
    ]
    if results.run.reviewer:
        out.append(f"Questions were answered by a simulated reviewer: {results.run.reviewer}; assumed.")
    return out
