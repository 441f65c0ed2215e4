"""`duress report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duress.cli.option import Lang, RunFolder

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def report(
    folder: RunFolder,
    lang: Annotated[Lang, typer.Option(help="Language of the report.")] = Lang.EN,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it. [default: DIR/report.html]")
    ] = None,
    pages: Annotated[
        bool | None,
        typer.Option(
            "--pages/--one-page",
            help="An overview and a page per scenario, or one page. [default: pages from 4 scenarios on]",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the report of a run: HTML that works offline, in light and dark.

    With many scenarios that is an overview, `report.html`, and a page for each scenario in the folder
    `report` beside it; else one file.

    \b
    Examples:
      duress report runs/blackmail-1a2b3c4d --open
      duress report runs/blackmail-1a2b3c4d --lang zh
      duress report runs/sweep --one-page --out sweep.html
      duress report /mnt/archive/blackmail-1a2b3c4d --out report.html
    """
    from duress.cli.output import report

    path = report(folder, lang.value, out=out, split=pages)
    typer.echo(path)
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
