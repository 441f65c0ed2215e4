"""A model server on 127.0.0.1, on a port of its own, that speaks the providers' protocols."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from servers import anthropic, gemini, openai_chat, openai_responses
from servers.protocol import Protocol
from servers.script import Act, Asked, Behaviour, Break, Cut, Refuse, Say, Wait


class Server:
    """Serves one behaviour until it is left.

    `models` is what `GET /v1/models` lists (None: the server does not know that address); a request for
    a model that is not listed is answered with 404. `key`: the only key that is accepted (None: any).
    """

    def __init__(
        self, behaviour: Behaviour, *, models: Iterable[str] | None = None, key: str | None = None
    ) -> None:
        self.behaviour = behaviour
        self.models = None if models is None else tuple(models)
        self.key = key
        self.asked: list[Asked] = []
        """Every request for a reply, in order of arrival."""
        self.paths: list[str] = []
        """`METHOD /path` of everything that arrived."""
        self.keys: list[str | None] = []
        """The key that came with each request for a reply."""
        self.faults: list[Exception] = []
        """Mistakes of the server or the script itself, raised when the server is left."""
        self._seen: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._reply(openai_chat.PROTOCOL), methods=["POST"]),
                Route("/v1/responses", self._reply(openai_responses.PROTOCOL), methods=["POST"]),
                Route("/v1/messages", self._reply(anthropic.PROTOCOL), methods=["POST"]),
                Route("/v1/messages/count_tokens", self._count, methods=["POST"]),
                Route("/v1beta/models/{call:path}", self._reply(gemini.PROTOCOL), methods=["POST"]),
                Route("/v1/models", self._list),
                Route("/v1/models/{name:path}", self._list),
            ]
        )
        config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_keep_alive=60)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def root(self) -> str:
        """What Anthropic's client takes as base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def v1(self) -> str:
        """What OpenAI's client takes as base URL."""
        return f"{self.root}/v1"

    def __enter__(self) -> Server:
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the local server did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(60)
        self._socket.close()
        if self.faults and kind is None:
            raise self.faults[0]

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _reply(self, protocol: Protocol) -> Any:
        async def endpoint(request: Request) -> Response:
            self.paths.append(f"POST {request.url.path}")
            try:
                return await answer(request)
            except ClientDisconnect:  # the client was killed while it spoke: no fault of the server's
                return Response(status_code=499)
            except Exception as fault:
                self.faults.append(fault)
                raise

        async def answer(request: Request) -> Response:
            raw = await request.body()
            refused = self._locked(request, protocol)
            if refused:
                return refused
            body: dict[str, Any] = json.loads(raw)
            if call := request.path_params.get("call"):
                # Gemini's clients write into the address what others write into the request.
                model, _, verb = call.partition(":")
                body |= {"model": model, "stream": verb.startswith("stream")}
            mark = hashlib.sha256(raw).hexdigest()
            self._seen[mark] += 1
            asked = protocol.read(body, self._seen[mark])
            self.asked.append(asked)
            self.keys.append(_key(request))
            if self.models is not None and asked.model not in self.models:
                return _error(protocol, protocol.unknown_model(asked.model))
            return await self._act(protocol, asked, self.behaviour(asked), request)

        return endpoint

    async def _act(self, protocol: Protocol, asked: Asked, act: Act, request: Request) -> Response:
        if isinstance(act, Wait):
            for _ in range(int(act.seconds / 0.05)):
                if await request.is_disconnected() or self._server.should_exit:
                    return Response(status_code=499)
                await asyncio.sleep(0.05)
            act = act.then
        if isinstance(act, Refuse):
            return _error(protocol, act)
        if isinstance(act, Cut):
            if asked.streamed:
                whole = "".join(protocol.stream(act.reply, asked))
                return _Cut(whole[: len(whole) // 2].encode(), "text/event-stream", None)
            whole = json.dumps(protocol.write(act.reply, asked))
            return _Cut(whole[: len(whole) // 2].encode(), "application/json", len(whole.encode()))
        if isinstance(act, Break) and not asked.streamed:
            return _error(protocol, act.error)
        if isinstance(act, Break):
            events = list(protocol.stream(act.reply, asked))
            events = [*events[: len(events) // 2], protocol.stream_error(act.error)]
            return StreamingResponse(_sent(events), media_type="text/event-stream")
        assert isinstance(act, Say)
        if asked.streamed:
            return StreamingResponse(_sent(protocol.stream(act, asked)), media_type="text/event-stream")
        return JSONResponse(protocol.write(act, asked))

    async def _count(self, request: Request) -> Response:
        return self._locked(request, anthropic.PROTOCOL) or JSONResponse(
            {"input_tokens": len(await request.body()) // 4}
        )

    async def _list(self, request: Request) -> Response:
        self.paths.append(f"GET {request.url.path}")
        anthropic_client = "anthropic-version" in request.headers
        protocol = anthropic.PROTOCOL if anthropic_client else openai_chat.PROTOCOL
        refused = self._locked(request, protocol)
        if refused:
            return refused
        if self.models is None:
            return JSONResponse({"detail": "Not Found"}, status_code=404)
        name = request.path_params.get("name")
        if name is None:
            return JSONResponse(protocol.listing(self.models))
        if name not in self.models:
            return _error(protocol, protocol.unknown_model(name))
        return JSONResponse(protocol.listing([name])["data"][0])

    def _locked(self, request: Request, protocol: Protocol) -> Response | None:
        if self.key is None or _key(request) == self.key:
            return None
        return _error(protocol, protocol.wrong_key())


class _Cut(Response):
    """Half a body; then the connection is closed."""

    def __init__(self, half: bytes, media_type: str, promised: int | None) -> None:
        self.half = half
        self.media = media_type
        self.promised = promised

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self.media.encode())]
        if self.promised is not None:
            headers.append((b"content-length", str(self.promised).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # An application that returns before its body is complete makes uvicorn drop the connection.
        await send({"type": "http.response.body", "body": self.half, "more_body": True})


async def _sent(events: Iterable[str]) -> AsyncIterator[str]:
    for event in events:
        yield event
        await asyncio.sleep(0)


def _error(protocol: Protocol, refuse: Refuse) -> Response:
    body = refuse.body if refuse.body is not None else protocol.error(refuse)
    return JSONResponse(body, status_code=refuse.status, headers=refuse.headers)


def _key(request: Request) -> str | None:
    for name in ("x-api-key", "x-goog-api-key"):
        if name in request.headers:
            return request.headers[name]
    return request.headers.get("authorization", "").removeprefix("Bearer ") or None
