"""Group commit: whoever comes first writes for all who wait, and then names the next one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from duress.ledger.waiting import TaskTicket, ThreadTicket, Ticket

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

MOST = 4096
"""Entries written in one commit, unless one caller brings more."""
_LINGER = 0.002
"""Seconds at most for which one who could write waits for others to join."""
_PATIENCE = 0.5
"""Seconds after which a thread that waits tries to write itself: the one whose turn it was may be gone."""


class Group:
    """The queue of a ledger. There is no writing thread of its own where only threads wait."""

    def __init__(self, commit: Callable[[Sequence[Ticket]], None]) -> None:
        """`commit` settles the tickets that it is given; it is never called twice at once."""
        self._commit = commit
        self._waiting: deque[Ticket] = deque()
        self._door = Lock()
        self._led = False
        self._last = 0
        self._took = 0.0
        self.turn = Lock()
        """Held by the one who writes."""
        self._for_tasks: ThreadPoolExecutor | None = None

    def settle(self, ticket: ThreadTicket) -> None:
        """Return when a ticket is settled. Interrupted, it may be written all the same."""
        try:
            if self._queue(ticket):
                self._lead()
            while not ticket.settled:
                ticket.wait(_PATIENCE)
                if not ticket.settled:
                    self._lead()
        except BaseException:
            # It may have been this caller's turn, and others wait for it.
            self.write_for_tasks()
            raise

    async def settle_async(self, ticket: TaskTicket) -> None:
        """Return when a ticket is settled. Cancelled, it may be written all the same."""
        if self._queue(ticket):
            self.write_for_tasks()
        await ticket.wait()

    def write_for_tasks(self) -> None:
        """Have a turn taken by a thread that nobody interrupts."""
        if self._for_tasks is None:
            from concurrent.futures import ThreadPoolExecutor

            with self._door:
                self._for_tasks = self._for_tasks or ThreadPoolExecutor(1, "ledger")
        self._for_tasks.submit(self._lead)

    def close(self) -> None:
        """Write what waits; the caller has the turn."""
        while self._waiting:
            self._write()
        if self._for_tasks is not None:
            self._for_tasks.shutdown(wait=False)
            self._for_tasks = None

    def _queue(self, ticket: Ticket) -> bool:
        """Let a ticket wait; return whether it is the first one, whose caller writes."""
        with self._door:
            self._waiting.append(ticket)
            first, self._led = not self._led, True
        return first

    def _lead(self) -> None:
        try:
            with self.turn:
                if len(self._waiting) < self._last:
                    # Those of the last commit are just coming back; the first alone would cost a sync.
                    time.sleep(min(self._took / 8, _LINGER))
                self._write()
        finally:
            with self._door:
                heir = self._waiting[0] if self._waiting else None
                self._led = heir is not None
            if heir is not None:
                heir.wake()

    def _write(self) -> None:
        tickets: list[Ticket] = []
        count = 0
        with self._door:
            while self._waiting and (not tickets or count + len(self._waiting[0].drafts) <= MOST):
                tickets.append(self._waiting.popleft())
                count += len(tickets[-1].drafts)
        if not tickets:
            return
        began = time.monotonic()
        self._commit(tickets)
        self._last = len(tickets)
        self._took = time.monotonic() - began
