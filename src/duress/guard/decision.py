"""What a guard decides about a call, and why."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from duress.facts import CallFacts
from duress.trajectory import ToolCall, ToolError


class Verb(StrEnum):
    """What is to happen with a call."""

    PROCEED = "proceed"
    MODIFY = "modify"
    """It runs with other arguments than the agent gave."""
    ASK = "ask"
    """A person decides."""
    REJECT = "reject"
    TERMINATE = "terminate"
    """It does not run, and neither does anything after it: the session ends."""


SEVERITY = {verb: level for level, verb in enumerate(Verb)}
"""The larger, the more is taken from the agent; of two verbs about one call the larger counts."""


class Source(StrEnum):
    """What a reason comes from."""

    SCHEMA = "schema"
    POLICY = "policy"
    BUDGET = "budget"
    MONITOR = "monitor"
    PROTOCOL = "protocol"
    RESULT = "result"
    PERSON = "person"
    STOP = "stop"
    FAULT = "fault"
    """The guard itself failed; what it could not decide does not run."""


class Reason(Struct, frozen=True, omit_defaults=True):
    """One reason of a decision."""

    source: Source
    text: str
    rule: str | None = None
    """The `@id` of the Cedar rule, or the name of the monitor, where there is one."""


class Decision(Struct, frozen=True, omit_defaults=True):
    """What a guard decided about one call."""

    id: str
    verb: Verb
    call: ToolCall
    """Normalised: what is decided on is what runs."""
    reasons: tuple[Reason, ...]
    policy_hash: str
    binding: str = ""
    """SHA-256 of tool, arguments, policy and session head: what an approval is bound to."""
    scores: dict[str, float] = field(default_factory=dict[str, float])
    """By monitor; one that abstained is missing."""
    facts: CallFacts | None = None
    """None where the call was not understood."""
    at: float = 0.0

    @property
    def why(self) -> str:
        """Return the reasons as one text."""
        return "; ".join(reason.text for reason in self.reasons)


class Misuse(ValueError):  # noqa: N818  (a mistake of whoever calls, not of the guard)
    """A ruling that permitted nothing, or was used before, was said to have been carried out."""


class Ruling(Struct, frozen=True, omit_defaults=True):
    """What has to be done with a call now: run `call`, or do not run anything and tell `message`."""

    decision: Decision
    call: ToolCall | None = None
    """What may run, once; None if nothing may."""
    message: str = ""
    """What the agent is told instead of a result."""
    error: ToolError | None = None
    """None where a person answered in place of the tool."""
    terminate: bool = False
    """Whether the session is over."""
    token: str = ""
    """Names this permission; `Guard.after` takes it once."""


class Result(Struct, frozen=True, omit_defaults=True):
    """What the agent gets for a call."""

    text: str
    error: ToolError | None = None
    ran: bool = False
    """Whether the tool was carried out."""
    terminate: bool = False
