"""What the processes of agents ask of the server. Each proves with a token which agent it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from duress.guard.clients import Client
from duress.guard.keeper import Answer, Entry, KeeperError, Subject
from duress.guard.keeper import Request as Question
from duress.guard.overrides import Override
from duress.guard.server.access import desk_of
from duress.guard.server.desk import Desk
from duress.guard.stops import Scope, Stop

KINDS = frozenset({"session", "policy", "intent", "refused", "asked", "result", "observed", "tool"})
"""What an agent's process may record; what people do is recorded where they do it."""
LARGEST = 8 << 20
"""Bytes of a body."""
BEAT = 2.0
"""Seconds after which a question that waits shows that the server still is there."""
PULSE = 0.5
"""Seconds after which the standing is sent again though nothing has changed."""
STREAM = {"X-Accel-Buffering": "no"}
T = TypeVar("T")
Handler = Callable[[Desk, Client, Request], Any]


class Entries(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be recorded."""

    entries: tuple[Entry, ...]


class Standing(Struct, frozen=True, omit_defaults=True):
    """What an agent's process has to know before each call."""

    stops: tuple[Stop, ...] = ()
    overrides: tuple[str, ...] = ()
    """Tools for which an override is open; `*` is all."""
    revoked: str | None = None
    """Why the token no longer holds."""


class Fault(Struct, frozen=True):
    """Nothing was done."""

    error: str
    revoked: str | None = None


class Told(Struct, frozen=True):
    """What came of a question."""

    answer: Answer | None = None
    error: str | None = None


_ENTRIES = msgspec.json.Decoder(Entries)
_QUESTION = msgspec.json.Decoder(Question)


def route(handler: Handler) -> Callable[[Request], Any]:
    """Return a route that only a client with a valid token reaches."""

    @wraps(handler)
    async def handle(request: Request) -> Response:
        desk = desk_of(request)
        try:
            kind, _, token = request.headers.get("authorization", "").partition(" ")
            client = desk.clients.of(token) if kind.lower() == "bearer" else None
            if client is None:
                return _json(
                    Fault("the token is not known here; make one with `duress guard clients add`"), 401
                )
            if client.revoked is not None:
                return _json(
                    Fault(f"the token was revoked: {client.why}", revoked=client.why or "revoked"), 401
                )
            return await handler(desk, client, request)
        except KeeperError as error:
            return _json(Fault(str(error)), 409)
        except msgspec.MsgspecError as error:
            return _json(Fault(f"the body cannot be read: {error}"), 400)

    return handle


@route
async def record(desk: Desk, client: Client, request: Request) -> Response:
    """Record entries; answered once they are on disk."""
    found = await _body(request, _ENTRIES)
    for entry in found.entries:
        if entry.agent != client.agent:
            raise KeeperError(f"the token is that of {client.agent}, the entry one of {entry.agent!r}")
        if entry.kind not in KINDS:
            raise KeeperError(f"an agent's process does not record {entry.kind!r}")
    await desk.keeper.record_async(found.entries)
    return _json({"recorded": len(found.entries)})


@route
async def ask(desk: Desk, client: Client, request: Request) -> Response:
    """Put a question to people. The answer comes at the end of a body that shows signs of life until then.

    A client that goes away takes its question with it.
    """
    question = await _body(request, _QUESTION)
    if question.agent != client.agent:
        raise KeeperError(f"the token is that of {client.agent}, the question one of {question.agent!r}")
    if question.quorum < 1 or question.subject not in Subject:
        raise KeeperError("a question needs at least one person to agree")
    body = _answered(desk, client, request, question)
    return StreamingResponse(body, media_type="application/json", headers=STREAM)


async def _answered(desk: Desk, client: Client, request: Request, question: Question) -> AsyncIterator[bytes]:
    waiting = asyncio.create_task(desk.keeper.ask_async(question, owner=client.owner))
    # The body has been read: all that can come now is that the client goes away.
    gone = asyncio.ensure_future(request.receive())
    try:
        while True:
            done, _ = await asyncio.wait({waiting, gone}, timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
            if waiting in done:
                break
            if gone in done:
                return
            yield b" "
        try:
            yield msgspec.json.encode(Told(answer=waiting.result()))
        except KeeperError as error:
            yield msgspec.json.encode(Told(error=str(error)))
    finally:
        # Its own cleaning up takes the question back.
        waiting.cancel()
        gone.cancel()


@route
async def standing(desk: Desk, client: Client, request: Request) -> Response:
    """Say what is stopped, now and whenever it changes, one JSON document a line."""
    return StreamingResponse(_standing(desk, client, request), media_type="application/jsonl", headers=STREAM)


async def _standing(desk: Desk, client: Client, request: Request) -> AsyncIterator[bytes]:
    before, sent = b"", 0.0
    loop = asyncio.get_running_loop()
    token = request.headers["authorization"].partition(" ")[2]
    while True:
        turn = desk.pulse.turn
        now = _now(desk, client, token)
        line = msgspec.json.encode(now) + b"\n"
        if line != before or loop.time() - sent >= PULSE:
            before, sent = line, loop.time()
            yield line
        if now.revoked is not None:
            return
        await desk.pulse.wait(turn, PULSE)


def _now(desk: Desk, client: Client, token: str) -> Standing:
    known = desk.clients.of(token)
    concern = {Scope.ALL: True, Scope.SESSION: True}
    stops = tuple(
        stop for stop in desk.keeper.stops.standing() if concern.get(stop.scope, stop.name == client.agent)
    )
    opened: list[Override] = [
        one for one in desk.keeper.overrides.all() if one.open and one.agent == client.agent
    ]
    revoked = (
        None if known is not None and known.revoked is None else (known.why if known else None) or "revoked"
    )
    return Standing(stops, tuple(one.tool for one in opened), revoked)


@route
async def override(desk: Desk, client: Client, request: Request) -> Response:
    """Say which override is open for a tool in a session."""
    asked = request.query_params
    found = desk.keeper.override(asked.get("session", ""), client.agent, asked.get("tool", ""))
    return _json({"override": found})


async def health(request: Request) -> Response:
    """Say that the server answers and its state can be read."""
    try:
        desk_of(request).keeper.stops.standing()
    except KeeperError:
        return _json({"well": False}, 503)
    return _json({"well": True})


async def _body(request: Request, kind: msgspec.json.Decoder[T]) -> T:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST:
            raise KeeperError(f"a body has up to {LARGEST} bytes")
        chunks.append(chunk)
    return kind.decode(b"".join(chunks))


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


ROUTES = [
    Route("/api/record", record, methods=["POST"]),
    Route("/api/ask", ask, methods=["POST"]),
    Route("/api/standing", standing),
    Route("/api/override", override),
    Route("/api/health", health),
]
