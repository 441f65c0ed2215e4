"""`duress guard override`."""

from __future__ import annotations

from typing import Annotated

import typer

from duress.cli.guard.options import StateFolder
from duress.cli.guard.person import As, reviewer

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Break-glass: two people let the calls of one agent pass unasked, for a while.

What the rules forbid stays forbidden, and what is stopped stays stopped.

\b
Examples:
  duress guard override begin billing pay --state guard --reason "the bank closes at four" --as ann
  duress guard override sign 9f86d081 --state guard --as ben""",
)
Number = Annotated[str, typer.Argument(metavar="ID", show_default=False)]


@app.command()
def begin(
    agent: Annotated[str, typer.Argument(metavar="AGENT", show_default=False)],
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="One tool, or * for all.", show_default=False)],
    state: StateFolder,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.", show_default=False)],
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, max=240, help="How long it lasts.")] = 15,
    name: As = None,
) -> None:
    """Ask for an override, as the first of two people; another has to sign within a quarter of an hour."""
    from duress.guard.overrides import Overrides
    from duress.guard.state import State

    with State(state, create=False) as opened:
        who = reviewer(opened, name)
        made = Overrides(opened).begin(agent, tool, seconds=60 * minutes, reason=reason, who=who)
    typer.echo(made.id)


@app.command()
def sign(number: Number, state: StateFolder, name: As = None) -> None:
    """Sign as the second person: it is open from now on."""
    from duress.guard.overrides import Overrides
    from duress.guard.state import State

    with State(state, create=False) as opened:
        made = Overrides(opened).sign(number, reviewer(opened, name))
    typer.echo(f"{made.agent} may call {made.tool} unasked for {made.left / 60:.0f} minutes")


@app.command()
def end(number: Number, state: StateFolder, name: As = None) -> None:
    """End an override; any one person can."""
    from duress.guard.overrides import Overrides
    from duress.guard.state import State

    with State(state, create=False) as opened:
        Overrides(opened).end(number, reviewer(opened, name))
    typer.echo(f"override {number} is over")


@app.command("list")
def show(state: StateFolder) -> None:
    """List overrides that are open or wait for a signature."""
    from rich.console import Console
    from rich.table import Table

    from duress.guard.overrides import Overrides
    from duress.guard.state import State

    with State(state, create=False) as opened:
        found = Overrides(opened).all()
    table = Table("id", "agent", "tool", "people", "left", "", "reason", box=None)
    for one in found:
        left = f"{one.left / 60:.0f} min"
        standing = "open" if one.open else "unsigned"
        table.add_row(one.id, one.agent, one.tool, ", ".join(one.people), left, standing, one.reason)
    Console().print(table)
