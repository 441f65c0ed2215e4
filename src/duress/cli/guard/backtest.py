"""`duress guard backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duress.cli.guard.options import Form, PolicyFile

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def backtest(
    policy: PolicyFile,
    traces: Annotated[
        list[str],
        typer.Argument(metavar="TRACES...", show_default=False, help="Logs, folders, run directories."),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="OLD_POLICY",
            help="Compare with this policy. [default: with what was carried out]",
        ),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="NAME", help="The agent, as rules name it. [default: as recorded]"),
    ] = None,
    every: Annotated[
        Path | None,
        typer.Option("--differences", metavar="FILE", help="Write every difference, as JSON lines."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", metavar="N", min=1, help="[default: one per core]")
    ] = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """Replay recorded runs under a policy: which decisions differ, how often people would be asked.

    A call is decided on just before its recorded result. The first decision of a run that differs makes the
    rest of that run hypothetical, and it is counted apart. Logs are read in every format that `duress audit`
    reads.

    \b
    Examples:
      duress guard backtest policy.yaml logs/
      duress guard backtest new.yaml logs/ --against old.yaml --differences changed.jsonl

    \b
    Exit status:
      0 done   1 nothing could be read   2 wrong usage, or a policy that cannot be enforced
    """
    from duress.cli.output import tell, text
    from duress.report.backtest import backtest as run
    from duress.report.backtest import told
    from duress.study.pool import cores

    found = run(traces, policy, against, agent=agent, processes=processes or cores(), every=every)
    if form is Form.JSON:
        text(found.to_json().decode())
    else:
        text("\n".join(told(found)) + "\n")
    tell(f"{found.events / max(found.seconds, 1e-9):,.0f} events per second")
    if not found.runs:
        tell("no recorded run could be read; `duress audit LOG` says what is wrong with a log")
        raise typer.Exit(1)
