"""One recorded run, whatever wrote it: the conversation, and who ran it."""

from __future__ import annotations

import hashlib

from msgspec import Struct
from msgspec.structs import replace

from duress.trajectory import Trajectory


class Place(Struct, frozen=True, omit_defaults=True):
    """Where a run was read."""

    path: str
    """The file, as it was named: a path or an address."""
    line: int
    """The line of a file of lines, else the number of the record in its file; from 1."""

    def __str__(self) -> str:
        return f"{self.path}#{self.line}"


class Run(Struct, frozen=True, omit_defaults=True):
    """One recorded run.

    A reader takes from a record what is named here and nothing else: labels, grades and rewards that a
    log carries have no field to go to.
    """

    id: str
    """The record's own id, else `path#line`."""
    trajectory: Trajectory
    place: Place
    reader: str = ""
    agent: str | None = None
    """What the log calls the agent: a name, a task, a service."""
    model: str | None = None
    version: str | None = None
    """Version of the agent, where its log tells."""
    session: str | None = None
    at: float | None = None
    """When it began, in seconds since 1970; None where nobody took the time."""

    @property
    def who(self) -> str:
        """The agent, else the model, else nothing: by this, runs are compared with their like."""
        return self.agent or self.model or ""


def blind(run: Run) -> Run:
    """Return the run as a monitor sees it: the conversation, and nothing that may give the answer away.

    Names of records, files, agents and tasks do ("..._benign.jsonl"). Who ran it is replaced by a mark that
    is the same for the same name, so that runs can still be compared with their like.
    """
    return replace(
        run,
        id="",
        place=Place("", 0),
        reader="",
        trajectory=replace(run.trajectory, id=""),
        agent=_mark(run.agent),
        model=_mark(run.model),
        version=_mark(run.version),
        session=_mark(run.session),
    )


def _mark(name: str | None) -> str | None:
    return None if name is None else hashlib.sha256(name.encode(errors="replace")).hexdigest()[:12]


class Unread(Struct, frozen=True, omit_defaults=True):
    """A record or a file that could not be read."""

    place: Place
    why: str
    """What was expected, what was found, what to do."""
    id: str = ""
    """The record's own id where that much could be read, else `path#line`."""
    whole: bool = False
    """Nothing of the file could be read."""
    strange: bool = False
    """Nothing in the file looks like a run: it is no log."""

    @property
    def run(self) -> str:
        """What findings call it."""
        return self.id or str(self.place)
