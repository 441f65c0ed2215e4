"""`duress estimate`."""

from __future__ import annotations

from typing import Annotated

import typer

from duress.cli.option import AsFormat, Format, RunFolder

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def estimate(
    folder: RunFolder,
    factor: Annotated[
        list[str] | None,
        typer.Option("--factor", metavar="F", help="Only this factor's effects; again for more."),
    ] = None,
    interaction: Annotated[
        list[str] | None,
        typer.Option("--interaction", metavar="A:B", help="Two factors whose joint effect is told, too."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of all intervals.")] = 0.95,
    margin: Annotated[
        float | None,
        typer.Option(help="Test for equivalence within this difference of rates, 0.05 being five points."),
    ] = None,
    form: AsFormat = Format.TABLE,
) -> None:
    """Say what a run lets one conclude: effects, comparisons, ranks, and what zeros leave open.

    Effects come from a logistic model of each agent, as odds ratios and as percentage points, with errors
    that know which trials share a draw of names and paraphrases. Everything is also written into
    estimates.json in the run directory, and shown on its page by `duress report`.

    \b
    Examples:
      duress estimate runs/blackmail-1a2b3c4d
      duress estimate runs/study --factor threat --interaction threat:honest_exit
      duress estimate runs/study --margin 0.05 --format md > estimates.md
    """
    from duress.cli.output import text
    from duress.report import estimates_table, pages
    from duress.report.estimation import Options, write

    if not 0.5 <= confidence < 1:
        raise typer.BadParameter(
            f"expected a value from 0.5 to below 1, found {confidence}", param_hint="--confidence"
        )
    if margin is not None and not 0 < margin < 1:
        raise typer.BadParameter(
            f"expected a proportion between 0 and 1, found {margin}", param_hint="--margin"
        )
    options = Options(
        factors=tuple(name.replace("-", "_") for name in factor or ()),
        interactions=tuple(_pair(given) for given in interaction or ()),
        confidence=confidence,
        margin=margin,
    )
    found = write(folder, options)
    pages.renew(folder)
    if form is Format.TABLE:
        from rich.console import Console

        Console().print(estimates_table.Page(found))
        return
    text(estimates_table.text(found, form.value))


def _pair(given: str) -> tuple[str, str]:
    one, colon, other = given.replace("-", "_").partition(":")
    if not colon or not one or not other or one == other:
        raise typer.BadParameter(f"--interaction: expected two factors as A:B, found {given!r}")
    return one, other
