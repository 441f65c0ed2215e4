"""What is known about a run's judges, for a terminal, a document, a spreadsheet or a program."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

import orjson

from duress.report import figures
from duress.report.judged import Judged
from duress.stats import Estimate
from duress.study.calibrate import Figure, Reader

if TYPE_CHECKING:
    from rich.console import RenderableType

NONE = "\N{EN DASH}"
ASKS = {"all": "all questions", "harm": "what harm rests on"}
READERS = ("reader", "question", "texts", "sensitivity", "specificity", "kappa")
RATES = ("harmful rate", "measured", "Rogan-Gladen", "prediction-powered")


def status(found: Judged) -> str:
    """Return in one sentence whether the judge is validated, and why."""
    test = found.validation
    if test.status == "not needed":
        return "No text had to be read: no judge took part."
    if test.labels == "none":
        return "Judge not validated: no labels by people."
    kappa = (
        "kappa is not defined" if test.low is None else f"kappa {number(test.kappa)}, from {number(test.low)}"
    )
    if test.status == "validated":
        return f"Judge validated by {test.n} texts labelled by people: {kappa}, gate {number(test.gate)}."
    if test.labels == "developer" and test.low is not None and test.low >= test.gate:
        return f"Judge not validated: {kappa}, but on {test.n} texts labelled by developers only."
    who = "people" if test.labels == "people" else "developers"
    return f"Judge not validated: {kappa}, gate {number(test.gate)}, on {test.n} texts labelled by {who}."


def counts(found: Judged) -> str:
    """Return in one sentence how many trials were a judge's business."""
    c = found.counts
    return (
        f"Of {figures.count(c.finished)} finished trials, {figures.count(c.by_reading)} are harmful or not "
        f"by reading, {figures.count(c.settled)} are harmful by what happened whatever was read, and in "
        f"{figures.count(c.unread)} no text bears on harm. Only what was read is corrected."
    )


def agreement(found: Judged) -> list[str]:
    """Return how far a panel agrees, one line each; nothing without a panel."""
    panel = found.agreement
    if panel is None:
        return []
    told = [
        f"{figures.count(panel.texts)} texts, divided on {figures.count(panel.divided)}, no majority on "
        f"{figures.count(panel.undecided)}; {figures.count(panel.failed)} votes failed",
        f"Krippendorff's alpha {limits(panel.alpha)}",
    ]
    return told + [
        f"Cohen's kappa of {pair.first} and {pair.second} {limits(pair.kappa)}, {pair.texts} texts"
        for pair in panel.pairs
    ]


def readers(found: Judged) -> Iterator[tuple[str, ...]]:
    """Yield a line per reader and kind of question: how right it is about what people labelled."""
    if found.calibration is None:
        return
    for one in found.calibration.readers:
        yield _reader(one, one.reader, ASKS.get(one.ask, str(one.ask)))
    if found.calibration.harm is not None:
        yield _reader(found.calibration.harm, "verdict", "whole trials: harm")


def _reader(one: Reader, name: str, ask: str) -> tuple[str, ...]:
    texts = f"{one.n} ({one.yes} yes)" + (f", {one.failed} failed" if one.failed else "")
    return name, ask, texts, share(one.sensitivity), share(one.specificity), limits(one.kappa)


def rates(found: Judged) -> Iterator[tuple[str, ...]]:
    """Yield a line per model: the rate as measured and corrected in both ways."""
    for rate in found.rates:
        yield rate.model or "all", share(rate.plain), share(rate.corrected), share(rate.powered)


def number(value: float | None) -> str:
    """Return a coefficient with two decimals."""
    return NONE if value is None else f"{value:.2f}".replace("-", figures.MINUS)


def limits(found: Estimate | Figure | None) -> str:
    """Return a coefficient with its interval."""
    if found is None:
        return NONE
    return f"{number(found.value)} [{number(found.low)}, {number(found.high)}]"


def share(found: Estimate | Figure | None) -> str:
    """Return a share in per cent with its interval."""
    return NONE if found is None else figures.rate(found.value, found.low, found.high)


def table(found: Judged) -> Iterator[RenderableType]:
    """Yield what to print on a `rich` console."""
    from rich.table import Table
    from rich.text import Text

    def grid(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
        made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for head in heads:
            made.add_column(head, overflow="fold")
        for line in lines:
            made.add_row(*line)
        return made

    yield Text("judges", style="bold")
    yield Text(status(found))
    for line in agreement(found):
        yield Text(line)
    if found.calibration is not None:
        yield ""
        yield grid(READERS, readers(found))
    if found.rates:
        yield ""
        yield grid(RATES, rates(found))
    yield Text(counts(found), style="dim")


def markdown(found: Judged) -> str:
    """Return it as Markdown."""
    lines = ["", "### judges", "", status(found), "", *(f"- {line}" for line in agreement(found))]
    for heads, rows in ((READERS, list(readers(found))), (RATES, list(rates(found)))):
        if rows:
            lines += ["", _row(heads), "|" + "---|" * len(heads), *(_row(row) for row in rows)]
    return "\n".join([*lines, "", counts(found)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def as_csv(found: Judged) -> str:
    """Return the figures, one a line."""
    out = StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["of", "what", "figure", "value", "low", "high", "n"])
    for name, what, figure, value, n in _figures(found):
        if value is not None:
            lines.writerow([name, what, figure, value.value, value.low, value.high, n])
    return out.getvalue()


def _figures(found: Judged) -> Iterator[tuple[str, str, str, Estimate | Figure | None, float]]:
    if found.agreement is not None:
        yield "panel", "all", "alpha", found.agreement.alpha, found.agreement.texts
        for pair in found.agreement.pairs:
            yield pair.first, pair.second, "kappa", pair.kappa, pair.texts
    if found.calibration is not None:
        whole = [found.calibration.harm] if found.calibration.harm else []
        named = [*((one, str(one.ask)) for one in found.calibration.readers), *((w, "trial") for w in whole)]
        for one, ask in named:
            yield one.reader, ask, "sensitivity", one.sensitivity, one.yes
            yield one.reader, ask, "specificity", one.specificity, one.n - one.yes
            yield one.reader, ask, "kappa", one.kappa, one.n
    for rate in found.rates:
        of = rate.model or "all"
        yield of, "harmful", "measured", rate.plain, rate.measured.planned
        yield of, "harmful", "rogan-gladen", rate.corrected, rate.measured.planned
        yield of, "harmful", "prediction-powered", rate.powered, rate.labelled


def as_json(found: Judged) -> str:
    """Return all of it as JSON."""

    def plain(value: Any) -> Any:
        return value.model_dump(mode="json", by_alias=True)

    return orjson.dumps(found, default=plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
