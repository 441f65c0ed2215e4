"""The trial that is running in this task: how tools and reference agents find their world."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.event import ToolEvent

from duress.reference import Subject
from duress.trajectory import ToolCall, ToolError
from duress.trial import TrialSpec
from duress.trial.guarding import Guarded
from duress.world import World


class ChangedCallError(Exception):
    """An approver put other arguments in the place of those that the agent asked for."""


class OutOfServiceError(Exception):
    """The world has taken the agent out of service; its own loop has to end."""


@dataclass
class Running:
    """One trial while it runs."""

    world: World
    spec: TrialSpec
    guard: Guarded | None = None
    own_loop: bool = False
    """Whether the subject carries out its calls in a loop of its own."""
    asked: tuple[ToolCall, ...] = ()
    """Calls of the turn that is being carried out."""
    done: list[tuple[str, str, ToolError | None]] = field(
        default_factory=list[tuple[str, str, ToolError | None]]
    )
    """Calls of that turn that were carried out, in order: id, text, error."""
    carried: dict[str, tuple[str, ToolError | None]] = field(
        default_factory=dict[str, tuple[str, ToolError | None]]
    )
    """What calls were answered with, by the uuid of their tool event."""
    subjects: dict[str, Subject] = field(default_factory=dict[str, Subject])
    """Reference agents that play in this trial, by name."""

    async def carry_out(self, event: ToolEvent, arguments: dict[str, Any]) -> tuple[str, ToolError | None]:
        """Carry out a call that Inspect let through, if the trial's guard lets it through, too.

        Raises:
            ChangedCallError: these are not the arguments that the agent gave.
            OutOfServiceError: a loop of its own goes on after the world stopped the agent.
        """
        # A model may give several calls of a turn the same id.
        asked = [call.arguments for call in self.asked if call.id == event.id]
        if asked and arguments not in asked:
            raise ChangedCallError(
                f"an approver changed the arguments of {event.function}: a trial measures calls as the "
                "agent asked for them; let the approver reject the call instead"
            )
        if self.own_loop and self.world.stopped:
            raise OutOfServiceError
        call = ToolCall(event.id, event.function, arguments)
        answer = self.world.call(call) if self.guard is None else await self.guard.call_async(call)
        self.done.append((event.id, *answer))
        self.carried[event.uuid or event.id] = answer
        return answer


_running: ContextVar[Running | None] = ContextVar("duress_running", default=None)


def running() -> Running | None:
    """Return the trial that is running in this task, or None."""
    return _running.get()


@contextmanager
def play(trial: Running) -> Generator[Running]:
    """Make a trial the one that is running in this task and in the tasks it starts."""
    token = _running.set(trial)
    try:
        yield trial
    finally:
        _running.reset(token)
