"""The sessions of a proxy: which conversation is which, and which are long over."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Protocol

from duress.guard.guard import Guard
from duress.guard.session import Session

IDLE = 6 * 3600.0
"""Seconds without a call after which a conversation counts as over: what comes then is a new session."""
MOST = 10_000
"""Sessions that are kept; beyond, the one unused for longest is let go."""


class Conversations(Protocol):
    """Knows which session a conversation is."""

    def of(self, name: str) -> Session:
        """Return the session of the conversation of this name."""
        ...


class One:
    """All conversations are one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, name: str) -> Session:
        """Return the session."""
        return self._session


class Sessions:
    """Sessions of one guard by the name of their conversation. Threads may share it."""

    def __init__(
        self, guard: Guard, *, agent: str, user: str = "", idle: float = IDLE, most: int = MOST
    ) -> None:
        self.guard = guard
        self.agent = agent
        self.user = user
        self._idle = idle
        self._most = most
        self._kept: OrderedDict[str, tuple[Session, float]] = OrderedDict()
        self._lock = Lock()

    def of(self, name: str) -> Session:
        """Return the session of a conversation; a new one if it is not known, or was idle for too long."""
        now = time.monotonic()
        with self._lock:
            found = self._kept.pop(name, None)
            if found is None or (now - found[1] > self._idle and found[0].ended is None):
                session = self.guard.session(agent=self.agent, user=self.user)
            else:
                session = found[0]
            self._kept[name] = (session, now)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return session
