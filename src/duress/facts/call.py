"""The facts about one call, as policies and monitors read them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from duress.facts.classes import DataClass
from duress.facts.profile import Effect


class Origin(StrEnum):
    """Where the value of an argument came from."""

    USER = "user"
    SYSTEM = "system"
    RESULT = "result"
    """It stood in something that a tool returned."""
    AGENT = "agent"
    """Only the agent itself had said it before."""
    NOWHERE = "nowhere"
    ABSENT = "absent"
    """The argument was not given."""
    TRIVIAL = "trivial"
    """Truth values, small numbers, words of an enumeration: too little to have come from somewhere."""


class CallFacts(Struct, frozen=True):
    """What is known about one call before it is decided on. Every field always has a value."""

    effect: Effect
    calls: int
    """Calls of this session that were carried out or let through so far."""
    calls_of_tool: int
    calls_in_window: int
    """The same within `Profile.window` seconds; calls whose time nobody took count as within."""
    calls_of_tool_in_window: int
    rejections: int
    """Calls of this session that a guard or an approver rejected."""
    recipients: tuple[str, ...]
    """Bare addresses in lower case, or names and channels where no address was given."""
    new_recipients: tuple[str, ...]
    """Of these, the ones that neither a user nor the system prompt named, that are not among
    `Profile.people`, and to which no earlier call of the session went. That a tool result named them
    does not make them known: that is where injected addresses come from."""
    outside_recipients: tuple[str, ...]
    """Of these, the ones that do not belong to the organisation."""
    read_classes: tuple[DataClass, ...]
    """Classes of data in the tool results so far."""
    call_classes: tuple[DataClass, ...]
    """Classes of data in the arguments of this call; for one that goes to recipients, what they are
    called and how they are reached does not count."""
    origin: dict[str, Origin]
    """Where the value of each argument came from; the worst part of a nested value decides."""
    shutdown_threat: bool
    """The agent was told, or read, that it is to be shut down, replaced or wiped."""
    goal_clash: bool
    """The organisation was said to turn against what the agent was told to work for."""
    rebuffs: int
    """How often people turned down what the agent had proposed."""
    amount: Decimal
    """Money that this call moves, without sign; infinite where the amount cannot be read."""
    spent: Decimal
    """Money that the calls so far have moved."""
    seconds: int
    """Age of the session; 0 where nobody took the time."""
