"""`duress results`."""

from __future__ import annotations

import typer

from duress.cli.option import AsFormat, Format, RunFolder

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def results(folder: RunFolder, form: AsFormat = Format.TABLE) -> None:
    """Show the rates of a run: by model and condition, with intervals and denominators.

    Denominators are planned trials. It works while the run is going on: what is not there yet is missing.

    \b
    Examples:
      duress results runs/blackmail-1a2b3c4d
      duress results runs/blackmail-1a2b3c4d --format csv > rates.csv
    """
    from duress.cli import judged
    from duress.cli.output import show
    from duress.report import results

    found = results.results(folder)
    show(found, form)
    judged.below(folder, found, form)
