"""A file that is written whole: seen as it was before or as it is afterwards, whatever the name leads to."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

SCRATCH = ".scratch-"
"""Prefix of what a killed process can leave behind."""


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace a file in one step; it is on disk when this returns, and untouched if this raises.

    A link stays, and what it leads to is replaced. What is no file, a pipe or a device, stays too, and
    is written into.

    Raises:
        OSError: the file cannot be written; nothing is left beside it.
    """
    found = _told(path)
    odd = found is not None and not stat.S_ISREG(found.st_mode)
    if odd or path.parts[:2] in (("/", "dev"), ("/", "proc")):
        with path.open("wb") as file:
            file.writelines(pieces)
        return
    target = path.resolve() if path.is_symlink() else path
    if found is not None and not found.st_mode & 0o222:
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    # Nobody can guess the name and lay a link there; it is short, however long the target's is.
    scratch = target.with_name(f"{SCRATCH}{secrets.token_hex(8)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            if found is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, not only the content behind them."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
