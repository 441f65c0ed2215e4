"""Our own trajectories: a run directory of the bench, or any file of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from duress.audit.logs import remote
from duress.audit.readers.field import fields
from duress.audit.readers.moment import moment
from duress.audit.readers.reader import Gathering, identity, told
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Trajectory

NAME = "duress"
_AHEAD = 100_000
"""So many rows are held that belong to trajectories further on, or to none."""


class _Row(msgspec.Struct):
    """What is read of a row: what came out of a trial has no field to go to."""

    trial_id: str
    model: str | None = None
    run_finished: str | None = None


class _Trajectories:
    def __init__(self, path: str) -> None:
        self._rows = _Rows(Path(path).parent.parent / "rows") if not remote(path) else None

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Return the run of one trajectory."""
        try:
            trajectory = msgspec.convert(value, Trajectory)
        except msgspec.ValidationError as error:
            return (Unread(place, told(NAME, error), identity(value)),)
        # What was asked once all was over is no part of what happened, and may say what the trial was for.
        trajectory = msgspec.structs.replace(trajectory, after=())
        at = next((message.at for message in trajectory.messages if message.at is not None), None)
        row = self._rows.of(trajectory.id) if self._rows is not None else None
        if row is None:
            return (Run(trajectory.id, trajectory, place, NAME, at=at),)
        return (
            Run(trajectory.id, trajectory, place, NAME, model=row.model, at=at or moment(row.run_finished)),
        )

    def close(self) -> Iterable[Run | Unread]:
        """Return nothing: nothing is kept."""
        return ()


class _Rows:
    """The rows of a run directory, which lie in the order of its trajectories."""

    def __init__(self, folder: Path) -> None:
        self._lines = _lines(folder)
        self._ahead: OrderedDict[str, _Row] = OrderedDict()

    def of(self, trial: str) -> _Row | None:
        """Return the row of a trial, or None."""
        if trial in self._ahead:
            return self._ahead.pop(trial)
        for row in self._lines:
            if row.trial_id == trial:
                return row
            self._ahead[row.trial_id] = row
            if len(self._ahead) > _AHEAD:
                self._ahead.popitem(last=False)
        return None


def _lines(folder: Path) -> Iterator[_Row]:
    decoder = msgspec.json.Decoder(_Row)
    for part in sorted(folder.glob("part-*.jsonl")):
        with part.open("rb") as file:
            for line in file:
                try:
                    yield decoder.decode(line)
                except msgspec.DecodeError:
                    continue


class _Reader:
    name = NAME
    resumes = True

    def accepts(self, value: Any) -> bool:
        """Return whether a record is a trajectory: an id, messages, and how it ended."""
        record = fields(value)
        return "messages" in record and "reason" in fields(record.get("end"))

    def gather(self, path: str) -> Gathering:
        """Return what takes the trajectories of one file."""
        return _Trajectories(path)


READER = _Reader()
