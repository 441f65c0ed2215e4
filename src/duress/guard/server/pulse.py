"""Wakes every connection that waits once what may pass has changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from duress.guard.keeper import KeeperError
from duress.guard.state import State

LOOK = 0.002
"""Seconds between two looks."""


class Pulse:
    """One look for all connections of a server."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.turn = 0
        """Rises with every change."""
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Look on until cancelled."""
        before: object = None
        while True:
            try:
                now: object = self._state.passing()
            except KeeperError:
                now = object()
            if now != before:
                before = now
                self.turn += 1
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(LOOK)

    async def wait(self, turn: int, seconds: float) -> None:
        """Return once the turn is no longer `turn`, or after so many seconds."""
        if self.turn != turn:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
