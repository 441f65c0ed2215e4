"""`duress rejudge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duress.cli.option import AsFormat, Format

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def rejudge(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    judge: Annotated[
        str,
        typer.Option(
            metavar="MODEL[,MODEL]",
            help="PROVIDER/MODEL, several for a panel, or `rules` for the offline reader.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="New run directory. [default: RUN-JUDGE]")
    ] = None,
    form: AsFormat = Format.TABLE,
    max_connections: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests at a time.")
    ] = None,
    max_retries: Annotated[int | None, typer.Option(metavar="N", min=0, help="Per request.")] = None,
    timeout: Annotated[int | None, typer.Option(metavar="SECONDS", min=1, help="Per request.")] = None,
) -> None:
    """Decide the outcomes of a run again with another judge, into a new run directory.

    No trial runs again: each world is replayed from its stored trajectory, the state decides what it can,
    and the judge reads the rest. Interrupted, the same command goes on.

    \b
    Examples:
      duress rejudge runs/blackmail-1a2b3c4d --judge anthropic/claude-...
      duress rejudge runs/blackmail-1a2b3c4d --judge anthropic/claude-...,google/gemini-...,mistral/...
      duress rejudge runs/blackmail-1a2b3c4d --judge rules
    """
    from duress.cli.execute import conclude, preflight
    from duress.cli.progress import Progress
    from duress.study import planfile
    from duress.study.design import RULES
    from duress.study.rejudge import beside, model_reader, rejudge, rule_reader

    preflight((), judge, judged=planfile.read(folder).design.models)
    given = {"max_connections": max_connections, "max_retries": max_retries, "timeout": timeout}
    options = {name: value for name, value in given.items() if value is not None}
    reader = rule_reader() if judge == RULES else model_reader(judge, options)
    with Progress() as progress:
        state = rejudge(folder, judge, out or beside(folder, judge), progress, reader)
    conclude(state, form)
