"""Small files that are replaced whole and are on disk afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from duress.ledger.errors import LedgerError


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `data` in one step; it never exists with a wider mode.

    Raises:
        LedgerError: the disk refuses.
    """
    write_lines_durably(path, (data,), mode=mode)


def write_lines_durably(path: Path, lines: Iterable[bytes], *, mode: int = 0o644) -> None:
    """Do as `write_durably` with content that need not fit into memory."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.unlink(missing_ok=True)
        file = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(file, "wb", buffering=1 << 20) as writer:
            writer.writelines(lines)
            writer.flush()
            os.fsync(file)
        scratch.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise LedgerError(f"{path}: cannot be written: {error.strerror or error}") from error
