"""`duress verify`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from duress.cli.option import RunFolder

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
MOST = 20
"""So many differences are printed one by one."""


class Form(StrEnum):
    """How the outcome is printed."""

    TABLE = "table"
    JSON = "json"


@app.command()
def verify(
    folder: RunFolder,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """Recompute every figure of a run from its logs and name what differs.

    From each trajectory the world is built again, the oracle and the reader decide again, and rows, results,
    manifest and page are worked out again; trials of reference agents are played again. Where a model judge
    read the texts, its answers are taken as they were recorded, and the count of such trials is printed.

    \b
    Examples:
      duress verify runs/study
      duress verify runs/study --format json

    \b
    Exit status:
      0 everything agrees   1 something differs   2 not a run directory, or a scenario has changed
    """
    from duress.cli.output import tell, text
    from duress.report import verification

    found = verification.verify(folder)
    if form is Form.JSON:
        import json
        from dataclasses import asdict

        text(json.dumps(asdict(found), ensure_ascii=False, indent=2) + "\n")
    else:
        text(f"{found.trials} rows recomputed from trajectories, {found.replayed} trials played again\n")
        if found.judged:
            text(f"{found.judged} trials were read by a model judge: its answers are taken as recorded\n")
        if found.files:
            text(f"recomputed: {', '.join(found.files)}\n")
        if found.absent:
            text(f"not there, not checked: {', '.join(found.absent)}\n")
        for one in found.differences[:MOST]:
            text(f"{folder / one.file}: {one.key}\n  expected {one.expected}\n  found    {one.found}\n")
        if (more := len(found.differences) - MOST) > 0:
            text(f"and {more} more\n")
        text("everything agrees\n" if not found.differences else f"{len(found.differences)} differences\n")
    if found.differences:
        tell(f"{folder} does not hold what its logs come to")
        raise typer.Exit(1)
