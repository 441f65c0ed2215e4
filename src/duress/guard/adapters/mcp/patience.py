"""Keeps a client patient while people decide: progress, which tells it that its call is not lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

EVERY = 5.0
"""Seconds between two notifications."""
Report = Callable[[float, float | None, str | None], Awaitable[None]]


class Patience:
    """The progress of one call: the guard's own while it decides, the server's while the tool runs.

    Progress has to grow, and servers begin at 0 or 1: what the guard tells takes next to nothing of it.
    """

    def __init__(self, report: Report, every: float = EVERY) -> None:
        self._report = report
        self._every = every
        self._said = 0.0
        self.running = False
        """Whether the tool runs; then its server tells."""

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """Report while what is inside waits."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tick)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()

    async def tell(self, progress: float, total: float | None, message: str | None) -> None:
        """Pass on what the server tells."""
        self._said = max(self._said + 1e-9, progress)
        await self._report(self._said, total, message)

    async def _tick(self) -> None:
        began = anyio.current_time()
        while True:
            await anyio.sleep(self._every)
            if not self.running:
                self._said += 1e-6
                waited = anyio.current_time() - began
                await self._report(self._said, None, f"waiting for a decision since {waited:.0f} s")
