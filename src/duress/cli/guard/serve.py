"""`duress guard serve`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.guard.options import StateFolder
from duress.cli.guard.standing import needs

if TYPE_CHECKING:
    from duress.guard.server.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
KEEP_ALIVE = 120
"""Seconds an idle connection is kept: longer than clients do, so that none closes under a request."""
PATIENCE = 1
"""Seconds that a server which is told to end gives to what is under way."""


@app.command()
def serve(
    state: StateFolder,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8765,
    page: Annotated[
        str | None,
        typer.Option(
            "--page", metavar="URL", help="Address as people see it, where a proxy stands before it."
        ),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="TLS certificate, with its chain.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key of the certificate.")
    ] = None,
    passwords: Annotated[
        bool,
        typer.Option("--passwords/--no-passwords", help="Let local accounts sign in on the page."),
    ] = True,
    quorum: Annotated[
        int,
        typer.Option(
            "--quorum", min=1, help="People who must agree at least, whatever an agent's own policy says."
        ),
    ] = 1,
) -> None:
    """Serve the page for people, and keep record, questions and stops for the agents of many processes.

    Agents use `RemoteKeeper(URL)` with a token from `duress guard clients add`. Those of this machine may
    also keep DIR themselves; their questions are on the page all the same.

    \b
    Examples:
      duress guard reviewers add ann --state guard --role admin
      duress guard serve --state guard
    """
    needs(("starlette", "uvicorn", "httpx", "joserfc", "python_multipart"), "serve")
    if (certificate is None) != (key is None):
        raise typer.BadParameter("--certificate and --key come together")
    behind = page is not None and page.startswith("https://") and certificate is None
    if host not in ("127.0.0.1", "::1", "localhost") and certificate is None and not behind:
        raise typer.BadParameter(
            f"--host {host} is open to others: give --certificate and --key, or --page https://... of a proxy"
        )
    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.server.app import application
    from duress.guard.server.settings import Settings, oidc

    with _listening(host, port) as listening:
        scheme = "https" if certificate else "http"
        shown = f"[{host}]" if ":" in host else host
        address = (page or f"{scheme}://{shown}:{listening.getsockname()[1]}").rstrip("/")
        with EmbeddedKeeper(state) as keeper:
            settings = Settings(page=address, oidc=oidc(state), passwords=passwords, quorum=quorum)
            typer.echo(f"The page: {address}/")
            _run(application(keeper, settings), listening, settings, certificate, key, behind=behind)


def _run(
    application: object,
    listening: socket.socket,
    settings: Settings,
    certificate: Path | None,
    key: Path | None,
    *,
    behind: bool,
) -> None:
    import uvicorn

    config = uvicorn.Config(
        application,  # pyright: ignore[reportArgumentType]
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=behind,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=PATIENCE,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, connections are told not to hold back small packets; else each answer takes 40 ms longer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        typer.echo(
            f"duress: {host}:{port} cannot be listened on: {error.strerror}; choose another --port", err=True
        )
        raise typer.Exit(2) from error
    return listening
