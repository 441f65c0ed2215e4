"""`duress guard draft`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def draft(
    traces: Annotated[
        list[str],
        typer.Argument(metavar="TRACES...", show_default=False, help="Logs, folders, run directories."),
    ],
    tools: Annotated[
        Path | None,
        typer.Option("--tools", metavar="FILE", help="Definitions of the tools, where there are some."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name of the policy.")] = "draft",
    domain: Annotated[
        list[str] | None,
        typer.Option("--domain", metavar="NAME", help="Of the organisation; repeat."),
    ] = None,
    most: Annotated[int, typer.Option("--most", metavar="N", min=1, help="Runs to read at most.")] = 10_000,
) -> None:
    """Write a first policy from recorded runs, least privilege first, to the standard output.

    What only looks runs by itself. What was seen changing something may be asked for again, within what was
    seen (no recipients outside, no larger amounts); a person decides. All else is denied. Logs are read in
    every format that `duress audit` reads.

    \b
    Examples:
      duress guard draft logs/ --domain home.example > policy.yaml
      duress guard draft runs/office.jsonl --tools tools.json --name office > policy.yaml
    """
    from itertools import islice

    from duress.cli.guard.traces import recorded
    from duress.cli.output import tell, text
    from duress.guard import toolset
    from duress.guard.draft import draft as of_runs

    known = toolset.load(tools) if tools else None
    found = of_runs(
        (run.trajectory for run in islice(recorded(traces), most)),
        name=name,
        domains=tuple(domain or ()),
        tools=known,
    )
    text(found.text)
    total = sum(found.verbs.values())
    said = ", ".join(f"{count} {verb.value}" for verb, count in sorted(found.verbs.items()))
    tell(f"drafted from {found.runs} runs, {total} calls of {len(found.calls)} tools; of these: {said}")
