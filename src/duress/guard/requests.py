"""What an enforcement asks of whoever drives it, and what it is answered."""

from __future__ import annotations

from inspect import isawaitable

from msgspec import Struct

from duress.guard.keeper import Answer, Entry, Request
from duress.guard.monitor import Monitor, Observation, Step


class Record(Struct, frozen=True):
    """Record these entries durably. Answered by None."""

    entries: tuple[Entry, ...]


class Ask(Struct, frozen=True):
    """Ask people. Answered by `Answer`."""

    request: Request


class Score(Struct, frozen=True):
    """Have a monitor look at a step. Answered by `Observation`, or None if it abstains."""

    monitor: Monitor
    step: Step


class Look(Struct, frozen=True):
    """See whether a session or its agent is stopped. Answered by None if not, else by why."""

    session: str
    agent: str


class Failed(Struct, frozen=True):
    """Answers any request that could not be fulfilled."""

    why: str


Asked = Record | Ask | Score | Look
Answered = None | Answer | Observation | str | Failed


def scored(asked: Score, waits: str) -> Answered:
    """Return what a monitor says of a step, where nobody can wait for it; `waits` says so if it has to."""
    try:
        found = asked.monitor(asked.step)
    except Exception as error:
        return Failed(f"{type(error).__name__}: {error}")
    if isawaitable(found):
        close = getattr(found, "close", None)
        if close is not None:
            close()
        return Failed(waits)
    return found
