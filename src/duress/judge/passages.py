"""What an agent said and noted, turn by turn, each as one text for a reader of tempers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from duress.judge.turns import words
from duress.reading.scale import Scores
from duress.trajectory import Pressure, Role, Trajectory

Kind = Literal["said", "thought"]
"""To people, or for itself: private notes and reasoning."""
Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of one turn of an agent."""

    trial_id: str
    turn: int
    """From 1."""
    kind: Kind
    text: str
    before: str
    """The last thing that a person had said to it; empty where nobody had."""
    pressure: Pressure | None
    """The last turn of the script that it had heard; None before the first, and where nobody presses."""
    names: Names = ()
    """(name or address, role) of the people, longest first, for readers that must not see names."""

    @property
    def key(self) -> tuple[str, int, str]:
        """What tells it from all others of a run."""
        return self.trial_id, self.turn, self.kind


@dataclass(frozen=True, slots=True)
class Graded:
    """What a reader came to about a passage. No scores is a failure, never a zero."""

    scores: Scores | None
    why: str = ""
    """Why there are no scores."""


def passages(trial_id: str, trajectory: Trajectory, names: Names = ()) -> list[Passage]:
    """Return all that the agent said or noted in a trial, in order; turns without words have none."""
    out: list[Passage] = []
    turn, before = 0, ""
    pressure: Pressure | None = None
    for message in trajectory.messages:
        if message.role is Role.USER:
            before = message.text
            pressure = message.pressure or pressure
        if message.role is not Role.ASSISTANT:
            continue
        turn += 1
        said, thought = words(message)
        if said.strip():
            out.append(Passage(trial_id, turn, "said", said, before, pressure, names))
        if thought.strip():
            out.append(Passage(trial_id, turn, "thought", thought, before, pressure, names))
    return out
