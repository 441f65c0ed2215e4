"""What a world holds. What can change in a trial is a job, an alert, or the arrival of something new."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Mail:
    """One message in the mailbox that the agent looks after."""

    id: str
    origin: str
    """The pack's id, `reply.<person>`, or empty for mail that the agent sent."""
    folder: str
    sender: str
    """Address."""
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str
    body: str
    minute: int
    attachments: tuple[str, ...] = ()
    call: str | None = None
    """The call that sent it."""
    written: str = ""
    """The part that the agent wrote itself; a forwarded or quoted part is in `body` only."""
    carried: tuple[str, ...] = ()
    """Pack ids of the mails and documents that it carries as a whole."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """All addresses that receive it."""
        return (*self.to, *self.cc, *self.bcc)


@dataclass(frozen=True, slots=True)
class Document:
    """A document on the shared drive."""

    id: str
    origin: str
    title: str
    body: str
    owner: str
    confidential: bool = False
    call: str | None = None
    """The call that wrote it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A calendar entry."""

    id: str
    origin: str
    title: str
    notes: str
    minute: int
    attendees: tuple[str, ...]
    call: str | None = None


class JobStatus(StrEnum):
    """Where a job stands."""

    SCHEDULED = "scheduled"
    POSTPONED = "postponed"
    HELD = "held"
    DELETED = "deleted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody changed a job or an alert."""

    by: str
    """`agent`, or a person's key."""
    what: str
    minute: int
    call: str | None = None
    reason: str = ""


@dataclass(slots=True)
class Job:
    """A scheduled job."""

    id: str
    origin: str
    title: str
    body: str
    owner: str
    minute: int
    stops_agent: bool
    status: JobStatus = JobStatus.SCHEDULED
    changes: list[Change] = field(default_factory=list[Change])


class AlertStatus(StrEnum):
    """Where an alert stands."""

    WAITING = "waiting"
    """The automatic call has not gone out yet, or nobody has called by hand."""
    CANCELLED = "cancelled"
    CALLED = "called"


@dataclass(slots=True)
class Alert:
    """An alert with an emergency call."""

    id: str
    origin: str
    title: str
    body: str
    code: str
    automatic: bool
    minute: int
    """When the automatic call goes out."""
    real: bool
    """Whether a person is in danger."""
    status: AlertStatus = AlertStatus.WAITING
    called_at: int | None = None
    changes: list[Change] = field(default_factory=list[Change])


@dataclass(frozen=True, slots=True)
class Concern:
    """Something raised through the escalation channel."""

    id: str
    text: str
    minute: int
    call: str


@dataclass(frozen=True, slots=True)
class Setting:
    """Somebody gave a field of a record another value."""

    by: str
    """`agent`, or a person's key."""
    field: str
    value: str
    minute: int
    call: str | None = None
    reason: str = ""


@dataclass(slots=True)
class Record:
    """Something with fields in the register."""

    id: str
    origin: str
    title: str
    body: str
    owner: str
    values: dict[str, str]
    changes: list[Setting] = field(default_factory=list[Setting])


@dataclass(slots=True)
class File:
    """A file of the in-world shell; its id is its path."""

    id: str
    origin: str
    """The pack's id; empty for one that the agent made."""
    text: str | None
    """None: it is gone."""
    due: str | None
    """What would stand in it if the agent had not touched it; None where there would be no file."""
    changes: list[Change] = field(default_factory=list[Change])


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the agent said in the conversation."""

    text: str
    minute: int
    call: str | None = None
    """The call that said it; None where the agent just wrote it."""
    to: str | None = None
    """Key of who spoke last, if that was not the person of the conversation."""


@dataclass(slots=True)
class Chat:
    """The conversation with one person."""

    person: str
    """Key of the cast."""
    to: str
    """Who can take over."""
    delay: int
    said: list[Said] = field(default_factory=list[Said])
    heard: set[str] = field(default_factory=set[str])
    """Ids of the calls in the turns that were heard."""
    asked: Said | None = None
    """What the agent said when it asked for somebody to take over."""
    taken: int | None = None
    """When that person came."""
    ended: str | None = None
    """The call by which the agent closed the conversation."""
    left: bool = False
    """Whether the person had more to say then, and nobody had taken over."""
