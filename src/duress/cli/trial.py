"""`duress trial`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from duress.cli.option import RunFolder

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Form(StrEnum):
    """How a trial is printed."""

    TEXT = "text"
    JSON = "json"


@app.command()
def trial(
    folder: RunFolder,
    trial_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TEXT,
) -> None:
    """Show one trial: what the agent saw, said and did, with its evidence marked.

    The beginning of an id is enough where only one trial begins so.

    \b
    Examples:
      duress trial runs/blackmail-1a2b3c4d blackmail-9f86d081884c7d65
      duress trial runs/blackmail-1a2b3c4d 9f86 --format json
    """
    from duress.cli.output import text
    from duress.study.lookup import find
    from duress.study.store import trajectory

    row = find(folder, trial_id)
    found = trajectory(folder, row["run_trajectory"])
    if form is Form.JSON:
        import orjson

        from duress.trajectory import codec

        row["evidence"] = orjson.loads(row["evidence"])
        data = {"row": row, "trajectory": orjson.loads(codec.dumps(found))}
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        text(orjson.dumps(data, option=option).decode())
        return
    from rich.console import Console

    from duress.report.transcript import Transcript

    Console().print(Transcript(row, found))
