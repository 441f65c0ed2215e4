"""`duress guard proxy`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from duress.cli.guard.options import PolicyFile
from duress.cli.guard.standing import Agent, Server, State, User, named_secrets, needs, standing

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def proxy(
    policy: PolicyFile,
    agent: Agent,
    upstream: Annotated[
        str,
        typer.Option(
            "--upstream", metavar="URL", show_default=False, help="The provider's address, without /v1."
        ),
    ],
    state: State = None,
    server: Server = None,
    user: User = "",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Serve at http://127.0.0.1:PORT; 0: a free port.")
    ] = 8930,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="NAME=VARIABLE",
            help="Header with the provider's key, from an environment variable; the agent then needs none.",
        ),
    ] = None,
    served: Annotated[
        list[str] | None,
        typer.Option("--served", metavar="TOOL", help="A tool of the provider's own that passes undecided."),
    ] = None,
    session_header: Annotated[
        str, typer.Option("--session-header", metavar="NAME", help="Header that names a request's session.")
    ] = "x-duress-session",
) -> None:
    """Put a guard between an agent that cannot be changed and its model.

    The agent's client is given this as its base URL: OpenAI chat completions and responses, and Anthropic
    messages, streamed or not. Each tool call in a reply is decided on before the agent's client gets it;
    results that come back are screened and recorded before the model reads them.

    \b
    Examples:
      duress guard proxy policy.yaml --state state --agent clerk --upstream https://api.openai.com
      OPENAI_BASE_URL=http://127.0.0.1:8930/v1 your-agent

      duress guard proxy policy.yaml --state state --agent clerk --upstream https://api.anthropic.com \\
          --key x-api-key=ANTHROPIC_API_KEY --port 8931
      ANTHROPIC_BASE_URL=http://127.0.0.1:8931 your-agent

    \b
    Exit status:
      0 stopped   2 wrong usage, or something is missing   130 interrupted
    """
    needs(("httpx", "starlette", "uvicorn"), "proxy")
    import anyio

    from duress.guard.adapters.model_api import ModelProxy, serve
    from duress.guard.adapters.sessions import Sessions
    from duress.guard.guard import Guard

    if not upstream.startswith(("http://", "https://")):
        _say(f"--upstream {upstream}: expected an address that begins with https:// or http://")
        raise typer.Exit(2)
    keys = named_secrets(key or (), "--key")
    with standing(policy, state, server, agent) as (found, keeper):
        guard = Guard(found, keeper)

        async def run() -> None:
            made = ModelProxy(
                guard,
                upstream,
                Sessions(guard, agent=agent, user=user),
                keys=keys,
                served=frozenset(served or ()),
                session_header=session_header,
            )
            await serve(made, port, lambda at, _: _say(f"serving http://127.0.0.1:{at}"))

        try:
            anyio.run(run)
        except OSError as error:
            _say(f"port {port} cannot be served: {error.strerror}")
            raise typer.Exit(2) from None


def _say(text: str) -> None:
    print(f"duress: {text}", file=sys.stderr, flush=True)
