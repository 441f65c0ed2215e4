"""Small records of a process that others read without asking it: files that it holds in memory."""

from __future__ import annotations

import mmap
import os
import secrets
import threading
from collections.abc import Hashable, Iterator
from pathlib import Path

from duress.guard import waiter

_SLOT = 512
"""Bytes of a record, and of the head that says whose they are."""
_SLOTS = 256
_FILES = 64
_COUNT = 8
_NAME = slice(_COUNT, _SLOT)
LONGEST = _SLOT
"""Bytes that a record may have."""


class Shared:
    """The records of this process under keys of its own. Threads may share it; a forked child has none."""

    def __init__(self, folder: Path, suffix: str) -> None:
        """Name the folder; nothing is written before the first record."""
        self._folder = folder
        self._suffix = suffix
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._files: list[_File] = []
        self._places: dict[Hashable, tuple[_File, int]] = {}

    def put(self, key: Hashable, record: bytes) -> None:
        """Write a record, in place of the last one of this key.

        Raises:
            OSError: there is no room.
        """
        with self._lock:
            if self._process != os.getpid():
                self._begin()
            file, at = self._places.get(key) or self._place(key)
            file.write(at, record)

    def drop(self, key: Hashable) -> bool:
        """Take a record away; return whether there was one."""
        with self._lock:
            if self._process != os.getpid() or (place := self._places.pop(key, None)) is None:
                return False
            place[0].clear(place[1])
            return True

    def has(self, key: Hashable) -> bool:
        """Return whether there is a record of this key."""
        return self._process == os.getpid() and key in self._places

    def close(self) -> None:
        """Take all of them away."""
        with self._lock:
            if self._process == os.getpid():
                for file in self._files:
                    file.close()
            self._begin()

    def _place(self, key: Hashable) -> tuple[_File, int]:
        file = next((one for one in self._files if one.free), None)
        if file is None and len(self._files) < _FILES:
            file = _File(self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.{self._suffix}")
            self._files.append(file)
        if file is None:
            # Thousands that nobody ended: the oldest is the first that nobody waits for any more.
            oldest = next(iter(self._places))
            file, at = self._places.pop(oldest)
            file.clear(at)
        self._places[key] = file, file.free.pop()
        return self._places[key]


def read(folder: Path, suffix: str) -> Iterator[bytes]:
    """Yield the records of all processes that live, zeros behind them; one just written may be torn."""
    for path in folder.glob(f"*.{suffix}"):
        try:
            with path.open("rb", buffering=0) as file:
                head = file.read(_SLOT)
                owner = head[_NAME].rstrip(b"\0").decode("utf-8", "replace")
                if len(head) < _SLOT or not waiter.lives(owner):
                    path.unlink(missing_ok=True)
                    continue
                rest = file.read(_SLOT * int.from_bytes(head[:_COUNT], "little"))
        except OSError:
            # Its process has just let go of it.
            continue
        for at in range(0, len(rest), _SLOT):
            if rest[at]:
                yield rest[at : at + _SLOT]


class _File:
    """One file of records; the first slot holds how many were ever used, and the name of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used = 0
        self.free = list(range(_SLOTS - 1, -1, -1))
        path.parent.mkdir(mode=0o700, exist_ok=True)
        scratch = path.with_suffix(".new")
        file = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            # Written, not only made longer: memory without a place on the disk would end the process.
            name = waiter.me().encode()[: _SLOT - _COUNT]
            os.pwrite(file, (bytes(_COUNT) + name).ljust(_SLOT * (_SLOTS + 1), b"\0"), 0)
            self._map = mmap.mmap(file, _SLOT * (_SLOTS + 1))
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)

    def write(self, at: int, record: bytes) -> None:
        start = _SLOT * (at + 1)
        self._map[start : start + _SLOT] = record.ljust(_SLOT, b"\0")
        if at >= self._used:
            self._used = at + 1
            self._map[:_COUNT] = self._used.to_bytes(_COUNT, "little")

    def clear(self, at: int) -> None:
        self._map[_SLOT * (at + 1)] = 0
        self.free.append(at)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._map.close()
