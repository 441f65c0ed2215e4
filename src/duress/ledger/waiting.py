"""Those who wait until their entries are on disk: threads, and tasks of asyncio or trio."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from duress.ledger.entry import Receipt
from duress.ledger.errors import LedgerError
from duress.ledger.leaf import Draft

if TYPE_CHECKING:
    import asyncio


class Ticket:
    """The entries of one caller; settled with receipts or with an error, all of them or none."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.settled = False
        self._receipts: tuple[Receipt, ...] = ()
        self._error: LedgerError | None = None

    def succeed(self, receipts: tuple[Receipt, ...]) -> None:
        """All is on disk."""
        self._receipts = receipts
        self.settled = True
        self.wake()

    def fail(self, error: LedgerError) -> None:
        """Nothing is acknowledged."""
        self._error = error
        self.settled = True
        self.wake()

    def result(self) -> tuple[Receipt, ...]:
        """Return the receipts of a settled ticket, or raise its error."""
        if self._error is not None:
            # One error may belong to many: each raises its own, with its own traceback.
            raise type(self._error)(*self._error.args) from self._error
        return self._receipts

    def wake(self) -> None:
        """Tell whoever waits that it is settled or, where it is not, that it is their turn to write."""


class ThreadTicket(Ticket):
    """A thread waits."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        super().__init__(drafts)
        self._gate = Lock()
        self._gate.acquire()

    def wake(self) -> None:
        """Let the thread go on."""
        with suppress(RuntimeError):
            self._gate.release()

    def wait(self, seconds: float) -> None:
        """Return when woken, or after so many seconds."""
        self._gate.acquire(timeout=seconds)


class TaskTicket(Ticket):
    """A task of the running loop waits; it must not block, so `write` has another thread take its turn."""

    def __init__(self, drafts: Sequence[Draft], write: Callable[[], object]) -> None:
        super().__init__(drafts)
        self._write = write
        self._tell, self.wait = _signal()

    def wake(self) -> None:
        """Let the task go on, or a thread write for it."""
        (self._tell if self.settled else self._write)()


def _signal() -> tuple[Callable[[], object], Callable[[], Awaitable[object]]]:
    """Return a function that any thread may call, and one whose result the current task awaits for it."""
    if "asyncio" not in sys.modules:
        return _trio_signal()
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _trio_signal()
    future: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not future.done():
            future.set_result(None)

    def tell() -> None:
        # A loop that has closed meanwhile has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    return tell, lambda: future


def _trio_signal() -> tuple[Callable[[], object], Callable[[], Awaitable[object]]]:
    if "trio" not in sys.modules:
        raise LedgerError("append_async needs a running asyncio or trio loop; nothing was recorded")
    import trio

    event = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def tell() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(event.set)

    return tell, event.wait
