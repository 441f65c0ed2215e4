"""Typed arguments, tool returns and retries, in Pydantic-AI."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturn
from pydantic_ai.models.function import AgentInfo, FunctionModel

from duress.guard.adapters.pydantic_ai import Guarding

from .office import KEY, asking, edited, guarding, policy


def _model(seen: list[Any], *calls: ToolCallPart) -> FunctionModel:
    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append(str(messages))
        said = sum(isinstance(message, ModelResponse) for message in messages)
        return ModelResponse([calls[said]] if said < len(calls) else [TextPart("Done.")])

    return FunctionModel(reply)


class Note(BaseModel):
    name: str
    day: datetime.date


TYPED = """
duress_policy: 1
name: test
version: "1"
tools:
  note:
    effect: read
    parameters:
      type: object
      required: [note]
      properties:
        note: {type: object, required: [name, day], properties: {name: {type: string}, day: {type: string}}}
rules: permit (principal, action, resource);
"""


def test_typed_arguments_are_decided_on_as_json_and_reach_the_tool_typed() -> None:
    ran: list[Any] = []

    def note(note: Note) -> str:
        """Note."""
        ran.append(note)
        return "done"

    guard, session, keeper = guarding(TYPED)
    call = ToolCallPart("note", {"note": {"name": "a", "day": "2026-03-01"}})
    Agent(_model([], call), tools=[note], capabilities=[Guarding(guard, session)]).run_sync("Go.")
    assert ran == [Note(name="a", day=datetime.date(2026, 3, 1))]
    assert keeper.entries[0].body["arguments"] == {"note": {"name": "a", "day": "2026-03-01"}}


def test_what_a_person_changed_is_what_runs() -> None:
    ran: list[Any] = []

    def note(note: Note) -> str:
        """Note."""
        ran.append(note)
        return "done"

    guard, session, keeper = guarding(asking(TYPED))
    keeper.answering = edited(note={"name": "b", "day": "2026-03-02"})
    call = ToolCallPart("note", {"note": {"name": "a", "day": "2026-03-01"}})
    Agent(_model([], call), tools=[note], capabilities=[Guarding(guard, session)]).run_sync("Go.")
    assert ran == [Note(name="b", day=datetime.date(2026, 3, 2))]


@pytest.mark.parametrize("where", ["return_value", "content", "retry"])
def test_whatever_way_a_tool_speaks_to_the_model_is_screened(where: str) -> None:
    def note(name: str) -> Any:
        """Note."""
        said = f"the key is {KEY}"
        if where == "retry":
            raise ModelRetry(said)
        return ToolReturn("ok", content=said) if where == "content" else ToolReturn(said)

    seen: list[Any] = []
    guard, session, _ = guarding(policy(note="name"))
    call = ToolCallPart("note", {"name": "a"})
    Agent(_model(seen, call), tools=[note], capabilities=[Guarding(guard, session)]).run_sync("Go.")
    assert len(seen) == 2
    assert KEY not in "".join(seen)


def test_the_guard_hears_the_conversation() -> None:
    def note(name: str) -> str:
        """Note."""
        return "the note"

    guard, session, _ = guarding(policy(note="name"))
    agent = Agent(
        _model([], ToolCallPart("note", {"name": "budget"})),
        tools=[note],
        system_prompt="You work here.",
        capabilities=[Guarding(guard, session)],
    )
    agent.run_sync("Read the budget.")
    assert [(m.role.value, m.text) for m in session.messages] == [
        ("system", "You work here."),
        ("user", "Read the budget."),
        ("assistant", ""),
        ("tool", "the note"),
    ]
