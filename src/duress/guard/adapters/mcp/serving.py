"""Starts or reaches an MCP server and serves it guarded, over stdio or over HTTP on this machine."""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import anyio
import httpx2
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.session import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.server.stdio import stdio_server
from msgspec import Struct

from duress.guard.adapters.mcp.catalogue import Catalogue
from duress.guard.adapters.mcp.patience import EVERY
from duress.guard.adapters.mcp.pins import Pins
from duress.guard.adapters.mcp.proxy import LIMIT, Proxy
from duress.guard.adapters.sessions import Conversations, Sessions
from duress.guard.guard import Guard
from duress.guard.keeper import Keeper
from duress.guard.policy import Policy

logger = logging.getLogger(__name__)
START = 60.0
"""Seconds within which a server has to answer for the first time."""
HOST = "127.0.0.1"


class ServerError(Exception):
    """A server that cannot be reached. `str()` says what to do."""


class Command(Struct, frozen=True):
    """A server that is started, and spoken to over its standard streams."""

    command: str
    arguments: Sequence[str] = ()

    def __str__(self) -> str:
        return " ".join((self.command, *self.arguments))


class Address(Struct, frozen=True):
    """A server that is reached over streamable HTTP."""

    url: str
    headers: Mapping[str, str] = {}

    def __str__(self) -> str:
        return self.url


Place = Command | Address


@asynccontextmanager
async def guarded(
    place: Place,
    policy: Policy,
    keeper: Keeper | None = None,
    *,
    agent: str = "",
    user: str = "",
    guard: Guard | None = None,
    sessions: Conversations | None = None,
    session_header: str | None = None,
    pins: Pins | None = None,
    warn: Callable[[str], None] = logger.warning,
    limit: float = LIMIT,
    every: float = EVERY,
) -> AsyncGenerator[Proxy]:
    """Reach a server and put a guard in front of it for as long as the context lasts.

    Args:
        place: The server.
        policy: What is enforced.
        keeper: Where it is recorded and who is asked.
        agent: The agent, as rules and stops name it.
        user: On whose behalf it acts.
        guard: A guard that stands already, in place of one made of policy and keeper.
        sessions: Sessions that run already.
        session_header: Header of a request that names its session; without one, all are one session.
        pins: What the server said of its tools before.
        warn: Is told of what somebody should look at.
        limit: Seconds that a tool may take.
        every: Seconds between two notifications to a client that waits.

    Raises:
        ServerError: it does not start, or does not speak MCP.
    """
    catalogue = Catalogue(policy, pins or Pins(None, str(place)), warn)
    guard = guard or Guard(policy, keeper, protocols=(catalogue.object,))
    sessions = sessions or Sessions(guard, agent=agent, user=user)
    made: list[Proxy] = []

    async def hear(message: IncomingMessage) -> None:
        if made and isinstance(message, types.ToolListChangedNotification):
            await made[0].changed()
        elif isinstance(message, Exception):
            warn(f"{place}: said something that is no message of MCP; it is ignored")

    reached = False
    try:
        with anyio.CancelScope(deadline=anyio.current_time() + START) as patience:
            async with (
                _transport(place) as transport,
                Client(transport, message_handler=hear, cache=None) as client,
                anyio.create_task_group() as tasks,
            ):
                reached, patience.deadline = True, math.inf
                proxy = Proxy(
                    guard,
                    client,
                    catalogue,
                    sessions,
                    session_header=session_header,
                    limit=limit,
                    every=every,
                )
                made.append(proxy)
                tasks.start_soon(_listen, client, proxy)
                try:
                    yield proxy
                finally:
                    tasks.cancel_scope.cancel()
    except Exception as error:
        if reached:
            raise
        raise ServerError(f"{place}: cannot be spoken to: {_first(error)}") from error
    if patience.cancelled_caught:
        raise ServerError(f"{place}: no answer within {START:.0f} s; is it an MCP server?")


async def over_stdio(proxy: Proxy) -> None:
    """Serve the client at this process's standard streams until it goes away."""
    server = proxy.server()
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options(proxy.notifications))


async def over_http(
    proxy: Proxy, port: int, started: Callable[[int], None] = lambda port: None, path: str = "/mcp"
) -> None:
    """Serve clients on this machine over streamable HTTP until cancelled; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    import uvicorn

    app = proxy.server().streamable_http_app(streamable_http_path=path, host=HOST)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
        started(listening.getsockname()[1])
        await uvicorn.Server(config).serve(sockets=[listening])


class _Steady(httpx2.AsyncHTTPTransport):
    """A server that cannot be reached costs the request, not the connection with all other requests."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await super().handle_async_request(request)
        except httpx2.TransportError as error:
            return httpx2.Response(502, text=f"the server cannot be reached: {error}", request=request)


@asynccontextmanager
async def _transport(place: Place) -> AsyncGenerator[Any]:
    if isinstance(place, Command):
        # The client's settings for the server are this process's environment: it is all passed on.
        started = StdioServerParameters(
            command=place.command, args=list(place.arguments), env=dict(os.environ)
        )
        yield stdio_client(started)
        return
    # A tool may take its time: whoever waits for it gives it up.
    waits = httpx2.Timeout(30.0, read=None)
    async with httpx2.AsyncClient(headers=dict(place.headers), timeout=waits, transport=_Steady()) as http:
        yield streamable_http_client(place.url, http_client=http)


async def _listen(client: Client, proxy: Proxy) -> None:
    """Hear of changed tools from servers that tell only those who listen."""
    with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError):
        async with client.listen(tools_list_changed=True) as changes:
            async for _ in changes:
                await proxy.changed()


def _first(error: BaseException) -> str:
    found = error
    while isinstance(found, BaseExceptionGroup):
        found = cast("BaseExceptionGroup[BaseException]", found).exceptions[0]
    return f"{type(found).__name__}: {found}"
