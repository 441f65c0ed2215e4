"""What a scripted model sees of a request and what it can answer, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True)
class Line:
    """One message of the conversation that was sent."""

    role: Role
    text: str


@dataclass(frozen=True)
class Asked:
    """One request for a reply."""

    model: str
    lines: tuple[Line, ...]
    tools: tuple[str, ...]
    streamed: bool
    attempt: int
    """1 for the first time these very bytes arrive, 2 for the first repetition, ..."""
    body: dict[str, Any] = field(repr=False)

    @property
    def system(self) -> str:
        """What the system messages say; empty if there is none."""
        return "\n".join(line.text for line in self.lines if line.role is Role.SYSTEM)

    @property
    def turn(self) -> int:
        """How often the model has spoken in this conversation."""
        return sum(line.role is Role.ASSISTANT for line in self.lines)

    @property
    def results(self) -> list[str]:
        """What tools answered, since the model spoke last."""
        found: list[str] = []
        for line in reversed(self.lines):
            if line.role is Role.ASSISTANT:
                break
            if line.role is Role.TOOL:
                found.append(line.text)
        return found[::-1]


class Why(StrEnum):
    """Why a reply ends."""

    DONE = "done"
    LENGTH = "length"
    FILTERED = "filtered"
    """OpenAI: finish_reason content_filter. Anthropic: stop_reason refusal."""


@dataclass(frozen=True)
class Call:
    """A tool call; arguments given as a string are sent as they are."""

    tool: str
    arguments: dict[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True)
class Say:
    """A reply in the model's own voice."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    reasoning: str | None = None
    why: Why = Why.DONE
    refusal: str | None = None
    """OpenAI only: the `refusal` field beside the content."""


@dataclass(frozen=True)
class Refuse:
    """An HTTP error, in the protocol's own form."""

    status: int
    kind: str = "server_error"
    message: str = "The server had an error while processing your request."
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    """Sent instead of the protocol's own form."""


@dataclass(frozen=True)
class Wait:
    """The reply, late."""

    seconds: float
    then: Say


@dataclass(frozen=True)
class Cut:
    """The reply, with the connection closed in the middle of its body."""

    reply: Say


@dataclass(frozen=True)
class Break:
    """A streamed reply that ends in an error event after it has begun."""

    reply: Say
    error: Refuse


Act = Say | Refuse | Wait | Cut | Break
Behaviour = Callable[[Asked], Act]
