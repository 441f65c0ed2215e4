"""What outlives a call: the record, the questions to people, the stops. A folder or a server keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct, field

from duress.guard.decision import Reason
from duress.trajectory import Message


class KeeperError(Exception):
    """Nothing could be recorded or asked. Whoever sees it denies."""


class Entry(Struct, frozen=True):
    """One thing to be recorded."""

    kind: str
    """`intent`, `refused`, `asked`, `answered`, `result`, `observed`, `stop`, `policy`, `gate`, ..."""
    session: str
    agent: str
    at: float
    """Seconds since 1970."""
    body: dict[str, Any] = field(default_factory=dict[str, Any])


class Subject(StrEnum):
    """What a person is asked about."""

    CALL = "call"
    """May this call run?"""
    RELEASE = "release"
    """May the agent read this result?"""


class Request(Struct, frozen=True, omit_defaults=True):
    """A question to people."""

    id: str
    binding: str
    """SHA-256 of (tool, arguments, policy, session head). An answer holds for this and for nothing else."""
    session: str
    agent: str
    user: str
    """On whose behalf the agent acts: never one of those who answer."""
    tool: str
    arguments: dict[str, Any]
    effect: str
    """`read`, `reversible`, `irreversible` or `unknown`."""
    reasons: tuple[Reason, ...]
    scores: dict[str, float]
    recent: tuple[Message, ...]
    """The end of the trajectory, oldest first."""
    policy: str
    policy_hash: str
    at: float
    expires: float
    """Seconds since 1970; without an answer by then the call is denied."""
    quorum: int = 1
    subject: Subject = Subject.CALL
    result: str | None = None
    """The text whose release is asked for."""
    per_hour: int | None = None
    """Questions that reviewers get in an hour at most; beyond, calls are denied."""
    canaries: float = 0.0
    """Share of known-bad requests that are mixed in."""


class Said(StrEnum):
    """What people answered."""

    APPROVE = "approve"
    EDIT = "edit"
    """It may run with other arguments."""
    REJECT = "reject"
    ANSWER = "answer"
    """The tool does not run; the agent gets a text of theirs as its result."""
    TERMINATE = "terminate"
    EXPIRED = "expired"
    """Nobody answered in time."""
    REFUSED = "refused"
    """It could not be asked: stopped, too many questions, ..."""


class Answer(Struct, frozen=True, omit_defaults=True):
    """What came of a question."""

    request: str
    """Id of the request."""
    binding: str
    said: Said
    people: tuple[str, ...] = ()
    """Who decided, in order."""
    message: str = ""
    arguments: dict[str, Any] | None = None
    """For an edit: all arguments."""


class Keeper(Protocol):
    """Keeps record, questions and stops."""

    def record(self, entries: Sequence[Entry]) -> None:
        """Record entries; they are durable when this returns.

        Raises:
            KeeperError: they are not.
        """
        ...

    async def record_async(self, entries: Sequence[Entry]) -> None:
        """Like `record`."""
        ...

    def stopped(self, session: str, agent: str) -> str | None:
        """Return why a session or its agent was stopped, or None. Takes microseconds; sees others' stops.

        Raises:
            KeeperError: it cannot be told.
        """
        ...

    def override(self, session: str, agent: str, tool: str) -> str | None:
        """Return the id of a break-glass override that two people have opened for this, or None."""
        ...

    def ask(self, request: Request) -> Answer:
        """Ask people and wait until they have decided, or the request has expired, or the session is stopped.

        Raises:
            KeeperError: they could not be asked.
        """
        ...

    async def ask_async(self, request: Request) -> Answer:
        """Like `ask`."""
        ...
