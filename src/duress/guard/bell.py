"""Rings for one who waits: a thread, or a task of asyncio or trio."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from duress.guard.keeper import KeeperError


class Bell(Protocol):
    """Any thread may ring it."""

    def ring(self) -> None:
        """Wake the one who waits."""
        ...


class ThreadBell:
    """A thread waits."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        """Wake the thread."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Return once it has rung, or after so many seconds."""
        self._event.wait(seconds)
        self._event.clear()


class TaskBell:
    """A task of the running loop waits."""

    def __init__(self) -> None:
        import anyio

        self._event = anyio.Event()
        self._soon = _soon()

    def ring(self) -> None:
        """Wake the task."""
        self._soon(self._event.set)

    async def wait(self, seconds: float) -> None:
        """Return once it has rung, or after so many seconds."""
        import anyio

        with anyio.move_on_after(seconds):
            await self._event.wait()
        self._event = anyio.Event()


def _soon() -> Callable[[Callable[[], Any]], None]:
    """Return a function by which any thread may have the running loop call something."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        if "trio" not in sys.modules:
            raise KeeperError("nobody can be asked: there is no running asyncio or trio loop") from None
        import trio

        token = trio.lowlevel.current_trio_token()

        def in_trio(call: Callable[[], Any]) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(call)

        return in_trio

    def in_asyncio(call: Callable[[], Any]) -> None:
        # A loop that has closed meanwhile has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(call)

    return in_asyncio
