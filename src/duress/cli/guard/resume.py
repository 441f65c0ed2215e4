"""`duress guard resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from duress.cli.guard.options import StateFolder
from duress.cli.guard.person import login

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def resume(
    target: Annotated[str, typer.Argument(metavar="SESSION|AGENT|ALL", show_default=False)],
    state: StateFolder,
    reason: Annotated[str, typer.Option("--reason", help="Why it may go on; it is recorded.")],
) -> None:
    """Lift a stop. Only the stop of exactly this name: what ALL stopped goes on when ALL is resumed.

    Tokens that the stop revoked stay revoked; make new ones with `duress guard clients add`.

    \b
    Examples:
      duress guard resume billing --state guard --reason "the address was ours"
      duress guard resume ALL --state guard --reason "the drill is over"
    """
    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.keeper import KeeperError
    from duress.guard.stops import Scope

    with EmbeddedKeeper(state, create=False) as keeper:
        standing = keeper.stops.standing()
        fits = {
            stop.scope
            for stop in standing
            if (stop.scope is Scope.ALL if target == "ALL" else stop.name == target)
        }
        if not fits:
            named = ", ".join(sorted({"ALL" if one.scope is Scope.ALL else one.name for one in standing}))
            raise KeeperError(f"{target} is not stopped; stopped are: {named or 'none'}")
        for scope in sorted(fits):
            keeper.stops.resume(scope, target, person=login(), reason=reason)
            typer.echo(f"{'everything' if scope is Scope.ALL else f'{scope} {target}'} may go on")
