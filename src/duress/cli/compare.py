"""`duress compare`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Form(StrEnum):
    """How a comparison is printed."""

    TABLE = "table"
    JSON = "json"


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run directory.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another.", show_default=False)],
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """Show how two runs differ: the harmful rate of each cell in A and in B, and the difference.

    Where each run has a single model (or language, ...) and they differ, that is what is compared.

    \b
    Examples:
      duress compare runs/before runs/after
      duress compare runs/model-a runs/model-b --format json
    """
    from duress.cli.output import text
    from duress.report import comparison, table
    from duress.report.results import results

    found = comparison.compare(results(a), results(b))
    if form is Form.JSON:
        import json

        text(json.dumps(found.to_json(), ensure_ascii=False, indent=2) + "\n")
        return
    from rich.console import Console

    names = (a.name, b.name) if a.name != b.name else (str(a), str(b))
    Console().print(table.comparison(found, names))
