"""Monitors score a step and never act."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from duress.facts import CallFacts
from duress.guard.decision import Decision
from duress.trajectory import Message, ToolCall

Cost = Literal["rule", "model"]


class Step(Struct, frozen=True):
    """What a monitor sees: a call before it runs, or a call with its result."""

    call: ToolCall
    facts: CallFacts
    messages: tuple[Message, ...]
    """The session until now, oldest first."""
    session: str
    agent: str
    result: str | None = None
    """None before the call."""


class Observation(Struct, frozen=True, omit_defaults=True):
    """How suspicious a step is, and why."""

    score: float
    """From 0 to 1."""
    why: str
    quotes: tuple[str, ...] = ()
    """Verbatim."""


class Monitor(Protocol):
    """Looks at a step. Returning None abstains; raising stops the call."""

    name: str
    cost: Cost
    """Rules are asked always, models only about what rules flag."""

    def __call__(self, step: Step) -> Observation | Awaitable[Observation | None] | None:
        """Return how suspicious the step is."""
        ...


class Rule(Struct, frozen=True):
    """A monitor made of a function."""

    name: str
    score: Callable[[Step], Observation | None]
    cost: Cost = "rule"
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self, step: Step) -> Observation | None:
        """Return how suspicious the step is."""
        return self.score(step)


ControlProtocol = Callable[[Step, Decision, Mapping[str, Observation]], Decision | None]
"""Decides: given a step, the decision so far and what monitors observed, returns another decision or None.

It can take from an agent, never give: a milder verb than the decision so far is ignored.
"""
