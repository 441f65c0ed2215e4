"""One append-only file of a run directory: written durably, readable after any interruption."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from duress import outfile
from duress.outfile import SCRATCH, sync_folder
from duress.study.errors import StudyError

__all__ = ["SCRATCH", "Part", "lines", "numbered", "sync_folder", "unwritable", "write_whole"]
MAX_BYTES = 256 * 1024 * 1024
"""A part is closed and the next one opened beyond this size."""


class Part:
    """Appends to a new file. Nothing is acknowledged before `append` has returned."""

    def __init__(self, path: Path) -> None:
        """Create `path`, which must not exist: a torn end is never written on to."""
        self.path = path
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            sync_folder(path.parent)
        except OSError as error:
            raise unwritable(path, error) from error
        self.size = 0

    def append(self, data: bytes) -> int:
        """Write and sync `data`; return the offset where it starts."""
        start = self.size
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fsync(self._file)
        except OSError as error:
            self._cut(start)
            raise unwritable(self.path, error) from error
        self.size = start + len(data)
        return start

    def _cut(self, size: int) -> None:
        """Take back a half-written batch, so far as the disk still lets us."""
        try:
            os.ftruncate(self._file, size)
            os.lseek(self._file, size, os.SEEK_SET)
        except OSError:
            # Readers drop a torn end themselves; this only keeps the file tidy.
            return

    def close(self) -> None:
        """Close the file; everything in it is on disk already."""
        os.close(self._file)


def write_whole(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step: a reader sees the old file or the new one."""
    try:
        outfile.write(path, (data,))
    except OSError as error:
        raise unwritable(path, error) from error


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line without its newline); a last line without a newline is torn: dropped."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield offset, line[:-1]
            offset += len(line)


def numbered(folder: Path, suffix: str) -> list[Path]:
    """Return the parts of `folder` in the order in which they were written."""
    return sorted(folder.glob(f"part-*{suffix}"), key=lambda path: (len(path.name), path.name))


class UnwritableError(StudyError):
    """The disk refuses a write."""


def unwritable(path: Path, error: Exception) -> UnwritableError:
    """Return the error to raise when the disk refuses a write."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return UnwritableError(
        f"{path}: cannot write: {reason}. Every trial reported as finished is "
        "safe on disk; make room (or fix the path) and run the same command again to go on"
    )
