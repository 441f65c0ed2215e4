"""How the reading of logs goes on, on the standard error stream."""

from __future__ import annotations

from time import monotonic
from typing import Any

EVERY = 10.0
"""Seconds between two plain lines."""


class Progress:
    """A bar on a terminal, now and then a line elsewhere; nothing where there is little to read."""

    def __init__(self, logs: int, size: int, known: int) -> None:
        """Of `size` bytes in `logs` files; `known` files have nothing new."""
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._logs, self._size, self._known = logs, size, known
        self._bytes = self._runs = 0
        self._start = self._told = monotonic()
        self._live: Any = None

    def tell(self, size: int, runs: int) -> None:
        """Count what was read since."""
        self._bytes += size
        self._runs += runs
        if self._live is not None:
            self._live.update(self._line())
        elif monotonic() - self._told >= EVERY:
            self._told = monotonic()
            self._console.print(self._line(), soft_wrap=True)

    def _line(self) -> str:
        seconds = max(1e-6, monotonic() - self._start)
        rate = self._bytes / seconds
        told = [
            f"{self._bytes / 1e6:,.0f} of {self._size / 1e6:,.0f} MB",
            f"{self._runs:,} runs",
            f"{self._runs / seconds:,.0f} runs/s",
        ]
        if rate and self._bytes < self._size:
            told += [f"{rate / 1e6:,.0f} MB/s", f"{_span((self._size - self._bytes) / rate)} left"]
        return ", ".join(told)

    def __enter__(self) -> Progress:
        if self._console.is_terminal and self._logs:
            from rich.live import Live

            self._live = Live(self._line(), console=self._console, refresh_per_second=5, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        if self._known:
            files = "1 file has" if self._known == 1 else f"{self._known} files have"
            self._console.print(f"{files} nothing new since then", soft_wrap=True)


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
