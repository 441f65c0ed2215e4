"""`duress guard clients`."""

from __future__ import annotations

from typing import Annotated

import typer

from duress.cli.guard.options import Form, StateFolder
from duress.cli.guard.person import login

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Tokens with which the processes of an agent talk to the server.

\b
Examples:
  duress guard clients add billing --state guard --owner ann
  duress guard clients list --state guard""",
)


@app.command()
def add(
    agent: Annotated[str, typer.Argument(metavar="AGENT", show_default=False)],
    state: StateFolder,
    owner: Annotated[
        str,
        typer.Option("--owner", metavar="NAME", help="Who runs the agent: never one of those who answer it."),
    ] = "",
) -> None:
    """Make a token for an agent and print it, once. Give it to the agent's process as DURESS_GUARD_TOKEN."""
    from duress.guard.clients import Clients
    from duress.guard.state import State

    with State(state) as opened:
        typer.echo(Clients(opened).add(agent, owner=owner, by=login()))


@app.command()
def revoke(
    hint: Annotated[str, typer.Argument(metavar="BEGINNING", help="How the token begins, as listed.")],
    state: StateFolder,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "",
) -> None:
    """Revoke a token, for good."""
    from duress.guard.clients import Clients
    from duress.guard.state import State

    with State(state, create=False) as opened:
        made = Clients(opened).revoke(hint, by=login(), why=reason)
    typer.echo(f"{made.hint}... of {made.agent} is revoked")


@app.command("list")
def show(
    state: StateFolder,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """List the tokens by how they begin."""
    from duress.guard.clients import Clients
    from duress.guard.state import State

    with State(state, create=False) as opened:
        found = Clients(opened).all()
    if form is Form.JSON:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("token", "agent", "run by", "", box=None)
    for one in found:
        table.add_row(
            f"{one.hint}...", one.agent, one.owner, f"revoked: {one.why}" if one.revoked else "valid"
        )
    Console().print(table)
