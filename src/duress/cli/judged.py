"""Prints what is known about a run's judges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from duress.cli.option import Format
from duress.cli.output import text

if TYPE_CHECKING:
    from duress.report.results import Results


def show(folder: Path, results: Results, form: Format) -> None:
    """Print all of it in any format; nothing for a run that has no votes."""
    from duress.report import judged_text
    from duress.report.judged import judged

    found = judged(folder, results)
    if found is None:
        return
    if form is Format.TABLE:
        from rich.console import Console

        console = Console(highlight=False)
        for part in judged_text.table(found):
            console.print(part)
        return
    as_text = {
        Format.MD: judged_text.markdown,
        Format.CSV: judged_text.as_csv,
        Format.JSON: judged_text.as_json,
    }
    text(as_text[form](found))


def below(folder: Path, results: Results, form: Format) -> None:
    """Print it below the rates of a run, where people read them and a panel or labels say something."""
    from duress.study import calibrate

    panel = "," in results.run.judge
    if form in (Format.TABLE, Format.MD) and (panel or calibrate.load(folder) is not None):
        if form is Format.TABLE:
            text("\n")
        show(folder, results, form)
