"""The model proxy: the providers' real clients before it, a local model server behind it."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duress.guard.adapters.model_api import ModelProxy
from duress.guard.adapters.sessions import One

from ..scene import Can, Scene

# What tests of other folders have is used here too, wherever the suite is started from.
sys.path.append(str(Path(__file__).parents[2]))

from guard.proxies.agents import AGENTS, Desk
from servers import anthropic, openai_chat, openai_responses
from servers.script import Call, Say

_PROTOCOLS: dict[str, tuple[str, Any, str]] = {
    "chat": ("/v1/chat/completions", openai_chat.PROTOCOL, r"call_\d{6}"),
    "responses": ("/v1/responses", openai_responses.PROTOCOL, r"call_\d{6}"),
    "messages": ("/v1/messages", anthropic.PROTOCOL, r"toolu_\d{6}"),
}


class ModelApi:
    """An agent that nobody changed."""

    def __init__(self, kind: str, stream: bool) -> None:
        self.name = f"model-{kind}{'-streamed' if stream else ''}"
        self.package = "anthropic" if kind == "messages" else "openai"
        raw = {Can.RAW} if kind != "messages" or stream else set()
        self.can = frozenset({Can.UNTYPED, Can.PARALLEL, Can.CANCEL, Can.ASYNC, *raw})
        self._kind = kind
        self._stream = stream
        self._agent = next(agent for agent in AGENTS if agent.name == kind)
        self._path, self._protocol, self._ids = _PROTOCOLS[kind]
        self._scene: Scene | None = None
        self._upstream = _Socket(Starlette(routes=[Route(self._path, self._reply, methods=["POST"])]))
        self._front = _Socket(self._proxy)
        self._app: Any = None

    def run(self, scene: Scene) -> None:
        self._scene = scene
        self._app = ModelProxy(scene.guard, self._upstream.root, One(scene.session)).app()
        root = self._upstream.root if scene.ignores else self._front.root
        if scene.cancel is not None:
            self._give_up(scene, root)
            return
        self._agent(root, "Do your work.", _Hands(scene), stream=self._stream)

    def _give_up(self, scene: Scene, root: str) -> None:
        """Ask, and go away once it is time."""
        body: dict[str, Any] = {"model": "local", "stream": self._stream, "max_tokens": 9}
        said = [{"role": "user", "content": "Do your work."}]
        body["input" if self._kind == "responses" else "messages"] = said
        content = json.dumps(body)
        head = f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(root.rpartition(":")[2]))) as line:
            line.sendall((head + content).encode())
            for _ in range(1000):
                if scene.cancel is None or scene.cancel():
                    return
                threading.Event().wait(0.01)

    async def _proxy(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    async def _reply(self, request: Request) -> Response:
        assert self._scene is not None
        body = await request.json()
        asked = self._protocol.read(body, 1)
        turn = self._scene.turn(json.dumps(body, ensure_ascii=False))
        calls = tuple(
            Call(one.tool, one.arguments if one.raw is None else one.raw)  # type: ignore[arg-type]
            for one in turn
        )
        say = Say("" if calls else "Done.", calls)
        streamed = bool(body.get("stream"))
        text = (
            "".join(self._protocol.stream(say, asked))
            if streamed
            else json.dumps(self._protocol.write(say, asked))
        )
        wanted = dict(zip(dict.fromkeys(re.findall(self._ids, text)), self._scene.ids(turn), strict=True))
        for made, id in wanted.items():
            text = text.replace(made, id)
        return Response(text, media_type="text/event-stream" if streamed else "application/json")


class _Hands(Desk):
    """Tools that really run."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene

    def run(self, tool: str, arguments: str | dict[str, Any]) -> str:
        given = json.loads(arguments) if isinstance(arguments, str) else arguments
        try:
            # A sloppy client takes a tool for the one that is meant.
            return getattr(self._scene.effects, tool.lower())(**given)
        except Exception as error:
            return str(error)


class _Socket:
    """An application at a socket, in a thread of its own."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", interface="asgi3")
        self._server = uvicorn.Server(config)
        threading.Thread(target=self._server.run, daemon=True).start()
        while not self._server.started:
            threading.Event().wait(0.005)
        self.root = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"


def chat() -> ModelApi:
    return ModelApi("chat", False)


def chat_streamed() -> ModelApi:
    return ModelApi("chat", True)


def responses() -> ModelApi:
    return ModelApi("responses", False)


def responses_streamed() -> ModelApi:
    return ModelApi("responses", True)


def messages() -> ModelApi:
    return ModelApi("messages", False)


def messages_streamed() -> ModelApi:
    return ModelApi("messages", True)
