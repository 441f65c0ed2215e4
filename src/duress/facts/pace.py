"""How many calls were let through, and when."""

from __future__ import annotations

from bisect import bisect_left
from math import inf, isfinite


class Pace:
    """Counts of calls, in all and per tool, with their times."""

    __slots__ = ("_all", "_first", "_last", "_tools")

    def __init__(self) -> None:
        self._all: list[float] = []
        self._tools: dict[str, list[float]] = {}
        self._first: float | None = None
        self._last: float | None = None

    def hear(self, at: float | None) -> None:
        """Take note of a time. A clock that is set back does not make the session younger."""
        if at is None:
            return
        if self._first is None:
            self._first = at
        self._last = at if self._last is None else max(self._last, at)

    def count(self, tool: str) -> None:
        """Count a call at the time heard last."""
        at = inf if self._last is None else self._last
        self._all.append(at)
        self._tools.setdefault(tool, []).append(at)

    def calls(self, tool: str | None = None) -> int:
        """Return how many calls there were, of all tools or of one."""
        return len(self._all if tool is None else self._tools.get(tool, ()))

    def in_window(self, at: float | None, window: float, tool: str | None = None) -> int:
        """Return how many calls there were in the last `window` seconds; those without a time count too."""
        times = self._all if tool is None else self._tools.get(tool, [])
        now = self._now(at)
        return len(times) if now is None else _since(times, now - window)

    def age(self, at: float | None) -> int:
        """Return the whole seconds since the first time heard."""
        now = self._now(at)
        return 0 if now is None or self._first is None else max(0, int(now - self._first))

    def _now(self, at: float | None) -> float | None:
        if at is None or self._last is None:
            return self._last if at is None else at
        return max(at, self._last)


def _since(times: list[float], start: float) -> int:
    # Calls before the first known time are infinite and stand first: they are no part of the sorted rest.
    untimed = bisect_left(times, True, key=isfinite)
    return untimed + len(times) - bisect_left(times, start, lo=untimed)
