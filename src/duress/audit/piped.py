"""Logs that come through a pipe: they are copied to a scratch file, so that they can be read like others."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from duress.audit.errors import AuditError
from duress.audit.logs import Log, remote

PIPE = "-"
"""Stands for the standard input."""


def is_piped(name: str) -> bool:
    """Return whether a name stands for the standard input or a pipe."""
    if name == PIPE:
        return True
    try:
        return not remote(name) and Path(name).is_fifo()
    except OSError:
        return False


@contextmanager
def piped(named: Sequence[str]) -> Generator[list[Log]]:
    """Read pipes to their end and give them as logs, for as long as the context lasts.

    Raises:
        AuditError: one of them cannot be read, or the disk has no room for it.
    """
    if not named:
        yield []
        return
    with TemporaryDirectory(prefix="duress-audit-") as folder:
        yield [_copied(name, Path(folder) / str(number)) for number, name in enumerate(dict.fromkeys(named))]


def _copied(name: str, place: Path) -> Log:
    try:
        with place.open("wb") as copy:
            if name == PIPE:
                shutil.copyfileobj(sys.stdin.buffer, copy, 1 << 20)
            else:
                with Path(name).open("rb") as pipe:
                    shutil.copyfileobj(pipe, copy, 1 << 20)
        told = place.stat()
    except OSError as error:
        raise AuditError(f"{name}: cannot be read: {error.strerror}") from error
    return Log(name, told.st_size, told.st_mtime, real=str(place))
