"""`duress guard stop`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from duress.cli.guard.options import StateFolder
from duress.cli.guard.person import login

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Kind(StrEnum):
    """What a name means."""

    SESSION = "session"
    AGENT = "agent"


@app.command()
def stop(
    target: Annotated[str, typer.Argument(metavar="SESSION|AGENT|ALL", show_default=False)],
    state: StateFolder,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded, and the agent is told.")] = "",
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="What the name means, where it could be either.")
    ] = None,
) -> None:
    """Stop a session, an agent, or all. From now on no tool call passes.

    Waiting questions are denied, tokens of the agent are revoked, and a restart forgets nothing. A name that
    is not known is stopped both as a session and as an agent. Ends once no call can begin any more, about two
    seconds later at most, and names the calls that are running still.

    \b
    Examples:
      duress guard stop ALL --state guard --reason "it mails strangers"
      duress guard stop billing --state guard
    """
    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.keeper import KeeperError
    from duress.guard.stops import Scope

    with EmbeddedKeeper(state, create=False) as keeper:
        if target == "ALL":
            scopes = [Scope.ALL]
        elif kind is not None:
            scopes = [Scope(kind)]
        else:
            known = keeper.running.sessions(100_000)
            scopes = [Scope.SESSION] if any(one.id == target for one in known) else []
            scopes += [Scope.AGENT] if any(one.agent == target for one in known) else []
            scopes = scopes or [Scope.AGENT, Scope.SESSION]
        try:
            made = [keeper.stop(scope, target, person=login(), reason=reason) for scope in scopes]
        except KeeperError as error:
            raise KeeperError(f"{error}. It is not stopped: end its processes, then see to this") from error
    for one in made:
        typer.echo(str(one.stop))
    running = sorted({call for one in made for call in one.running}, key=lambda call: call.began)
    for call in running:
        typer.echo(f"still running: {call}")
    if not running:
        typer.echo("no call is running")
