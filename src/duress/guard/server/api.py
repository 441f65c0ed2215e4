"""What the processes of agents ask of the server. Each proves with a token which agent it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs
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
from duress.guard.underway import LEASE, over

KINDS = frozenset({"session", "policy", "intent", "refused", "asked", "result", "observed", "tool"})
"""What an agent's process may record; what people do is recorded where they do it."""
LARGEST = 8 << 20
"""Bytes of a body."""
BEAT = 2.0
"""Seconds after which a question that waits shows that the server still is there."""
PULSE = 0.5
"""Seconds after which the standing is told though nothing has changed."""
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
    latest: int = 0
    """Number of the latest stop of all."""


class Hearing(Struct, frozen=True, forbid_unknown_fields=True):
    """What a client knows of the standing."""

    name: str
    """Which client it is, among those with its token."""
    heard: int = 0
    """`latest` of the standing that it goes by."""
    known: str = ""
    """SHA-256 of that standing, as it came; empty: none."""
    over: bool = False
    """It lets nothing through any more: it has ended, or knows that its token is revoked."""


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
_HEARING = msgspec.json.Decoder(Hearing)


def route(*, revoked: bool = False) -> Callable[[Handler], Callable[[Request], Any]]:
    """Return a decorator for handlers that only clients with a valid token reach, or with a `revoked` one."""

    def decorate(handler: Handler) -> Callable[[Request], Any]:
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
                if client.revoked is not None and not revoked:
                    return _dead(client)
                return await handler(desk, client, request)
            except KeeperError as error:
                return _json(Fault(str(error)), 409)
            except msgspec.MsgspecError as error:
                return _json(Fault(f"the body cannot be read: {error}"), 400)

        return handle

    return decorate


def _dead(client: Client) -> Response:
    return _json(Fault(f"the token was revoked: {client.why}", revoked=client.why or "revoked"), 401)


@route(revoked=True)
async def record(desk: Desk, client: Client, request: Request) -> Response:
    """Record entries; answered once they are on disk.

    A token that a stop has revoked still tells what became of the calls that were let through before.
    """
    found = await _body(request, _ENTRIES)
    ends = all(over(entry) and desk.keeper.underway.has(entry) for entry in found.entries)
    if client.revoked is not None and not (found.entries and ends):
        return _dead(client)
    for entry in found.entries:
        if entry.agent != client.agent:
            raise KeeperError(f"the token is that of {client.agent}, the entry one of {entry.agent!r}")
        if entry.kind not in KINDS:
            raise KeeperError(f"an agent's process does not record {entry.kind!r}")
    await desk.keeper.record_async(found.entries)
    return _json({"recorded": len(found.entries)})


@route()
async def ask(desk: Desk, client: Client, request: Request) -> Response:
    """Put a question to people. The answer comes at the end of a body that shows signs of life until then.

    A client that goes away takes its question with it.
    """
    question = await _body(request, _QUESTION)
    if question.agent != client.agent:
        raise KeeperError(f"the token is that of {client.agent}, the question one of {question.agent!r}")
    if question.quorum < 1 or question.subject not in Subject:
        raise KeeperError("a question needs at least one person to agree")
    # Its policy is the agent's own; how many people must agree is not left to it alone.
    question = structs.replace(question, quorum=max(question.quorum, desk.settings.quorum))
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


@route(revoked=True)
async def standing(desk: Desk, client: Client, request: Request) -> Response:
    """Say what is stopped: at once if the client does not know it, else when it changes or after a while.

    From when a client asks it may go by what it is told for the time of a lease, and by nothing else. Until
    that is over or it says that it has heard of a stop, whoever stops waits.
    """
    hearing = await _body(request, _HEARING)
    if len(hearing.name) > 64:
        raise KeeperError("a client has a name of up to 64 characters")
    place = f"{client.hint} {hearing.name}"
    if hearing.over or client.revoked is not None:
        if hearing.over:
            desk.keeper.underway.forget(place)
        return _dead(client) if client.revoked is not None else _json(Standing())
    loop = asyncio.get_running_loop()
    end = loop.time() + PULSE
    # First of all: a stop that is made from now on waits for this client.
    desk.keeper.underway.lease(place, client.agent, hearing.heard, desk.state.now().run + LEASE)
    token = request.headers["authorization"].partition(" ")[2]
    while True:
        turn = desk.pulse.turn
        now = msgspec.json.encode(_now(desk, client, token))
        left = end - loop.time()
        if left <= 0 or sha256(now).hexdigest() != hearing.known:
            return Response(now, media_type="application/json")
        await desk.pulse.wait(turn, left)


def _now(desk: Desk, client: Client, token: str) -> Standing:
    known = desk.clients.of(token)
    latest = desk.keeper.stops.latest()
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
    return Standing(stops, tuple(one.tool for one in opened), revoked, latest)


@route()
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
    Route("/api/standing", standing, methods=["POST"]),
    Route("/api/override", override),
    Route("/api/health", health),
]
