"""One process writes to a ledger."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from weakref import WeakSet

from duress.ledger.errors import BusyError

_held: WeakSet[Lock] = WeakSet()


def _forked() -> None:
    """A child must not keep its parent's lock alive when the parent is gone."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forked)


class Lock:
    """The writer's exclusive hold; the system lets go of it when the process dies."""

    def __init__(self, ledger: Path, wait: float = 0.0) -> None:
        """Take the lock of a ledger, or, after `wait` seconds, raise `BusyError` naming who has it.

        Raises `OSError` where the folder cannot be written to.
        """
        # Never removed: that would race with the next owner.
        self._file = os.open(
            ledger.with_name(f"{ledger.name}-writer"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        deadline = time.monotonic() + wait
        while not self._take():
            if time.monotonic() >= deadline:
                owner = os.read(self._file, 64).decode("ascii", "replace").strip()
                os.close(self._file)
                raise BusyError(
                    f"{ledger}: another process ({owner or 'unknown'}) is its writer; stop it, "
                    "or have it write"
                )
            time.sleep(0.02)
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, f"pid {os.getpid()}\n".encode())
        except OSError:
            os.close(self._file)
            raise
        _held.add(self)

    def _take(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            os.close(self._file)
            raise
        return True

    def release(self) -> None:
        """Let go; more than once is allowed."""
        if self in _held:
            _held.discard(self)
            os.close(self._file)
