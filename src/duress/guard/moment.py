"""A moment that a wall clock set back or forward cannot move."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from msgspec import Struct

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Moment(Struct, frozen=True):
    """When something was, by two clocks."""

    wall: float
    """Seconds since 1970. People and administrators can set this clock."""
    run: float
    """Seconds since the machine started, sleep included where the system tells. Nobody can set this one."""
    boot: str
    """Which start of the machine `run` counts from."""


Clock = Callable[[], Moment]


def now() -> Moment:
    """Return this moment."""
    return Moment(time.time(), _since_start(), _boot())


def elapsed(then: Moment, now: Moment) -> float:
    """Return how old `then` is, in seconds, by the stricter of both clocks.

    After a restart of the machine only the wall clock is left; if that went backwards nobody knows,
    and the age is infinite.
    """
    by_wall = now.wall - then.wall
    if then.boot == now.boot:
        return max(by_wall, now.run - then.run)
    return by_wall if by_wall >= 0 else float("inf")


def _since_start() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    # `monotonic` counts from the start of the machine too, but not while it sleeps.
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@cache
def _boot() -> str:
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return "unknown"
