"""What is kept of a run for comparing it with others of its agent: a few hundred bytes, no text."""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct

from duress.audit.deals import Deed
from duress.audit.run import Run
from duress.audit.track import Track
from duress.facts import data_classes
from duress.trajectory import Role

MOST: Final = 400
"""So many calls of a run are kept; the rest is counted."""
WINDOW: Final = 60.0
"""Seconds within which calls are a burst."""


class Sketch(Struct, frozen=True):
    """One run, for comparison."""

    run: str
    agent: str
    version: str
    """Version, model and prompt of the agent: another one behaves otherwise, and that is drift."""
    at: float | None
    calls: tuple[str, ...]
    """What was called, in order: the tool, and what it did to things where its arguments tell."""
    steps: tuple[int, ...]
    """Of each call, its message."""
    goes_to: tuple[tuple[str, str, str], ...]
    """Tool, recipient, class of data, of every call that goes to somebody."""
    goes_at: tuple[int, ...]
    """Of each of these, its message."""
    total: int
    """All calls, also those not kept."""
    burst: int
    """Most calls within `WINDOW` seconds; 0 where nobody took the time."""
    failures: int


def sketch(run: Run, track: Track | None = None) -> Sketch:
    """Return what is kept of a run; `track` is the run laid out, where that was done before."""
    track = track or Track(run.trajectory.messages)
    calls: list[str] = []
    steps: list[int] = []
    goes: dict[tuple[str, str, str], int] = {}
    for act in track.acts:
        deeds = sorted({deal.deed.value for deal in act.deals if deal.deed is not Deed.READ})
        calls.append("+".join([act.call.tool, *deeds]))
        steps.append(act.step)
        recipients = act.recipients
        if recipients:
            kinds = sorted({found.kind.value for found in data_classes(act.text)} - {"contact"}) or [""]
            for recipient in recipients:
                goes.setdefault((act.call.tool, recipient, ",".join(kinds)), act.step)
    messages = run.trajectory.messages
    failures = sum(message.role is Role.TOOL and message.error is not None for message in messages)
    times = sorted(m.at for m in messages if m.role is Role.ASSISTANT and m.calls and m.at is not None)
    prompt = next((m.text for m in messages if m.role is Role.SYSTEM), "")
    version = "/".join(
        part
        for part in (run.version or "", run.model or "", hashlib.sha256(prompt.encode()).hexdigest()[:8])
        if part
    )
    return Sketch(
        run.id,
        run.who,
        version,
        run.at if run.at is not None else next((m.at for m in messages if m.at is not None), None),
        tuple(calls[:MOST]),
        tuple(steps[:MOST]),
        tuple(goes),
        tuple(goes.values()),
        len(calls),
        _burst(times),
        failures,
    )


def _burst(times: list[float]) -> int:
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] > WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most
