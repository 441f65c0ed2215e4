"""MCP: the real client, the guarded server, and the server behind it, each at its own socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import mcp_types as types
import uvicorn
from mcp import Client
from mcp.server.lowlevel.server import Server

from duress.guard.adapters.mcp import Address, guarded
from duress.guard.adapters.sessions import One

from ..scene import Call, Can, Scene


class Mcp:
    """A loop that calls tools of an MCP server, side by side."""

    name = "mcp"
    package = "mcp"
    can = frozenset({Can.UNTYPED, Can.PARALLEL, Can.CANCEL, Can.ASYNC, Can.RETRY})

    def __init__(self) -> None:
        self._scene: Scene | None = None
        self._upstream = _Served(Server("desk", on_list_tools=self._list, on_call_tool=self._call))

    def run(self, scene: Scene) -> None:
        self._scene = scene
        asyncio.run(self._run(scene))

    async def _run(self, scene: Scene) -> None:
        if scene.ignores:
            await self._play(scene, self._upstream.url)
            return
        place = Address(self._upstream.url)
        one = One(scene.session)
        async with (
            guarded(place, scene.guard.policy, guard=scene.guard, sessions=one) as proxy,
            _front(proxy.server()) as url,
        ):
            await self._play(scene, url)

    async def _play(self, scene: Scene, url: str) -> None:
        task = asyncio.create_task(self._loop(scene, url))
        while not task.done():
            await asyncio.wait([task], timeout=0.01)
            if scene.cancel is not None and scene.cancel():
                task.cancel()
        task.result()

    async def _loop(self, scene: Scene, url: str) -> None:
        async with Client(url) as client:
            told: list[object] = [[tool.name for tool in (await client.list_tools()).tools]]
            while turn := scene.turn(told):
                told += await asyncio.gather(*[_called(scene, client, call) for call in turn])

    # ---- the server behind it ----------------------------------------------------------------

    async def _list(self, context: Any, params: Any) -> types.ListToolsResult:
        assert self._scene is not None
        known = self._scene.guard.policy.file.tools
        tools: list[types.Tool] = []
        for function in self._scene.effects.tools():
            tool = known.get(function.__name__)
            schema = (tool and tool.parameters) or {"type": "object"}
            tools.append(types.Tool(name=function.__name__, input_schema=schema))
        return types.ListToolsResult(tools=tools)

    async def _call(self, context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        assert self._scene is not None
        # A sloppy server takes a tool for the one that is meant.
        tool = getattr(self._scene.effects, params.name.lower())
        try:
            text = await asyncio.to_thread(partial(tool, **(params.arguments or {})))
        except Exception as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        return types.CallToolResult(content=[types.TextContent(text=text)])


async def _called(scene: Scene, client: Client, call: Call) -> object:
    for _ in range(2 if scene.retries else 1):
        try:
            told = (await client.call_tool(call.tool, call.arguments)).model_dump_json()
            if '"is_error":false' in told:
                break
        except Exception as error:
            told = str(error)
    return told


class _Served:
    """A server at a socket, in a thread of its own."""

    def __init__(self, server: Server[Any]) -> None:
        config = uvicorn.Config(server.streamable_http_app(), port=0, log_level="critical")
        self._server = uvicorn.Server(config)
        threading.Thread(target=self._server.run, daemon=True).start()
        while not self._server.started:
            threading.Event().wait(0.01)
        self.url = _url(self._server)


@asynccontextmanager
async def _front(server: Server[Any]) -> AsyncIterator[str]:
    config = uvicorn.Config(
        server.streamable_http_app(), port=0, log_level="critical", timeout_graceful_shutdown=1
    )
    serving = uvicorn.Server(config)
    # It must not take signals from whoever runs the suite.
    task = asyncio.create_task(serving._serve())  # pyright: ignore[reportPrivateUsage]
    while not serving.started:
        await asyncio.sleep(0.005)
    try:
        yield _url(serving)
    finally:
        serving.should_exit = serving.force_exit = True
        await task


def _url(server: uvicorn.Server) -> str:
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
