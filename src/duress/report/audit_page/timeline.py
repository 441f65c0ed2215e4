"""When an agent ran and when it did what somebody should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

BINS = 60
AGENTS = 24
"""Agents that are shown; those with most to look at come first."""


@dataclass(slots=True)
class Bin:
    """A span of time."""

    runs: int = 0
    flagged: int = 0
    link: str = ""
    """Where the first flagged run of it stands on the page."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One agent."""

    name: str
    models: tuple[str, ...]
    runs: int
    flagged: int
    bins: list[Bin]
    most: int
    """Runs of the fullest bin of all agents."""


@dataclass(slots=True)
class _Agent:
    bins: list[Bin]
    models: dict[str, None]
    runs: int = 0
    flagged: int = 0


class Timeline:
    """Collects runs, and lays them out when all are there."""

    def __init__(self, first: float, last: float) -> None:
        """From the first run to the last, in seconds since 1970."""
        self.first, self.last = first, max(last, first + 1.0)
        self._agents: dict[str, _Agent] = {}

    def add(self, agent: str, model: str | None, at: float, link: str | None) -> None:
        """Add a run; `link` is where it stands on the page, None if there is nothing to look at."""
        held = self._agents.get(agent)
        if held is None:
            held = self._agents[agent] = _Agent([Bin() for _ in range(BINS)], {})
        held.runs += 1
        if model:
            held.models[model] = None
        share = (at - self.first) / (self.last - self.first)
        place = held.bins[min(BINS - 1, max(0, int(share * BINS)))]
        place.runs += 1
        if link is not None:
            held.flagged += 1
            place.flagged += 1
            place.link = place.link or link

    def lanes(self) -> list[Lane]:
        """Return the agents, those with most to look at first."""
        ranked = sorted(self._agents.items(), key=lambda item: (-item[1].flagged, -item[1].runs, item[0]))
        shown = ranked[:AGENTS]
        most = max((found.runs for _, held in shown for found in held.bins), default=1)
        return [
            Lane(name, tuple(held.models), held.runs, held.flagged, held.bins, most) for name, held in shown
        ]

    @property
    def hidden(self) -> int:
        """Agents that are not shown."""
        return max(0, len(self._agents) - AGENTS)

    def ticks(self) -> Sequence[str]:
        """Return the dates at the beginning, in the middle and at the end."""
        middle = (self.first + self.last) / 2
        short = self.last - self.first < 3 * 86_400
        form = "%Y-%m-%d %H:%M" if short else "%Y-%m-%d"
        return [datetime.fromtimestamp(at, UTC).strftime(form) for at in (self.first, middle, self.last)]
