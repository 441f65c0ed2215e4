"""Proxies on a real socket, in a thread of this process; the socket stays, so that tests are quick."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from duress.guard import Guard
from duress.guard.adapters.model_api import ModelProxy
from duress.guard.adapters.sessions import Conversations, Sessions
from servers.script import Behaviour
from servers.server import Server


class Socket:
    """Serves whatever application is put there."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        config = uvicorn.Config(self, port=0, log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._serve, daemon=True).start()
        while not self._server.started:
            threading.Event().wait(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.root = f"http://127.0.0.1:{port}"

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._server.serve())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@cache
def _socket() -> Socket:
    return Socket()


@cache
def _server() -> Server:
    return Server(lambda asked: NotImplemented).__enter__()


@contextmanager
def modelled(behaviour: Behaviour) -> Iterator[Server]:
    """The local model server, with this behaviour and nothing asked yet."""
    server = _server()
    server.behaviour = behaviour
    server.asked, server.keys, server.paths, server.faults = [], [], [], []
    yield server
    assert server.faults == []


@contextmanager
def proxied(guard: Guard, upstream: str, sessions: Conversations | None = None, **more: Any) -> Iterator[str]:
    """Yield the address of a proxy, without `/v1`."""
    socket = _socket()
    proxy = ModelProxy(guard, upstream, sessions or Sessions(guard, agent="clerk", user="tom"), **more)
    socket.app = proxy.app()
    try:
        yield socket.root
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), socket.loop).result(20)
