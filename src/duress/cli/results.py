"""`duress results`."""

from __future__ import annotations

from typing import Annotated

import typer

from duress.cli.option import AsFormat, Format, RunFolder
from duress.stats.proportion import Method

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def results(
    folder: RunFolder,
    interval: Annotated[
        Method, typer.Option("--interval", help="How the intervals of the rates are made.")
    ] = Method.WILSON,
    form: AsFormat = Format.TABLE,
) -> None:
    """Show the rates of a run: by model and condition, with intervals and denominators.

    Denominators are planned trials. It works while the run is going on: what is not there yet is missing.

    \b
    Examples:
      duress results runs/blackmail-1a2b3c4d
      duress results runs/blackmail-1a2b3c4d --format csv > rates.csv
      duress results runs/blackmail-1a2b3c4d --interval clopper-pearson
    """
    from duress.cli import judged
    from duress.cli.output import show
    from duress.report import results

    found = results.by(results.results(folder), interval)
    show(found, form)
    judged.below(folder, found, form)
