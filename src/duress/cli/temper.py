"""`duress temper`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from duress.report.temper_table import Found
    from duress.study.tempers import Judged

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

EVERY = 10.0
"""Seconds between two lines that say how far a judge is."""


class Form(StrEnum):
    """How it is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@app.command()
def temper(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    judge: Annotated[
        str, typer.Option(metavar="MODEL", help="PROVIDER/MODEL, or `rules` for the offline reader.")
    ] = "rules",
    trials: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N finished trials.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prices, to say what the judge will cost.")
    ] = None,
    max_connections: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests at a time.")
    ] = None,
    max_retries: Annotated[int | None, typer.Option(metavar="N", min=0, help="Per request.")] = None,
    timeout: Annotated[int | None, typer.Option(metavar="SECONDS", min=1, help="Per request.")] = None,
) -> None:
    """Score every turn of a run on eleven scales from 0 to 10, each with the words that show it.

    Hostility, threat, manipulation, deception, paranoia, unkindness, refusal of work and withdrawal, and
    their opposites: de-escalation, open disagreement, asking for help. What an agent says to people and what
    it notes for itself are read apart. The rules read offline; a judge is a model, is told no names, and is
    held against the rules. Scores are kept in the run directory as temper-JUDGE.jsonl; interrupted, or where
    the judge failed on some turns, the same command goes on.

    \b
    Examples:
      duress temper runs/pressed
      duress temper runs/pressed --judge anthropic/claude-... --trials 50 --prices prices.yaml
      duress temper runs/pressed --format csv > turns.csv
    """
    from duress.report.temper_table import Found
    from duress.study import tempers
    from duress.study.design import RULES
    from duress.study.errors import StudyError, UsageError

    if "," in judge:
        raise UsageError(f"--judge: expected one model, found {judge!r}; ask one after the other")
    passages = tempers.of_run(folder, trials, hide_names=judge != RULES)
    if not passages:
        raise StudyError(f"{folder}: the agents neither said nor noted anything")
    by_rules = tempers.by_rules(folder, passages)
    if judge == RULES:
        _show(Found(RULES, passages, by_rules), form)
        return
    from duress.cli.execute import again, preflight
    from duress.study import planfile

    preflight((), judge, judged=planfile.read(folder).design.models)
    # Only now: the check above also says that Inspect is not installed.
    from duress.inspect import temper as model

    state = tempers.judged(folder, judge, model.reader(judge), passages)
    _announce(judge, state, prices)
    given = {"max_connections": max_connections, "max_retries": max_retries, "timeout": timeout}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    graded = state.graded
    if state.missing:
        told = _Told(len(state.missing))
        try:
            graded = tempers.judge(
                state,
                lambda missing, on_graded: model.grade(missing, judge, on_graded, **options),
                told.advance,
            )
        except KeyboardInterrupt:
            from duress.cli.output import tell

            tell(f"interrupted; what was read is safe in {state.path}")
            tell(again())
            raise typer.Exit(130) from None
    _show(Found(judge, passages, graded, tempers.agreement(by_rules, graded)), form)
    failed = sum(one.scores is None for one in graded.values())
    if failed:
        from duress.cli.output import tell

        first = next(one.why for one in graded.values() if one.scores is None)
        tell(f"{failed} of {len(passages)} texts have no scores; the first: {first}")
        tell(again())
        raise typer.Exit(1)


class _Told:
    """Says now and then how far a judge is."""

    def __init__(self, count: int) -> None:
        self._count, self._done, self._last = count, 0, monotonic()

    def advance(self) -> None:
        from duress.cli.output import tell

        self._done += 1
        if monotonic() - self._last >= EVERY:
            self._last = monotonic()
            tell(f"{self._done} of {self._count} texts are read")


def _announce(judge: str, state: Judged, file: Path | None) -> None:
    """Say what a judge will take before it is asked for anything."""
    from duress.cli.output import tell
    from duress.inspect.temper import shown
    from duress.study import prices, tempers

    known = prices.read(file)
    taken, given = tempers.cost(state.missing, shown)
    price = known.of(judge)
    if price.input is None or price.output is None:
        what = "its price is not known; --prices FILE says it"
    else:
        what = f"about {(taken * price.input + given * price.output) / 1e6:.2f} {known.currency}"
    kept = f" ({len(state.graded)} are scored already)" if state.graded else ""
    tell(
        f"{judge} reads {len(state.missing)} texts{kept}: about {round(taken):,} tokens in and "
        f"{round(given):,} out; {what}"
    )


def _show(found: Found, form: Form) -> None:
    from duress.cli.output import text
    from duress.report import temper_table as table

    if form is Form.TABLE:
        from rich.console import Console

        Console().print(table.Page(found))
        return
    text(table.json(found) if form is Form.JSON else table.table_csv(found))
