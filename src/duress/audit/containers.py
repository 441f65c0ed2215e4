"""Files that are not text: archives and databases with runs in them, told by their first bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO

from msgspec import Struct

from duress.audit.logs import SQLITE, ZIP
from duress.audit.readers import inspect_log, ledger
from duress.audit.run import Run, Unread


class Container(Struct, frozen=True):
    """A kind of file, and what reads it."""

    name: str
    read: Callable[[IO[bytes], str], Iterator[Run | Unread]]


def find(stream: IO[bytes]) -> Container | None:
    """Return what reads a file that starts like this, or None; the stream stays at its start."""
    head = stream.read(16)
    stream.seek(0)
    if head.startswith(ZIP):
        return Container(inspect_log.NAME, inspect_log.archive)
    if head.startswith(SQLITE):
        return Container(ledger.NAME, ledger.database)
    return None
