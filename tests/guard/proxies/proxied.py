"""The proxy in a thread of this process, on a real socket, in front of a local model server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from duress.guard import Guard
from duress.guard.adapters.model_api import ModelProxy, serve
from duress.guard.adapters.sessions import Conversations, Sessions


@contextmanager
def proxied(guard: Guard, upstream: str, sessions: Conversations | None = None, **more: Any) -> Iterator[str]:
    """Yield the proxy's address, without `/v1`."""
    ready = threading.Event()
    at: list[Any] = []

    def started(port: int, server: Any) -> None:
        at.extend((port, server))
        ready.set()

    async def run() -> None:
        proxy = ModelProxy(guard, upstream, sessions or Sessions(guard, agent="clerk", user="tom"), **more)
        await serve(proxy, 0, started)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(30)
    while not at[1].started:
        assert thread.is_alive()
        ready.wait(0.005)
        threading.Event().wait(0.005)
    try:
        yield f"http://127.0.0.1:{at[0]}"
    finally:
        at[1].should_exit = True
        thread.join(15)
