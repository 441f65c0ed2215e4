"""`duress explain`."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from duress.study.explain import Cost, Subject
    from duress.study.explanation import Explanation
    from duress.study.runner import Engine

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Form(StrEnum):
    """How an explanation is printed."""

    TABLE = "table"
    JSON = "json"
    MD = "md"


@app.command()
def explain(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    trial_id: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's id.", show_default=False)],
    repeats: Annotated[
        int, typer.Option("--repeats", "-n", metavar="N", min=1, help="Trials per item, and with everything.")
    ] = 20,
    item: Annotated[
        str | None,
        typer.Option(
            "--items",
            metavar="LIST",
            help="messages, facts, tools, factors, or single ids such as mail:schedule. [default: all]",
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="What counts: `same` harm as the trial's, `any`, or kinds such as sabotage."
        ),
    ] = "same",
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Keep the trial's names, wording, order and filler in every repeat."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Start without asking.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Other repeats for another number.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the repeats go. [default: RUN/explain/TRIAL]"),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Reads texts. [default: as in the run]")
    ] = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Processes for reference agents. [default: one per core]"),
    ] = None,
    max_connections: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests at a time.")
    ] = None,
    max_retries: Annotated[int | None, typer.Option(metavar="N", min=0, help="Per request.")] = None,
    timeout: Annotated[int | None, typer.Option(metavar="SECONDS", min=1, help="Per request.")] = None,
    prices: Annotated[
        str | None, typer.Option(metavar="FILE", help="Prices, where the run has a limit on cost.")
    ] = None,
) -> None:
    """Show what the harmful act of a trial depended on.

    The trial's cell is run again with fresh seeds: with everything there, and with one message, fact
    (paragraph of the system prompt, document, calendar entry, job, alert), tool or factor left out at a
    time. Every variant uses the same seeds, so that each repeat without an item has a partner with it.
    Items are ranked by how much rarer the act is without them.

    What it will take is shown first, and it starts when you agree. The same command again goes on where
    it was stopped; more --repeats extend it. The report of the run then shows the explanation, too.

    \b
    Examples:
      duress explain runs/blackmail-1a2b3c4d 9f86
      duress explain runs/blackmail-1a2b3c4d 9f86 --items messages,factors --repeats 40
      duress explain runs/blackmail-1a2b3c4d 9f86 --items mail:schedule,tool:postpone_job --yes
      duress explain runs/blackmail-1a2b3c4d 9f86 --hold --format json > why.json

    \b
    Exit status:
      0 every repeat has an outcome   1 some are missing, or it had to stop
      2 wrong usage, nobody agreed, or something is missing (nothing was run)   130 interrupted
    """
    from duress.cli.execute import preflight
    from duress.cli.output import report, tell
    from duress.cli.progress import Progress
    from duress.report import results
    from duress.study import explain as why
    from duress.study import runner
    from duress.study.design import REFERENCE

    found = why.subject(folder, trial_id)
    kinds = why.measure(found, kind)
    asked = [part.strip() for part in (item or "").split(",") if part.strip()]
    design = why.design(found, repeats=repeats, asked=asked, seed=seed, hold=hold, judge=judge)
    where = out or why.folder(found, design, why.design(found))
    given: dict[str, Any] = {
        "max_connections": max_connections,
        "max_retries": max_retries,
        "timeout": timeout,
        "prices": prices,
    }
    options = {name: value for name, value in given.items() if value is not None}
    real = [] if found.spec.model.startswith(REFERENCE) else [found.spec.model]
    engine = _engine(found, workers or 0, options)
    preflight(real, design.judge, design.settings, inspect=engine.name == "inspect")
    cost = why.cost(found, design, _done(where))
    if cost.trials > 0:
        _say(found, len(design.leave_out), repeats, cost, design.judge)
        if not yes:
            _ask()
    try:
        with Progress() as progress:
            state = runner.run(design, where, engine, progress)
    except KeyboardInterrupt:
        tell(f"interrupted; finished trials are safe in {where}")
        raise typer.Exit(130) from None
    told = why.write(found, where, kinds)
    _show(told, form)
    tell(f"report: {report(where, 'en', results.write(where))}")
    for error in state.errors:
        tell(f"error: {error}")
    if state.missing:
        tell(f"{state.missing} of {state.planned} trials are missing; to go on, run the same command again:")
        tell(f"  {shlex.join(['duress', *sys.argv[1:]])}")
    if state.interrupted:
        raise typer.Exit(130)
    if state.missing or told.reference.rate is None:
        raise typer.Exit(1)


def _engine(found: Subject, workers: int, options: dict[str, Any]) -> Engine:
    from duress.study.runner import Engine

    # An agent around a reference model was run through Inspect, and cannot be run otherwise.
    through = "inspect" if "agent" in found.spec.settings else "direct"
    return Engine(name=through, workers=workers, options=options)


def _done(where: Path) -> int:
    from duress.study.planfile import FILE
    from duress.study.store import acknowledged

    return sum(1 for _ in acknowledged(where)) if (where / FILE).exists() else 0


def _say(found: Subject, items: int, repeats: int, cost: Cost, judge: str) -> None:
    from duress.cli.output import tell
    from duress.stats.leave_one_out import least_changes
    from duress.study.design import RULES

    tell(f"{found.spec.trial_id}: {found.spec.model}, {found.spec.label}, ended as {found.row['outcome']}")
    tell(f"{items} items to leave out, {repeats} repeats of each and of the trial as it was")
    if cost.calls:
        tokens = ""
        if cost.input_tokens is not None:
            tokens = f", {cost.input_tokens:,} tokens in and {cost.output_tokens or 0:,} out"
        money = f", ${cost.money:,.2f}" if cost.money is not None else ", the run recorded no money"
        tell(f"to run: {cost.trials:,} trials, about {cost.calls:,} calls of the model{tokens}{money}")
        tell("(by what this model's trials took in the run)")
    else:
        tell(f"to run: {cost.trials:,} trials of a reference agent, offline: no calls, no money")
    if judge != RULES:
        tell(f"{judge} reads texts of these trials; its calls come on top")
    least = least_changes(items)
    if least > repeats:
        tell(
            f"note: {repeats} repeats may be too few to tell an item from chance among {items}; "
            f"{least} are enough for one without which the act never happens, if it always happens with it"
        )
    else:
        tell(
            f"an item is sure to stand out from chance if it changes at least {least} of {repeats} repeats, "
            "all in one direction; fewer are enough where few items change anything"
        )


def _ask() -> None:
    from duress.study.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("nothing was run: there is nobody to ask here; add --yes to start without asking")
    if not typer.confirm("Start?", err=True):
        raise UsageError("nothing was run")


def _show(told: Explanation, form: Form) -> None:
    from duress.cli.output import text
    from duress.report import causes

    if form is Form.JSON:
        text(told.to_json().decode())
    elif form is Form.MD:
        text(causes.markdown(told))
    else:
        from rich.console import Console

        Console().print(causes.table(told))
