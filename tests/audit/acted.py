"""Runs for tests, written as one would tell them; all people, places and files are invented."""

from __future__ import annotations

from typing import Any

from duress.audit.conduct import Conduct
from duress.audit.finding import Kind
from duress.audit.rules import Clue, Scene, clues
from duress.audit.run import Place, Run
from duress.audit.track import Track
from duress.trajectory import End, EndReason, Message, Role, ToolCall, Trajectory

Turn = Message | tuple[Message, ...]


def system(text: str) -> Message:
    return Message(Role.SYSTEM, text)


def user(text: str) -> Message:
    return Message(Role.USER, text)


def says(text: str, *, thinking: str | None = None) -> Message:
    return Message(Role.ASSISTANT, text, reasoning=thinking)


def does(
    tool: str, result: str = "", *, text: str = "", thinking: str | None = None, **arguments: Any
) -> tuple[Message, ...]:
    """One call and its answer."""
    call = ToolCall("", tool, arguments)
    return (
        Message(Role.ASSISTANT, text, reasoning=thinking, calls=(call,)),
        Message(Role.TOOL, result),
    )


def shell(
    command: str, result: str = "", *, text: str = "", thinking: str | None = None
) -> tuple[Message, ...]:
    return does("shell", result, text=text, thinking=thinking, command=command)


def messages(*turns: Turn) -> list[Message]:
    """Lay the turns out; every call gets an id of its own, and its answer names it."""
    found: list[Message] = []
    for number, turn in enumerate(turns):
        if isinstance(turn, Message):
            found.append(turn)
            continue
        asked, answer = turn
        call = asked.calls[0]
        named = ToolCall(f"call{number}", call.tool, call.arguments)
        found += [
            Message(asked.role, asked.text, reasoning=asked.reasoning, calls=(named,)),
            Message(answer.role, answer.text, call_id=named.id),
        ]
    return found


def run(*turns: Turn, id: str = "r1", agent: str | None = None, at: float | None = None, **more: Any) -> Run:
    trajectory = Trajectory(id, tuple(messages(*turns)), End(EndReason.COMPLETED))
    return Run(id, trajectory, Place("log.jsonl", 1), agent=agent, at=at, **more)


def scene(*turns: Turn) -> Scene:
    track = Track(messages(*turns))
    return Scene(track, Conduct(track))


def seen(*turns: Turn) -> dict[str, Clue]:
    """Return what the rules see, by rule; the strongest of each."""
    found: dict[str, Clue] = {}
    for clue in sorted(clues(scene(*turns)), key=lambda clue: clue.strength):
        found[clue.rule] = clue
    return found


def assert_seen(rule: str, kind: Kind, *turns: Turn) -> None:
    """Hold a run to what a rule sees in it, clearly enough for the run to be shown."""
    found = seen(*turns)
    assert rule in found, sorted(found)
    assert found[rule].kind is kind, found[rule]
    assert found[rule].strength >= 0.5, found[rule]


def assert_unseen(rule: str, *turns: Turn) -> None:
    """Hold a run to it that a rule sees nothing in it."""
    clue = seen(*turns).get(rule)
    assert clue is None, clue
