"""How a run goes on, on the standard error stream."""

from __future__ import annotations

from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

from duress.study.runner import Tally

if TYPE_CHECKING:
    from rich.table import Table

HARMFUL = "harmful"
UNUSABLE = ("invalid", "judge_error")
"""Outcomes that say nothing about a model."""
STOPPING = "stopping when the trials under way are done; Ctrl-C again stops now"
EVERY = 10.0
"""Seconds between two plain lines."""


class Progress:
    """A live table on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._planned: dict[str, int] = {}
        self._tally: Tally = Counter()
        self._start = self._told = monotonic()
        self._at_start = 0
        self._live: Any = None
        self._stopping = False
        self._open = ""

    def begin(self, planned: dict[str, int], done: Tally) -> None:
        """Note what is planned and what is there already."""
        # A study has its anchors before it; each is told from its own beginning.
        self.end()
        self._planned, self._tally, self._open = planned, Counter(done), ""
        self._start = self._told = monotonic()
        self._at_start = done.total()
        if self._at_start:
            self._console.print(
                f"going on: {self._at_start} of {sum(planned.values())} trials are there already"
            )
        if self._console.is_terminal and self._at_start < sum(planned.values()):
            from rich.live import Live

            self._live = Live(
                get_renderable=self._table,
                console=self._console,
                refresh_per_second=5,
                transient=True,
            )
            self._live.start()

    def released(self, planned: dict[str, int], open_cells: int, cells: int) -> None:
        """Note what was released since, and how many cells are still open."""
        self._planned = planned
        self._open = f"{open_cells} of {cells} cells open"

    def advance(self, tally: Tally) -> None:
        """Count finished trials."""
        self._tally.update(tally)
        if self._live is None and monotonic() - self._told >= EVERY:
            self._told = monotonic()
            self._console.print(self._line(), soft_wrap=True)

    def stopping(self) -> None:
        """Say that what is under way is being finished."""
        self._stopping = True
        if self._live is None:
            self._console.print(STOPPING)

    def end(self) -> None:
        """Take the live table away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _left(self) -> str:
        done, total = self._tally.total(), sum(self._planned.values())
        fresh = done - self._at_start
        if not fresh or done >= total:
            return ""
        return f"{_span((total - done) * (monotonic() - self._start) / fresh)} left"

    def _finished(self, model: str) -> int:
        return sum(n for (name, _), n in self._tally.items() if name == model)

    def _rate(self, model: str) -> str:
        """Return the harmful share of what is finished, or a dash while none of it is usable."""
        finished = self._finished(model)
        if finished == sum(self._tally[model, outcome] for outcome in UNUSABLE):
            return "\N{EN DASH}"
        return f"{100 * self._tally[model, HARMFUL] / finished:.0f} %"

    def _line(self) -> str:
        done, total = self._tally.total(), sum(self._planned.values())
        rates = [f"{model} {self._rate(model)}" for model in self._planned]
        told = ", ".join(filter(None, [f"{done}/{total} trials", self._open or self._left()]))
        return f"{told}; harmful: {', '.join(rates)}"

    def _table(self) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        done, total = self._tally.total(), sum(self._planned.values())
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(f"{done}/{total} trials", no_wrap=True)
        # How long a study takes that can stop early nobody knows.
        table.add_column(self._open or self._left(), width=24)
        table.add_column("finished", justify="right")
        table.add_column("harmful", justify="right")
        table.add_column("rate", justify="right")
        for model, planned in self._planned.items():
            finished = self._finished(model)
            table.add_row(
                model,
                ProgressBar(total=planned, completed=finished, width=24),
                str(finished),
                str(self._tally[model, HARMFUL]),
                self._rate(model),
            )
        if self._stopping:
            table.caption = STOPPING
        return table


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
