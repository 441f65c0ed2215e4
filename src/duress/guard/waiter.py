"""Which process waits for an answer, and whether it is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def me() -> str:
    """Return a name for this process that no later process gets."""
    pid = os.getpid()
    return f"{_place()} {pid} {_started(pid)}"


def lives(name: str) -> bool:
    """Return whether the process of that name runs. One that cannot be seen from here counts as running."""
    if not name:
        return True
    place, pid, started = name.rsplit(" ", 2)
    if place != _place():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return _started(int(pid)) == started


def _place() -> str:
    # Numbers of processes mean something within one host and one namespace of it.
    try:
        return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116 (not a file)
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return "?"
    fields = text.rpartition(")")[2].split()
    # A process that is dead and not yet buried waits for nothing.
    return "dead" if fields[0] in ("Z", "X") else fields[19]
