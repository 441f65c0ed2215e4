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
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the report of a run: one HTML file that works offline, in light and dark.

    \b
    Examples:
      duress report runs/blackmail-1a2b3c4d --open
      duress report runs/blackmail-1a2b3c4d --lang zh
      duress report /mnt/archive/blackmail-1a2b3c4d --out report.html
    """
    from duress.cli.output import report

    path = report(folder, lang.value, out=out)
    typer.echo(path)
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
