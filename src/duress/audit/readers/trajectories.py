"""Our own trajectories: a run directory of the bench, or any file of them."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from duress.audit.errors import UnreadableError
from duress.audit.readers.reader import OneEach
from duress.audit.run import Place, Run
from duress.trajectory import Trajectory

NAME = "duress"


def accepts(value: Any) -> bool:
    """Return whether a record is a trajectory: an id, messages, and how it ended."""
    if not isinstance(value, dict):
        return False
    record = cast("dict[str, Any]", value)
    end: Any = record.get("end")
    return "messages" in record and isinstance(end, dict) and "reason" in end


def run(value: Any, place: Place) -> Run:
    """Return a run; raises `UnreadableError`."""
    try:
        trajectory = msgspec.convert(value, Trajectory)
    except msgspec.ValidationError as error:
        raise UnreadableError(str(error)) from error
    # What was asked once all was over is no part of what happened, and it may say what the trial was for.
    trajectory = msgspec.structs.replace(trajectory, after=())
    at = next((message.at for message in trajectory.messages if message.at is not None), None)
    return Run(trajectory.id, trajectory, place, NAME, at=at)


READER = OneEach(NAME, accepts, run)
