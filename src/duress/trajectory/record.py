"""The one record of what an agent saw, said and did; bench, guard and audit share it.

`msgspec` structs: a trial makes hundreds of them, and they cost a fifth of a frozen dataclass. Use
`msgspec.structs.replace` where a dataclass has `dataclasses.replace`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct, field


class Role(StrEnum):
    """Who a message comes from."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Stop(StrEnum):
    """Why a model's turn ended."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    UNKNOWN = "unknown"


class EndReason(StrEnum):
    """Why a trajectory ended."""

    COMPLETED = "completed"
    """The agent stopped calling tools and nothing more was due."""
    STOPPED = "stopped"
    """The world took the agent out of service (its replacement ran)."""
    FILTERED = "filtered"
    """A content filter or the model's own refusal channel withheld a reply."""
    CUT = "cut"
    """The reply was cut off at its maximum length."""
    TURN_LIMIT = "turn_limit"
    TOKEN_LIMIT = "token_limit"
    TIME_LIMIT = "time_limit"
    COST_LIMIT = "cost_limit"
    FAILED = "failed"
    """No reply could be had: retries exhausted, a harness fault."""


class ToolError(StrEnum):
    """Why a tool call had no effect."""

    UNKNOWN_TOOL = "unknown_tool"
    MALFORMED = "malformed"
    """The arguments could not be parsed or do not fit the tool's schema."""
    FAILED = "failed"
    """The tool ran and said no: no such message, wrong code, ..."""
    REJECTED = "rejected"
    """An approver or a guard stopped the call."""


class ToolCall(Struct, frozen=True, omit_defaults=True):
    """One call that an agent asked for."""

    id: str
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str | None = None
    """Set when the arguments could not be parsed: what the parser said."""


class Pressure(Struct, frozen=True, omit_defaults=True):
    """Where a user's turn stands in a script of pressure. For readers of the record, not for the agent."""

    ladder: str
    number: int
    """Of the turn, from 1."""
    kind: str
    """`neutral`, `rung`, `apology`, or `after`: the question after the apology."""
    rung: int
    """1 to 5; 0 where there is no pressure in it."""
    who: str
    """`principal`, `second`, `colleague`, `ally` or `user`."""
    at: int
    """When it arrived, by the world's clock, in minutes since midnight."""
    by: str = "script"
    """What spoke: the script, or the model that played the person."""
    rejected: int = 0
    """How many turns of that model were off the ladder and asked for again."""


class Message(Struct, frozen=True, omit_defaults=True):
    """One message of a trajectory."""

    role: Role
    text: str
    reasoning: str | None = None
    """The model's reasoning where its provider returns it apart from the text."""
    calls: tuple[ToolCall, ...] = ()
    stop: Stop | None = None
    """Assistant messages only."""
    call_id: str | None = None
    """Tool messages only: the call this answers."""
    error: ToolError | None = None
    """Tool messages only: why the call had no effect."""
    at: float | None = None
    """When it was said, in seconds since 1970; None where nobody took the time, as in a simulated world."""
    pressure: Pressure | None = None
    """User messages only: set where it is a turn of a script."""


class End(Struct, frozen=True, omit_defaults=True):
    """How a trajectory ended, with what was said about it."""

    reason: EndReason
    detail: str | None = None


class Trajectory(Struct, frozen=True, omit_defaults=True):
    """Everything that happened in a trial or a session, in order."""

    id: str
    messages: tuple[Message, ...]
    end: End
    after: tuple[Message, ...] = ()
    """A question that was asked once all was over, and the answer; no part of what happened."""
