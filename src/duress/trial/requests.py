"""What a trial asks of its driver, and what the driver answers."""

from __future__ import annotations

from msgspec import Struct

from duress.scenario.script import Line
from duress.trajectory import EndReason, Message, ToolCall, ToolError
from duress.world.tool import Tool


class Generate(Struct, frozen=True):
    """Ask the subject for its next turn."""

    messages: tuple[Message, ...]
    """Everything so far, oldest first; the first is the system message."""
    tools: tuple[Tool, ...]
    """None for the question that is asked after the end: nothing can be done any more."""


class CallTool(Struct, frozen=True):
    """Carry out one valid call. Calls of one turn are asked for in their order, one at a time."""

    call: ToolCall
    """Arguments are normalised: what is approved is byte for byte what runs."""
    turn: Message
    """The assistant message that carries the call, with only its valid calls, normalised."""


class Speak(Struct, frozen=True):
    """Ask whoever plays a person for that person's next turn; only where a model does."""

    line: Line
    """What the script says there, and at which rung."""
    messages: tuple[Message, ...]
    """Everything so far, as the agent has seen it."""


class Spoken(Struct, frozen=True):
    """Answers `Speak`."""

    text: str
    by: str
    """The model that played the person."""
    rejected: int = 0
    """How many of its turns were off the ladder and were asked for again."""


class Reply(Struct, frozen=True):
    """Answers `Generate`.

    A bare model answers with one assistant message. An agent that runs its own loop answers with
    all the messages of its run; the calls in them have been carried out already.
    """

    messages: tuple[Message, ...]


class Result(Struct, frozen=True):
    """Answers `CallTool`."""

    text: str
    error: ToolError | None = None


class Failure(Struct, frozen=True):
    """Answers any request when it cannot be fulfilled: a limit, a provider that gave up."""

    reason: EndReason
    detail: str
