"""A keeper that is a server's client. Whatever is not a clear answer is a denial."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

import httpx
import msgspec
from msgspec import Struct

from duress.guard.keeper import Answer, Entry, KeeperError, Request
from duress.guard.moment import now
from duress.guard.names import fresh
from duress.guard.overrides import ANY
from duress.guard.stops import Stop
from duress.guard.underway import LEASE

TOKEN = "DURESS_GUARD_TOKEN"
"""Environment variable that holds the token."""
T = TypeVar("T")


class _Standing(Struct, frozen=True):
    stops: tuple[Stop, ...] = ()
    overrides: tuple[str, ...] = ()
    revoked: str | None = None
    latest: int = 0


class _Recorded(Struct, frozen=True):
    recorded: int


class _Told(Struct, frozen=True):
    answer: Answer | None = None
    error: str | None = None


class _Override(Struct, frozen=True):
    override: str | None


class _Fault(Struct, frozen=True):
    error: str
    revoked: str | None = None


# Worked out here, once: msgspec does it at first use, and two threads that do so at once crash (0.22).
_STANDING = msgspec.json.Decoder(_Standing)
_RECORDED = msgspec.json.Decoder(_Recorded)
_TOLD = msgspec.json.Decoder(_Told)
_OVERRIDE = msgspec.json.Decoder(_Override)
_FAULT = msgspec.json.Decoder(_Fault)


class RemoteKeeper:
    """Keeps record, questions and stops on a server (`duress guard serve`). Threads and tasks share it."""

    def __init__(
        self, url: str, token: str | None = None, *, ca: str | None = None, patience: float = 10.0
    ) -> None:
        """Name a server; nothing is asked of it yet.

        Args:
            url: its address.
            token: proves which agent this is; made by `duress guard clients add`, by default taken from
                `DURESS_GUARD_TOKEN`.
            ca: a file of certificates to trust, where the system's do not do.
            patience: seconds for one exchange; questions to people take their own time.

        Raises:
            KeeperError: there is no token, or the address is none.
        """
        token = token or os.environ.get(TOKEN, "")
        if not token:
            raise KeeperError(
                f"no token: set {TOKEN}, made by `duress guard clients add AGENT` on the server"
            )
        if not url.startswith(("http://", "https://")):
            raise KeeperError(f"{url}: expected http:// or https://")
        self.url = url.rstrip("/")
        self._settings: dict[str, Any] = {
            "base_url": self.url,
            "headers": {"Authorization": f"Bearer {token}"},
            "timeout": httpx.Timeout(patience, connect=min(patience, 5.0)),
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=64),
            "trust_env": False,
            "verify": ssl.create_default_context(cafile=ca) if url.startswith("https://") else False,
        }
        self._patience = patience
        self._tasks: WeakKeyDictionary[Any, httpx.AsyncClient] = WeakKeyDictionary()
        self._callbacks: list[Callable[[Stop], None]] = []
        self._revoked: str | None = None
        self._begin()

    # ---- keeper ------------------------------------------------------------------------------

    def record(self, entries: Sequence[Entry]) -> None:
        """Record entries; they are on the server's disk when this returns.

        Raises:
            KeeperError: they are not, as far as anybody here can tell.
        """
        self._own()
        body = msgspec.json.encode({"entries": tuple(entries)})
        with _Denying():
            answer = self._http.post("/api/record", content=body)
        self._recorded(answer, entries)

    async def record_async(self, entries: Sequence[Entry]) -> None:
        """Like `record`."""
        self._own()
        body = msgspec.json.encode({"entries": tuple(entries)})
        with _Denying():
            answer = await self._client().post("/api/record", content=body)
        self._recorded(answer, entries)

    def stopped(self, session: str, agent: str) -> str | None:
        """Return why a session or its agent was stopped, or None. The server tells as it happens.

        What it said holds for the time of a lease, counted from when it was asked. A server that is told to
        stop something waits that long for those who have not heard of it.

        Raises:
            KeeperError: the server has not been heard of for too long.
        """
        self._own()
        if self._revoked is not None:
            return self._revoked
        if not self._heard.is_set():
            # Only in the beginning: from then on the server is asked all the time.
            self._listen_on()
            self._heard.wait(max(0.0, self._began + LEASE - now().run))
        if now().run >= self._until:
            if self._revoked is not None:
                return self._revoked
            raise KeeperError(f"{self.url}: not heard of for {LEASE:g} s: {self._fault or 'no answer'}")
        return self._known(session, agent)

    def override(self, session: str, agent: str, tool: str) -> str | None:
        """Return the override that is open for this, or None."""
        self._own()
        if tool not in self._standing.overrides and ANY not in self._standing.overrides:
            return None
        with _Denying():
            answer = self._http.get("/api/override", params={"session": session, "tool": tool})
        return self._read(answer, _OVERRIDE).override

    def ask(self, request: Request) -> Answer:
        """Ask people and wait until they decide, the question expires, or the agent is stopped.

        Raises:
            KeeperError: they could not be asked, or the answer was lost: it will not be given again.
        """
        self._own()
        with (
            _Denying(),
            self._http.stream("POST", "/api/ask", content=msgspec.json.encode(request)) as answer,
        ):
            answer.read()
        return self._answered(answer, request)

    async def ask_async(self, request: Request) -> Answer:
        """Like `ask`."""
        self._own()
        content = msgspec.json.encode(request)
        with _Denying():
            async with self._client().stream("POST", "/api/ask", content=content) as answer:
                await answer.aread()
        return self._answered(answer, request)

    # ---- beside it ---------------------------------------------------------------------------

    def on_stop(self, callback: Callable[[Stop], None]) -> None:
        """Have `callback` called, in a thread of its own, for every stop that the server tells of."""
        self._own()
        self._callbacks.append(callback)
        self._listen_on()

    def close(self) -> None:
        """Let go of connections."""
        self._over.set()
        if self._process == os.getpid() and self._thread is not None:
            # So that nobody who stops something waits for this client.
            self._tell_over()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- within ------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._process = os.getpid()
        self._http = httpx.Client(**self._settings)
        self._door = threading.Lock()
        self._over = threading.Event()
        self._heard = threading.Event()
        self._standing = _Standing()
        self._name = fresh()
        self._began = self._until = float("-inf")
        self._fault = ""
        self._thread: threading.Thread | None = None

    def _own(self) -> None:
        if self._process != os.getpid():
            # Connections that crossed a fork would mix two conversations.
            self._tasks = WeakKeyDictionary()
            self._begin()

    def _client(self) -> httpx.AsyncClient:
        loop = _loop()
        if (client := self._tasks.get(loop)) is None:
            client = self._tasks[loop] = httpx.AsyncClient(**self._settings)
        return client

    def _recorded(self, answer: httpx.Response, entries: Sequence[Entry]) -> None:
        if self._read(answer, _RECORDED).recorded != len(entries):
            raise KeeperError(f"{self.url}: not everything was recorded")
        # The server bars intents of what is stopped; this is for a stop that came while its answer travelled.
        for entry in entries:
            if entry.kind == "intent" and (reason := self._known(entry.session, entry.agent)):
                raise KeeperError(f"stopped: {reason}")

    def _known(self, session: str, agent: str) -> str | None:
        for stop in self._standing.stops:
            if stop.concerns(session, agent):
                return str(stop)
        return self._revoked

    def _answered(self, answer: httpx.Response, request: Request) -> Answer:
        told = self._read(answer, _TOLD)
        if told.answer is None:
            raise KeeperError(f"{self.url}: {told.error or 'no answer'}")
        if (told.answer.request, told.answer.binding) != (request.id, request.binding):
            raise KeeperError(f"{self.url}: answered another question")
        return told.answer

    def _read(self, answer: httpx.Response, kind: msgspec.json.Decoder[T]) -> T:
        try:
            if answer.status_code == 200:
                return kind.decode(answer.content)
            fault = _FAULT.decode(answer.content)
        except msgspec.MsgspecError as error:
            told = f"status {answer.status_code}, {error}"
            raise KeeperError(f"{self.url}: its answer cannot be read: {told}") from error
        if fault.revoked is not None:
            self._revoked = fault.revoked
        raise KeeperError(f"{self.url}: {fault.error}")

    def _listen_on(self) -> None:
        with self._door:
            if self._thread is None:
                self._began = now().run
                self._thread = threading.Thread(target=self._listen, name="duress standing", daemon=True)
                self._thread.start()

    def _listen(self) -> None:
        stops: set[int] | None = None
        known = ""
        while not self._over.is_set() and self._revoked is None:
            # Counted from here: the server counts from when it gets this.
            asked = now().run
            try:
                answer = self._hearing(known)
                standing = self._read(answer, _STANDING)
            except (httpx.HTTPError, KeeperError, OSError, RuntimeError) as error:
                self._fault = str(error) or type(error).__name__
                self._over.wait(0.1)
                continue
            known = sha256(answer.content).hexdigest()
            stops = self._take_in(standing, asked, stops)
        if not self._over.is_set():
            self._tell_over()

    def _hearing(self, known: str, *, over: bool = False) -> httpx.Response:
        body = {"name": self._name, "heard": self._standing.latest, "known": known, "over": over}
        timeout = httpx.Timeout(LEASE, connect=LEASE)
        return self._http.post("/api/standing", content=msgspec.json.encode(body), timeout=timeout)

    def _tell_over(self) -> None:
        # A server that is gone has nobody wait for this client either.
        with suppress(httpx.HTTPError, OSError, RuntimeError):
            self._hearing("", over=True)

    def _take_in(self, standing: _Standing, asked: float, known: set[int] | None) -> set[int]:
        self._standing = standing
        if standing.revoked is not None:
            self._revoked = standing.revoked
        # Last: whoever looks at the time first sees what it goes with.
        self._until = asked + LEASE
        self._heard.set()
        there = {stop.id for stop in standing.stops}
        # What stood before this process was there is not news.
        news = [stop for stop in standing.stops if known is not None and stop.id not in known]
        for stop in news:
            for callback in list(self._callbacks):
                threading.Thread(target=callback, args=(stop,), daemon=True).start()
        return there | (known or set())


class _Denying:
    """Turns whatever can go wrong between here and the server into a denial."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError | OSError | RuntimeError):
            told = str(error) or type(error).__name__
            raise KeeperError(f"the guard's server cannot be reached: {told}") from error


def _loop() -> Any:
    """Return something that stands for the running loop."""
    with suppress(RuntimeError):
        return asyncio.get_running_loop()
    import trio

    return trio.lowlevel.current_trio_token()
