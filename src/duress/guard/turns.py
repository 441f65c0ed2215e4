"""What changed, told to every process of a state folder: they all have one small file in memory.

A look costs no call of the system. It says that there is something to be read, never what: whoever dies
between its change and telling of it is found out by those who look into the database itself.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

_SIZE = 4096
_WORD = 8
_ANY = slice(0, _WORD)
_PASSING = slice(_WORD, 2 * _WORD)


class Turns:
    """Two values that are others once something has changed. Threads and forked children may share it."""

    def __init__(self, file: Path) -> None:
        """Open the file, making it if there is none; two processes must not do so at the same time.

        Raises:
            OSError: it cannot be made, or there is no room for it.
        """
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(self._file).st_size < _SIZE:
                # Written, not only made longer: memory without a place on the disk would end the process.
                os.pwrite(self._file, bytes(_SIZE), 0)
            self._shared = mmap.mmap(self._file, _SIZE)
        except BaseException:
            os.close(self._file)
            raise

    def any(self) -> bytes:
        """Return a value that is another one once anything has changed."""
        return self._shared[_ANY]

    def passing(self) -> bytes:
        """Return a value that is another one once it has changed what may pass: stops, overrides."""
        return self._shared[_PASSING]

    def there(self) -> bool:
        """Return whether the file still is where others find it."""
        return os.fstat(self._file).st_nlink > 0

    def change(self, *, passing: bool) -> None:
        """Tell that something has changed; to be called once it can be read."""
        # Drawn, not counted: two processes that count at the same time would tell of one change.
        if passing:
            self._shared[_PASSING] = os.urandom(_WORD)
        self._shared[_ANY] = os.urandom(_WORD)

    def close(self) -> None:
        """Let go of the file."""
        self._shared.close()
        os.close(self._file)
