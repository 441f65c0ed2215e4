"""A keeper inside the agent's own process, on a state folder that other processes may use too."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from duress.guard import notify, underway
from duress.guard.bell import Bell, TaskBell, ThreadBell
from duress.guard.canaries import Canaries
from duress.guard.keeper import Answer, Entry, KeeperError, Request
from duress.guard.masking import masked
from duress.guard.moment import Clock, now
from duress.guard.notify import Notifier
from duress.guard.overrides import Overrides
from duress.guard.queue import Queue
from duress.guard.running import Running
from duress.guard.scribe import Scribe
from duress.guard.state import State
from duress.guard.stops import Scope, Stop, Stops
from duress.guard.underway import Call, Underway, let_through, over

if TYPE_CHECKING:
    from duress.ledger.leaf import Redact

LOOK = 0.005
"""Seconds between two looks at what other processes did, while somebody waits for it."""
IDLE = 0.05
TIDY = 3600.0
"""Seconds after which old questions are looked for."""
TEND = 1.0
"""Seconds after which what is over is settled and a free ledger is taken, without anybody asking."""


class Stopped(Struct, frozen=True):
    """A stop after which no call begins any more."""

    stop: Stop
    running: tuple[Call, ...]
    """Calls that were let through before and have not ended: they may be running still."""


class EmbeddedKeeper:
    """Keeps record, questions and stops in a state folder. Threads and tasks may share it.

    Questions are answered from other processes: the terminal (`duress guard queue`) or the page
    (`duress guard serve`).
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        create: bool = True,
        owner: str = "",
        ledger: str | Path | None = None,
        redact: Redact | None = masked,
        clock: Clock = now,
    ) -> None:
        """Open a state folder, making it if there is none.

        Args:
            folder: where the state is.
            create: whether to make it if there is none.
            owner: who runs the agent; like the session's user, never one who answers.
            ledger: path or URL of the ledger, by default the one in the folder.
            redact: goes over what is recorded; by default takes out secrets and personal numbers.
            clock: tells the time.

        Raises:
            StateError: the folder cannot be used.
        """
        self.state = State(Path(folder), create=create, clock=clock)
        self.queue = Queue(self.state)
        self.stops = Stops(self.state)
        self.overrides = Overrides(self.state)
        self.running = Running(self.state)
        self.canaries = Canaries(self.state)
        self.underway = Underway(self.state.folder)
        self.scribe = Scribe(self.state, ledger, redact)
        self._notifier = Notifier(self.state, notify.read(self.state.folder))
        self._owner = owner
        self._bells: dict[str, Bell] = {}
        self._callbacks: list[Callable[[Stop], None]] = []
        self._stopped_before: set[int] = {stop.id for stop in self.stops.standing()}
        self._door = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._thread_of = 0
        self._watch()

    # ---- keeper ------------------------------------------------------------------------------

    def record(self, entries: Sequence[Entry]) -> None:
        """Record entries; they are durable when this returns. An intent of what is stopped is refused.

        Raises:
            KeeperError: they are not durable, or the agent was stopped.
        """
        self._watch()
        self.running.hear(entries)
        with self._let_through(entries):
            self._refuse_stopped(entries)
            self.scribe.record(entries)
            # Once more: a stop that came while the disk was busy is not too late.
            self._refuse_stopped(entries)

    async def record_async(self, entries: Sequence[Entry]) -> None:
        """Like `record`."""
        self._watch()
        self.running.hear(entries)
        with self._let_through(entries):
            self._refuse_stopped(entries)
            await self.scribe.record_async(entries)
            self._refuse_stopped(entries)

    def stopped(self, session: str, agent: str) -> str | None:
        """Return why a session or its agent was stopped, or None; whoever stopped it, in whatever process.

        Raises:
            KeeperError: it cannot be told.
        """
        return self.stops.reason(session, agent)

    def override(self, session: str, agent: str, tool: str) -> str | None:
        """Return the override that is open for this, or None."""
        return self.overrides.standing(session, agent, tool)

    def ask(self, request: Request) -> Answer:
        """Ask people and wait until they decide, the question expires, or the agent is stopped.

        Raises:
            KeeperError: they could not be asked, or the answer was lost.
        """
        if refused := self.put(request):
            return refused
        bell = ThreadBell()
        self._bells[request.id] = bell
        try:
            while (answer := self.queue.take(request)) is None:
                bell.wait(self._patience(request))
            return answer
        except BaseException:
            self._withdraw(request)
            raise
        finally:
            del self._bells[request.id]

    async def ask_async(self, request: Request, *, owner: str = "") -> Answer:
        """Like `ask`, on asyncio or trio. `owner` is whoever runs the agent, if not the keeper's own."""
        import anyio
        import anyio.to_thread

        bell = TaskBell()
        self._bells[request.id] = bell
        try:
            if refused := await anyio.to_thread.run_sync(partial(self.put, request, owner=owner)):
                return refused
            while (answer := await anyio.to_thread.run_sync(self.queue.take, request)) is None:
                await bell.wait(self._patience(request))
            return answer
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._withdraw, request)
            raise
        finally:
            del self._bells[request.id]

    # ---- beside it ---------------------------------------------------------------------------

    def stop(self, scope: Scope, name: str, *, person: str, reason: str = "") -> Stopped:
        """Stop a session, an agent or all, and tell people so; see `Stops.stop`.

        Returns once no call can begin any more, in whatever process, and says which are running still. It
        waits about two seconds at most; the stop holds from its first moment.
        """
        self._watch()
        made = self.stops.stop(scope, name, person=person, reason=reason)
        self._notifier.stopped(made)
        return Stopped(made, underway.settled(self.state.folder, made, lambda: self.state.now().run))

    def put(self, request: Request, *, owner: str = "") -> Answer | None:
        """Put a question to people without waiting. Returns the refusal if it cannot be asked."""
        self._watch()
        self.running.ask(request)
        refused = self.queue.put(request, owner=owner or self._owner)
        if refused is None:
            if request.canaries:
                # A known-bad question that cannot be kept must not cost the real one its answer.
                with suppress(KeeperError):
                    self.canaries.mix(request)
            self._notifier.asked(request)
        elif request.per_hour is not None:
            self._notifier.limited()
        return refused

    def on_stop(self, callback: Callable[[Stop], None]) -> None:
        """Have `callback` called for every stop from now on, made anywhere: to revoke what an agent got.

        It runs in a thread of its own; if it raises, that is recorded, and the others are called too.
        """
        self._callbacks.append(callback)
        self._watch()

    def close(self) -> None:
        """Write what waits and let go of the folder."""
        self._over.set()
        thread = self._thread
        if thread is not None and self._thread_of == os.getpid() and thread is not threading.current_thread():
            thread.join(5)
        self._notifier.close()
        self.underway.close()
        with suppress(KeeperError):
            self.scribe.close()
        self.state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- within ------------------------------------------------------------------------------

    @contextmanager
    def _let_through(self, entries: Sequence[Entry]) -> Generator[None]:
        """Take note of calls that begin or have ended; one whose intent is not recorded does not begin."""
        begun: list[Entry] = []
        try:
            for entry in entries:
                if over(entry):
                    self.underway.end(entry)
                elif let_through(entry):
                    self.underway.begin(entry)
                    begun.append(entry)
            yield
        except BaseException:
            for entry in begun:
                # What is only observed runs even unrecorded.
                if entry.kind == "intent":
                    self.underway.end(entry)
            raise

    def _refuse_stopped(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.kind == "intent" and (reason := self.stops.reason(entry.session, entry.agent)):
                raise KeeperError(f"stopped: {reason}")

    def _patience(self, request: Request) -> float:
        return max(0.001, min(TEND, request.expires - self.state.now().wall))

    def _withdraw(self, request: Request) -> None:
        with suppress(KeeperError):
            self.queue.withdraw(request.id)

    def _watch(self) -> None:
        if self._thread_of == os.getpid():
            return
        with self._door:
            if self._thread_of != os.getpid() and not self._over.is_set():
                self._thread = threading.Thread(target=self._look_on, name="duress keeper", daemon=True)
                self._thread_of = os.getpid()
                self._thread.start()

    def _look_on(self) -> None:
        version: tuple[int, int] | None = None
        tended = tidied = 0.0
        while not self._over.wait(LOOK if self._bells or self._callbacks else IDLE):
            try:
                found = self.state.version()
                if found != version:
                    self._changed()
                    version = found
                if (running := self.state.now().run) - tended >= TEND:
                    tended = running
                    self.queue.sweep()
                    self.scribe.tend()
                if running - tidied >= TIDY:
                    tidied = running
                    self.queue.forget()
            except KeeperError:
                # Whoever waits finds out for themselves, and denies.
                version = None
                for bell in list(self._bells.values()):
                    bell.ring()
                self._over.wait(TEND)

    def _changed(self) -> None:
        # By whatever program: also one that died before it could tell.
        self.stops.look_again()
        self.overrides.look_again()
        self.scribe.look_again()
        if self._bells:
            for request in self.queue.settled():
                if bell := self._bells.get(request):
                    bell.ring()
        fresh = [stop for stop in self.stops.standing() if stop.id not in self._stopped_before]
        for stop in fresh:
            self._stopped_before.add(stop.id)
            for callback in list(self._callbacks):
                threading.Thread(target=self._call, args=(callback, stop), daemon=True).start()
        self.scribe.drain()

    def _call(self, callback: Callable[[Stop], None], stop: Stop) -> None:
        try:
            callback(stop)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            body = {
                "stop": stop.id,
                "failed": told,
                "callback": getattr(callback, "__qualname__", repr(callback)),
            }
            with suppress(KeeperError):
                self.record([Entry(kind="revocation", session="", agent=stop.name, at=stop.wall, body=body)])
