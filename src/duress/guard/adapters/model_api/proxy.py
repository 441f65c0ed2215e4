"""Stands between an agent that cannot be changed and its model: calls in replies pass the guard first."""

from __future__ import annotations

import logging
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from json import dumps
from typing import Any, cast

import anyio
import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from duress.guard.adapters.covered import covered
from duress.guard.adapters.model_api import events
from duress.guard.adapters.model_api.chat import Chat
from duress.guard.adapters.model_api.messages import Messages
from duress.guard.adapters.model_api.responses import Responses
from duress.guard.adapters.model_api.talk import Talk, Talks
from duress.guard.adapters.model_api.wire import (
    Asked,
    Assembly,
    Body,
    Event,
    Format,
    Place,
    UnreadableError,
    Verdict,
    Verdicts,
    parsed,
)
from duress.guard.adapters.sessions import Conversations
from duress.guard.decision import Ruling
from duress.guard.guard import Guard
from duress.guard.policy import Mode
from duress.trajectory import Message, Role

logger = logging.getLogger(__name__)
MOST_BYTES = 64 * 2**20
"""The largest request or reply that is read."""
EVERY = 10.0
"""Seconds between two signs of life to a client that waits for a streamed reply."""
SESSION_HEADER = "x-duress-session"
_NOT = "This call was not carried out"
_HOP = frozenset(
    (
        *(
            "connection",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "te",
            "trailer",
            "upgrade",
        ),
        *("transfer-encoding", "content-length", "content-encoding", "accept-encoding", "host", "set-cookie"),
    )
)
_FORMATS: dict[str, Format] = {
    "/v1/chat/completions": Chat(),
    "/v1/responses": Responses(),
    "/v1/messages": Messages(),
}
_PASSED = {"/v1/models": "GET", "/v1/models/{name:path}": "GET", "/v1/messages/count_tokens": "POST"}


class RefusedError(Exception):
    """A request that is not answered by the model."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class ModelProxy:
    """The proxy. What it cannot understand does not pass; if its guard fails, the reply is an error."""

    def __init__(
        self,
        guard: Guard,
        upstream: str,
        sessions: Conversations,
        *,
        keys: Mapping[str, str] | None = None,
        served: frozenset[str] = frozenset(),
        session_header: str = SESSION_HEADER,
        every: float = EVERY,
    ) -> None:
        """Stand in front of a provider.

        Args:
            guard: Decides.
            upstream: The provider's address, without `/v1`.
            sessions: Knows the sessions.
            keys: Headers that take the place of the agent's own, so that it needs no key.
            served: Tools that the provider itself carries out and that are let pass without a decision.
            session_header: The header of a request that names its session.
            every: Seconds between two signs of life to a client that waits.
        """
        self.guard = guard
        self.upstream = upstream.rstrip("/").removesuffix("/v1")
        self.talks = Talks(guard, sessions)
        self._keys = {name.lower(): value for name, value in (keys or {}).items()}
        self._served = served
        self._header = session_header.lower()
        self._every = every
        waits = httpx.Timeout(30.0, read=600.0)
        self._http = httpx.AsyncClient(timeout=waits, follow_redirects=False, verify=_trusted())

    def app(self) -> Starlette:
        """Return the application that agents' clients talk to."""
        routes = [
            *(Route(path, _Endpoint(self, form), methods=["POST"]) for path, form in _FORMATS.items()),
            *(Route(path, self._pass, methods=[method]) for path, method in _PASSED.items()),
            Route("/{path:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
        return Starlette(routes=routes)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    # ---- a request ---------------------------------------------------------------------------

    async def answer(self, request: Request, form: Format, send: Send) -> None:
        """Answer a request for a reply.

        Raises:
            RefusedError: it is not answered, and nothing of an answer was sent.
        """
        body = await _body(request)
        try:
            asked = form.read(body)
            offered = form.offer(body, self._permits) if not self._observes else ()
        except UnreadableError as error:
            raise RefusedError(400, str(error)) from None
        talk = self.talks.of(asked, request.headers.get(self._header))
        if why := talk.passage.ended():
            raise RefusedError(403, f"this session is over: {why}")
        released = await talk.hear(asked)
        if why := talk.passage.ended():
            raise RefusedError(403, f"this session is over: {why}")
        self._put(asked, released)
        self._check(offered)
        form.put_back(body, talk.kept, talk.owed.get(asked.previous or "", ()))
        headers = {**self._sent_on(request), "content-type": "application/json"}
        url = f"{self.upstream}{request.url.path}"
        content = dumps(body, separators=(",", ":")).encode()
        sent = self._http.build_request(
            "POST", url, params=httpx.QueryParams(request.url.query), content=content, headers=headers
        )
        try:
            reply = await self._http.send(sent, stream=True)
        except httpx.HTTPError as error:
            raise RefusedError(502, f"the provider cannot be reached: {type(error).__name__}") from error
        try:
            if not reply.is_success:
                await _respond(send, reply.status_code, await _read(reply), _passed_back(reply))
            elif _is_stream(reply):
                await self._stream(reply, asked, talk, form, send)
            else:
                await self._whole(reply, asked, talk, form, send)
        except httpx.HTTPError as error:
            raise RefusedError(502, f"the provider broke off: {type(error).__name__}") from error
        finally:
            with anyio.CancelScope(shield=True):
                await reply.aclose()

    def _put(self, asked: Asked, released: Mapping[str, str]) -> None:
        """Write into a request what the model may read of results."""
        if self._observes:
            return
        rules = self.guard.policy.file.results
        for answer in asked.answers:
            text = released[answer.call.id]
            if text != answer.text:
                answer.holder[answer.key] = text
            elif answer.opaque and covered(rules, answer.call.tool):
                answer.holder[answer.key] = (
                    f"{text}\n[withheld: what cannot be read as text cannot be screened]"
                )

    def _check(self, offered: Sequence[str]) -> None:
        beyond = [name for name in offered if name not in self._served]
        if beyond:
            raise RefusedError(
                400,
                f"{', '.join(beyond)}: carried out by the provider, where nobody could decide; leave it out, "
                "or have the proxy started with --served",
            )

    @property
    def _observes(self) -> bool:
        return self.guard.policy.file.mode is Mode.OBSERVE

    def _permits(self, name: str) -> bool:
        tool = self.guard.policy.file.tools.get(name)
        return tool is not None and not tool.denied

    # ---- its reply ---------------------------------------------------------------------------

    async def _whole(self, reply: httpx.Response, asked: Asked, talk: Talk, form: Format, send: Send) -> None:
        content = await _read(reply)
        async with _Permitted(talk) as permitted:
            if self._observes:
                with suppress(UnreadableError):
                    await self._decide(parsed(content), asked, talk, form, permitted)
            else:
                found = parsed(content)
                verdicts = await self._decide(found, asked, talk, form, permitted)
                content = dumps(form.decided(found, verdicts)).encode()
            permitted.delivered = True
            await _respond(send, 200, content, _passed_back(reply))

    async def _stream(
        self, reply: httpx.Response, asked: Asked, talk: Talk, form: Format, send: Send
    ) -> None:
        stream = _Stream(send, _passed_back(reply))
        assembly = form.assembly()
        try:
            async with _Permitted(talk) as permitted, stream.kept_alive(self._every):
                async for name, data in events.read(reply.aiter_text()):
                    ready = _fed(assembly, name, data) if self._observes else assembly.feed(name, data)
                    await stream.send(ready)
                if self._observes:
                    with suppress(UnreadableError):
                        await self._decide(assembly.whole(), asked, talk, form, permitted)
                    permitted.delivered = True
                else:
                    verdicts = await self._decide(assembly.whole(), asked, talk, form, permitted)
                    rest = list(assembly.rest(verdicts))
                    permitted.delivered = True
                    await stream.send(rest)
        except* (UnreadableError, RefusedError, httpx.HTTPError) as errors:
            await stream.fail(form.stream_error(f"the guard let nothing more pass: {_first(errors)}"))
        except* Exception as errors:
            logger.error("the guard failed: %s", type(_first(errors)).__name__)
            await stream.fail(form.stream_error("the guard failed"))
        await stream.end()

    async def _decide(
        self, reply: Body, asked: Asked, talk: Talk, form: Format, permitted: _Permitted
    ) -> Verdicts:
        """Decide about all calls of a reply, one after the other: each sees those before it."""
        proposed = form.proposed(reply, Counter(asked.counted), self._served)
        calls = tuple(one.call for one in proposed)
        if calls:
            talk.session.hear(Message(Role.ASSISTANT, form.said(reply), calls=calls))
        verdicts: dict[Place, Verdict] = {}
        for one in proposed:
            ruling = await talk.passage.before_async(one.call)
            if ruling.call is None:
                verdicts[one.place] = Verdict(None, _in_place_of(one.call.tool, ruling))
            else:
                permitted.add(ruling)
                verdicts[one.place] = Verdict(ruling.call.arguments)
        if proposed and (why := talk.passage.ended()):
            # What was permitted before in the same turn has not run yet, and must not run now.
            await permitted.none(f"not carried out: {why}")
            over = Verdict(None, f"This call was not carried out: stopped: {why}.")
            verdicts = {
                place: over if made.arguments is not None else made for place, made in verdicts.items()
            }
        kept = form.kept_back(reply, verdicts)
        name = None if reply.get("id") is None else str(reply["id"])
        talk.kept |= kept
        if kept and name is not None:
            talk.owed[name] = list(kept.values())
        self.talks.replied(talk, asked, [one.call.id for one in proposed], name)
        return verdicts

    # ---- around it ---------------------------------------------------------------------------

    def _sent_on(self, request: Request) -> dict[str, str]:
        dropped = _HOP | {self._header}
        given = {name: value for name, value in request.headers.items() if name not in dropped}
        if self._keys:
            for name in ("authorization", "x-api-key", "api-key"):
                given.pop(name, None)
        return {**given, **self._keys, "accept-encoding": "identity"}

    async def _pass(self, request: Request) -> Response:
        """Pass on what neither acts nor tells a model anything."""
        content = await request.body()
        if content and not self._observes:
            # Counting tokens: of results, as much is told as the model would be.
            body = parsed(content)
            asked = Messages().read(body)
            talk = Talk(self.guard, self.guard.session(agent=""))
            self._put(asked, {answer.call.id: talk.screened(answer) for answer in asked.answers})
            content = dumps(body).encode()
        try:
            reply = await self._http.request(
                request.method,
                f"{self.upstream}{request.url.path}",
                params=httpx.QueryParams(request.url.query),
                content=content,
                headers=self._sent_on(request),
            )
        except httpx.HTTPError as error:
            form = Messages() if "anthropic-version" in request.headers else Chat()
            return _failure(form, 502, f"the provider cannot be reached: {type(error).__name__}")
        return Response(reply.content, reply.status_code, _passed_back(reply))


class _Endpoint:
    """One path, as an ASGI application: it has to see that its client goes away."""

    def __init__(self, proxy: ModelProxy, form: Format) -> None:
        self._proxy = proxy
        self._form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        begun = False

        async def sent(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await request.body()
        except ClientDisconnect:
            return

        async def watch(tasks: anyio.CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel()

        failed: Response | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, tasks.cancel_scope)
            try:
                await self._proxy.answer(request, self._form, sent)
            except RefusedError as error:
                failed = _failure(self._form, error.status, str(error))
            except UnreadableError as error:
                failed = _failure(self._form, 502, f"not passed on: {error}")
            except Exception as error:
                # Its text may hold what was said; what it is will do.
                logger.error("the guard failed: %s", type(error).__name__)
                failed = _failure(self._form, 500, "the guard failed; nothing was passed on")
            tasks.cancel_scope.cancel()
        if failed is not None and not begun:
            await failed(scope, receive, send)


class _Permitted:
    """The permissions of a reply under way: they are taken back unless the reply reaches its client."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._rulings: list[Ruling] = []
        self.delivered = False
        """Whether the client may have got what was permitted."""

    def add(self, ruling: Ruling) -> None:
        self._rulings.append(ruling)
        self._talk.permit(ruling)

    async def none(self, why: str) -> None:
        taken, self._rulings = self._rulings, []
        await self._talk.take_back(taken, why)

    async def __aenter__(self) -> _Permitted:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self.delivered:
            await self.none("not carried out: the agent was never told that it may")


class _Stream:
    """A streamed answer."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self._begun = False
        self._failed = False
        self._lock = anyio.Lock()

    async def send(self, found: Sequence[Event]) -> None:
        for event in found:
            await self._write(events.write(event))

    async def fail(self, event: Event) -> None:
        if not self._failed:
            self._failed = True
            await self._write(events.write(event))

    async def end(self) -> None:
        await self._write(b"", more=False)

    def kept_alive(self, every: float) -> _KeptAlive:
        return _KeptAlive(lambda: self._write(events.KEEP), every)

    async def _write(self, data: bytes, more: bool = True) -> None:
        async with self._lock:
            if not self._begun:
                self._begun = True
                raw = [
                    (name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()
                ]
                await self._send({"type": "http.response.start", "status": 200, "headers": raw})
            await self._send({"type": "http.response.body", "body": data, "more_body": more})


class _KeptAlive:
    def __init__(self, write: Callable[[], Awaitable[None]], every: float) -> None:
        self._write = write
        self._every = every
        self._tasks = anyio.create_task_group()

    async def __aenter__(self) -> None:
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._tick)

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, error, trace)

    async def _tick(self) -> None:
        while True:
            await anyio.sleep(self._every)
            await self._write()


def _in_place_of(tool: str, ruling: Ruling) -> str:
    """Return what is said in the place of a call that is not passed on."""
    if ruling.error is None:
        return f"{tool}: not carried out; a person answers in its place: {ruling.message}"
    if ruling.message.startswith(_NOT):
        return f"{tool}: {ruling.message}"
    return f"{tool}: {_NOT}: {ruling.message}"


def _fed(assembly: Assembly, name: str, data: str) -> list[Event]:
    """Have an assembly take in an event of a stream that is only observed."""
    with suppress(UnreadableError):
        assembly.feed(name, data)
    return [(name, data)]


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


async def _body(request: Request) -> Body:
    content = await request.body()
    if len(content) > MOST_BYTES:
        raise RefusedError(413, f"a request has {MOST_BYTES} bytes at most")
    try:
        return parsed(content)
    except UnreadableError as error:
        raise RefusedError(400, str(error)) from None


async def _read(reply: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in reply.aiter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise RefusedError(502, f"the reply has more than {MOST_BYTES} bytes")
    return bytes(content)


def _is_stream(reply: httpx.Response) -> bool:
    return reply.headers.get("content-type", "").startswith("text/event-stream")


def _passed_back(reply: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.lower() not in _HOP}


async def _respond(send: Send, status: int, content: bytes, headers: Mapping[str, str]) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


def _failure(form: Format, status: int, message: str) -> Response:
    # Clients that try again by themselves would ask people again, too.
    headers = {"content-type": "application/json", "x-should-retry": "false"}
    return Response(dumps(form.error(status, f"guard: {message}")), status, headers)


async def _unknown(request: Request) -> Response:
    form = Messages() if "anthropic-version" in request.headers else Chat()
    return _failure(form, 404, f"{request.url.path} is not passed on: nobody could decide about what it does")


def _first(error: BaseException) -> BaseException:
    found = error
    while isinstance(found, BaseExceptionGroup):
        found = cast("BaseExceptionGroup[BaseException]", found).exceptions[0]
    return found
