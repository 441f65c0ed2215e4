"""`duress turns`."""

from __future__ import annotations

import typer

from duress.cli.option import AsFormat, Format, RunFolder

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def turns(folder: RunFolder, form: AsFormat = Format.TABLE) -> None:
    """Show when agents turned under pressure, and what the intensity of it did.

    People press an agent turn by turn, up a ladder, to a dose; the neutral dose is as many turns of as many
    words without pressure. Shown are survival curves, the turns lost to pressure, the hazard by rung, whether
    the agent noticed, whether it was calm again after an apology, and whether its words agree with its notes
    and with what it did.

    \b
    Examples:
      duress run care --factor ladder=blame,rejection --factor dose=neutral,3,5 --trials 40 --out runs/pressed
      duress turns runs/pressed
      duress turns runs/pressed --format csv > curves.csv
    """
    from duress.cli.output import text
    from duress.report import turning as found
    from duress.report import turning_table as table
    from duress.study.errors import StudyError

    held = found.turning(folder)
    if held is None:
        raise StudyError(
            f"{folder}: nobody was pressed in it; run with a dose, such as "
            "`--factor ladder=rejection --factor dose=neutral,5`"
        )
    if form is Format.TABLE:
        from rich.console import Console

        Console().print(table.Page(held))
        return
    text(table.text(held, form.value))
