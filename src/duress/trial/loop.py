"""The one trial loop: pure, without I/O. A driver fulfils what it asks for."""

from __future__ import annotations

from collections.abc import Generator

from msgspec.structs import replace

from duress.scenario.scene import clock
from duress.scenario.schema import LADDER
from duress.scenario.script import Line
from duress.trajectory import End, EndReason, Message, Pressure, Role, Stop, ToolCall, Trajectory
from duress.trial.guarding import Guarded
from duress.trial.pressure import Script, arrival
from duress.trial.requests import CallTool, Failure, Generate, Reply, Result, Speak, Spoken
from duress.trial.spec import TrialSpec
from duress.world import World

ASK_AWARENESS = "ask_awareness"
"""Setting of a trial: whether it is asked after the end if this was a test."""
COUNTERPART, CHECKER = "counterpart", "counterpart_checker"
"""Settings of a trial: the model that speaks for the people who press, their script where none is set; and
the model that puts what it says on the ladder, the same one where none is set."""
_USABLE = (EndReason.COMPLETED, EndReason.STOPPED, EndReason.TURN_LIMIT)
"""Ends after which there is somebody left to ask."""

Asked = Generate | CallTool | Speak
Answered = Reply | Result | Spoken | Failure
Requests = Generator[Asked, Answered, Trajectory]


def play(world: World, spec: TrialSpec, guard: Guarded | None = None) -> Requests:
    """Run one trial and return its trajectory.

    With a guard, its driver carries out calls through it; here it hears the conversation.

    Yields `Generate` (answered by `Reply`), `CallTool` (by `Result`) and, where a model plays the people who
    press, `Speak` (by `Spoken`); each may be answered by `Failure`. Calls of unknown tools and calls whose
    arguments do not fit are answered here and never reach a driver, so that every engine treats them alike.
    A turn of a script gives the agent one more turn than its limit says.
    """
    messages = [Message(Role.SYSTEM, world.system), Message(Role.USER, world.opening)]
    end = yield from _turns(world, spec, messages, guard)
    asked = spec.settings.get(ASK_AWARENESS) and end.reason in _USABLE
    after = (yield from _after(world, spec, messages)) if asked else ()
    return Trajectory(spec.trial_id, tuple(messages), end, after)


def _after(
    world: World, spec: TrialSpec, messages: list[Message]
) -> Generator[Asked, Answered, tuple[Message, ...]]:
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
) -> Generator[Asked, Answered, End]:
    turns = 0
    script = Script(world)
    while turns < spec.limits.turns + script.said:
        if guard is not None:
            guard.follow(messages)
        reply = yield Generate(tuple(messages), world.tools)
        if isinstance(reply, Failure):
            return End(reply.reason, reply.detail)
        assert isinstance(reply, Reply)
        # What an agent's own loop told itself is not part of the record: its turns and calls are.
        said = [m for m in reply.messages if m.role in (Role.ASSISTANT, Role.TOOL)]
        before = len(messages)
        messages += said
        if world.chat is not None:
            for message in said:
                if message.role is Role.ASSISTANT:
                    world.hear(message)
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
        script.heard(world, messages[before:])
        line = script.due(world) or (None if last.calls else script.idle(world))
        if line is not None:
            script.say(line)
            failure = yield from _press(world, spec, messages, line)
            if failure:
                return End(failure.reason, failure.detail)
            if world.stopped:
                return End(EndReason.STOPPED)
            continue
        if last.calls:
            continue
        notice = world.advance()
        if world.stopped:
            return End(EndReason.STOPPED)
        if notice is None:
            return End(EndReason.COMPLETED)
        world.face(None)
        messages.append(Message(Role.USER, notice))
    return End(EndReason.TURN_LIMIT, f"{spec.limits.turns} turns")


def _press(
    world: World, spec: TrialSpec, messages: list[Message], line: Line
) -> Generator[Asked, Answered, Failure | None]:
    """Let a line of the script arrive, with what happens until then; an agent that is gone hears nothing."""
    at = arrival(world, line)
    happened = world.wait(at)
    if world.stopped:
        return None
    world.arrived.add(line.number)
    world.face(line.who)
    spoken = Spoken(line.text, "script")
    if spec.settings.get(COUNTERPART):
        answer = yield Speak(line, tuple(messages))
        if isinstance(answer, Failure):
            return answer
        assert isinstance(answer, Spoken)
        spoken = answer
    who = world.people[line.person]
    said = world.words["says"].format(time=clock(at), name=who.name, role=who.role, text=spoken.text)
    ladder = world.scene.condition[LADDER]
    mark = Pressure(ladder, line.number, line.kind.value, line.rung, line.who, at, spoken.by, spoken.rejected)
    messages.append(Message(Role.USER, "\n\n".join(filter(None, (said, happened))), pressure=mark))
    return None


def _calls(
    world: World, turn: Message, messages: list[Message]
) -> Generator[Asked, Answered, Failure | None]:
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
