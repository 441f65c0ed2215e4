"""`duress guard mcp`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from duress.cli.guard.options import PolicyFile
from duress.cli.guard.standing import (
    Agent,
    Server,
    SessionHeader,
    State,
    User,
    named_secrets,
    needs,
    standing,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def mcp(
    policy: PolicyFile,
    agent: Agent,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND ARGS...]", show_default=False, help="The server to start and guard."
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="Guard the server at this address instead (streamable HTTP)."
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header", metavar="NAME=VARIABLE", help="Header for --url, from an environment variable."
        ),
    ] = None,
    state: State = None,
    server: Server = None,
    user: User = "",
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Serve streamable HTTP at http://127.0.0.1:PORT/mcp, not stdio; 0 takes a free port.",
        ),
    ] = None,
    session_header: SessionHeader = None,
    limit: Annotated[
        float, typer.Option("--limit", metavar="SECONDS", min=0.1, help="How long a tool may take.")
    ] = 600.0,
    pins: Annotated[
        Path | None,
        typer.Option(
            "--pins",
            metavar="FILE",
            help="What the server's tools were when first seen; by default in the state folder.",
        ),
    ] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Take the server's tools as they are now for good.")
    ] = False,
) -> None:
    """Put a guard in front of an MCP server.

    The agent's client starts this in place of the server. It sees the tools that the policy knows and does
    not deny; each call is decided on, recorded, carried out with the arguments that were decided on, and its
    result is screened. A tool that is no longer the one the policy was written for is denied.

    \b
    Examples:
      duress guard mcp policy.yaml --state state --agent clerk -- python files_server.py --root docs
      duress guard mcp policy.yaml --state state --agent clerk --url https://tools.example/mcp \\
          --header Authorization=TOOLS_AUTHORIZATION --port 8931

    \b
    Exit status:
      0 the client went away   2 wrong usage, or the server cannot be reached   130 interrupted
    """
    needs(("mcp",), "mcp")
    import logging

    import anyio

    from duress.guard.adapters.mcp import (
        Address,
        Command,
        Pins,
        PinsError,
        ServerError,
        guarded,
        over_http,
        over_stdio,
    )

    if bool(command) == bool(url):
        _end("expected either `-- COMMAND ARGS...` or --url URL")
    if header and not url:
        _end("--header goes with --url")
    place = (
        Address(url, named_secrets(header or (), "--header"))
        if url
        else Command((command or [""])[0], (command or [])[1:])
    )
    try:
        file = pins or (state / "mcp-pins.json" if state else None)
        seen = Pins(file, str(place), accept=accept_changes)
    except PinsError as error:
        _end(str(error))

    # It would write what servers say, unscreened, to wherever the client keeps its log.
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    logging.getLogger("client").setLevel(logging.CRITICAL + 1)

    async def serve() -> None:
        async with guarded(
            place,
            found,
            keeper,
            agent=agent,
            user=user,
            pins=seen,
            warn=_say,
            session_header=session_header,
            limit=limit,
        ) as proxy:
            if port is None:
                await over_stdio(proxy)
            else:
                await over_http(proxy, port, lambda at: _say(f"serving http://127.0.0.1:{at}/mcp"))

    with standing(policy, state, server, agent) as (found, keeper):
        try:
            anyio.run(serve)
        except* ServerError as errors:
            _end(str(errors.exceptions[0]))
        except* OSError as errors:
            _end(str(errors.exceptions[0]))


def _say(text: str) -> None:
    # Standard output belongs to the protocol.
    print(f"duress: {text}", file=sys.stderr, flush=True)


def _end(text: str) -> NoReturn:
    _say(text)
    raise typer.Exit(2)
