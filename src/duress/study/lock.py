"""One process owns a run directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from duress.study.errors import StudyError


class BusyError(StudyError):
    """Another process has the run directory."""


class Lock:
    """An exclusive hold on a run directory; the system lets go of it when the process dies."""

    def __init__(self, folder: Path) -> None:
        """Take the lock of `folder`, or raise `BusyError` naming the process that has it.

        Raises `OSError` where the folder cannot be written to.
        """
        self._path = folder / "lock"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._file, 64).decode("ascii", "replace").strip()
            os.close(self._file)
            raise BusyError(
                f"{folder}: another process ({owner or 'unknown'}) is writing to this run "
                "directory; wait for it, stop it, or choose another directory with --out"
            ) from error
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, f"pid {os.getpid()}\n".encode())
        except OSError:
            os.close(self._file)
            raise

    def release(self) -> None:
        """Let go; the file stays, because removing it would race with the next owner."""
        os.close(self._file)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
