"""Ctrl-C while a run is going on: finish what is at hand, then stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Turns the first Ctrl-C into a flag; the second is a `KeyboardInterrupt` as ever."""

    def __init__(self, told: Callable[[], None]) -> None:
        """`told` is called when it is asked for."""
        self.asked = False
        self._told = told
        self._before: Any = None

    def _handle(self, number: int, where: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._told()

    def __enter__(self) -> Interrupt:
        # Only the main thread may set handlers; a notebook's worker thread goes without.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
