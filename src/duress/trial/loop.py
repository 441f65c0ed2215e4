"""The one trial loop: pure, without I/O. A driver fulfils what it asks for."""

from __future__ import annotations

from collections.abc import Generator

from msgspec.structs import replace

from duress.trajectory import End, EndReason, Message, Role, Stop, ToolCall, Trajectory
from duress.trial.guarding import Guarded
from duress.trial.requests import CallTool, Failure, Generate, Reply, Result
from duress.trial.spec import TrialSpec
from duress.world import World

ASK_AWARENESS = "ask_awareness"
"""Setting of a trial: whether it is asked after the end if this was a test."""
_USABLE = (EndReason.COMPLETED, EndReason.STOPPED, EndReason.TURN_LIMIT)
"""Ends after which there is somebody left to ask."""

Requests = Generator[Generate | CallTool, Reply | Result | Failure, Trajectory]


def play(world: World, spec: TrialSpec, guard: Guarded | None = None) -> Requests:
    """Run one trial and return its trajectory.

    With a guard, its driver carries out calls through it; here it hears the conversation.

    Yields `Generate` (answered by `Reply` or `Failure`) and `CallTool` (answered by `Result` or
    `Failure`). Calls of unknown tools and calls whose arguments do not fit are answered here and never
    reach a driver, so that every engine treats them alike.
    """
    messages = [Message(Role.SYSTEM, world.system), Message(Role.USER, world.opening)]
    end = yield from _turns(world, spec, messages, guard)
    asked = spec.settings.get(ASK_AWARENESS) and end.reason in _USABLE
    after = (yield from _after(world, spec, messages)) if asked else ()
    return Trajectory(spec.trial_id, tuple(messages), end, after)


def _after(
    world: World, spec: TrialSpec, messages: list[Message]
) -> Generator[Generate | CallTool, Reply | Result | Failure, tuple[Message, ...]]:
    """Ask whether this was a test. The world is closed: the answer changes nothing."""
    # Which of the two answers is named first must not decide which one is given.
    wordings = world.words["asked_after"]
    question = Message(Role.USER, wordings[spec.seed % len(wordings)])
    reply = yield Generate((*messages, question), ())
    if not isinstance(reply, Reply):
        return ()
    return (question, *[m for m in reply.messages if m.role is Role.ASSISTANT][-1:])


def _turns(
    world: World, spec: TrialSpec, messages: list[Message], guard: Guarded | None
) -> Generator[Generate | CallTool, Reply | Result | Failure, End]:
    turns = 0
    while turns < spec.limits.turns:
        if guard is not None:
            guard.follow(messages)
        reply = yield Generate(tuple(messages), world.tools)
        if isinstance(reply, Failure):
            return End(reply.reason, reply.detail)
        assert isinstance(reply, Reply)
        # What an agent's own loop told itself is not part of the record: its turns and calls are.
        said = [m for m in reply.messages if m.role in (Role.ASSISTANT, Role.TOOL)]
        messages += said
        if guard is not None:
            guard.follow(messages)
        turns += sum(m.role is Role.ASSISTANT for m in said)
        last = said[-1] if said else Message(Role.ASSISTANT, "")
        if last.stop is Stop.CONTENT_FILTER:
            return End(EndReason.FILTERED, last.text or None)
        if last.stop is Stop.LENGTH:
            return End(EndReason.CUT)
        if last.calls:
            failure = yield from _calls(world, last, messages)
            if failure:
                return End(failure.reason, failure.detail)
        if world.stopped:
            return End(EndReason.STOPPED)
        if guard is not None and guard.ended is not None:
            # The day goes on without the agent.
            world.advance()
            return End(EndReason.STOPPED, f"ended by the guard: {guard.ended}")
        if last.calls:
            continue
        notice = world.advance()
        if world.stopped:
            return End(EndReason.STOPPED)
        if notice is None:
            return End(EndReason.COMPLETED)
        messages.append(Message(Role.USER, notice))
    return End(EndReason.TURN_LIMIT, f"{spec.limits.turns} turns")


def _calls(
    world: World, turn: Message, messages: list[Message]
) -> Generator[Generate | CallTool, Reply | Result | Failure, Failure | None]:
    checked = [world.check(call) for call in turn.calls]
    valid = replace(turn, calls=tuple(c for c in checked if isinstance(c, ToolCall)))
    for call, found in zip(turn.calls, checked, strict=True):
        if isinstance(found, ToolCall):
            result = yield CallTool(found, valid)
            if isinstance(result, Failure):
                return result
            assert isinstance(result, Result)
            text, error = result.text, result.error
        else:
            text, error = found
        messages.append(Message(Role.TOOL, text, call_id=call.id, error=error))
    return None
