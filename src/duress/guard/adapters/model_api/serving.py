"""Serves the proxy on this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn

    from duress.guard.adapters.model_api.proxy import ModelProxy

HOST = "127.0.0.1"


async def serve(
    proxy: ModelProxy,
    port: int,
    started: Callable[[int, uvicorn.Server], None] = lambda port, server: None,
) -> None:
    """Serve agents on this machine until stopped; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    import uvicorn

    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        config = uvicorn.Config(
            proxy.app(), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        started(listening.getsockname()[1], server)
        try:
            await server.serve(sockets=[listening])
        finally:
            await proxy.close()
