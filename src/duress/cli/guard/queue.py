"""`duress guard queue`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duress.cli.guard.options import StateFolder
from duress.cli.guard.person import As, reviewer

if TYPE_CHECKING:
    from duress.guard.question import Item

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
THROUGH = "terminal"
PERIOD = 0.25


@app.command()
def queue(
    state: StateFolder,
    request: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Show this question with all there is to know.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the questions as JSON and end.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the questions once and end.")] = False,
    name: As = None,
) -> None:
    """Show the questions that wait for people, live; press Ctrl-C and answer with `duress guard answer`.

    Whoever looks is recorded, as on the page.

    \b
    Examples:
      duress guard queue --state guard
      duress guard queue 9f86d081 --state guard
      duress guard answer 9f86d081 approve --state guard
    """
    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.votes import Votes

    with EmbeddedKeeper(state, create=False) as keeper:
        who = reviewer(keeper.state, name)
        votes = Votes(keeper.state)
        if request is not None:
            item = found(keeper, request)
            votes.see([item.request.id], who.name, THROUGH)
            if as_json:
                _json(item)
                return
            from rich.console import Console

            from duress.cli.guard.asked import batch_of, whole

            equal = batch_of(item, keeper.queue.waiting())
            Console(highlight=False).print(whole(item, len(equal)))
            return
        items = keeper.queue.waiting()
        votes.see([item.request.id for item in items], who.name, THROUGH)
        if as_json:
            _json(items)
        elif once or not sys.stdout.isatty():
            from rich.console import Console

            from duress.cli.guard.asked import overview

            Console(highlight=False).print(overview(items))
        else:
            _live(keeper, votes, who.name)


def found(keeper: Any, request: str) -> Item:
    """Return the question whose id begins so.

    Raises:
        KeeperError: none does, or several do.
    """
    from duress.guard.keeper import KeeperError

    exact = keeper.queue.item(request)
    if exact is not None:
        return exact
    fits = [item for item in keeper.queue.waiting() if item.request.id.startswith(request)]
    if len(fits) != 1:
        raise KeeperError(
            f"{len(fits) or 'no'} waiting questions begin with {request}; see `duress guard queue`"
        )
    return fits[0]


def _live(keeper: Any, votes: Any, name: str) -> None:
    from rich.console import Console
    from rich.live import Live

    from duress.cli.guard.asked import overview

    console = Console(highlight=False)
    with Live(console=console, screen=False, auto_refresh=False) as live:
        try:
            while True:
                items = keeper.queue.waiting()
                votes.see([item.request.id for item in items], name, THROUGH)
                live.update(overview(items), refresh=True)
                time.sleep(PERIOD)
        except KeyboardInterrupt:
            return


def _json(value: Any) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
