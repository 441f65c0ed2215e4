"""Injected arguments, interrupts and commands, in LangChain and LangGraph."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

pytest.importorskip("langchain")
from langchain.agents.middleware import AgentMiddleware
from langchain.tools import InjectedState, ToolRuntime
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from duress.guard.adapters.langchain import create_agent, guarded
from duress.guard.adapters.passage import Refused

from .office import KEY, asking, edited, guarding, policy


class Model(FakeMessagesListChatModel):
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def _model(*calls: tuple[str, dict[str, Any]]) -> Model:
    said = [
        AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call_{number}"}])
        for number, (name, arguments) in enumerate(calls)
    ]
    return Model(responses=[*said, AIMessage("Done.")])


ASKED = {"messages": [("user", "Read the budget.")]}


def test_what_the_sdk_adds_to_arguments_is_not_decided_on_and_cannot_be_forged() -> None:
    seen: list[Any] = []

    @tool
    def note(
        name: str,
        state: Annotated[dict[str, Any], InjectedState],
        id: Annotated[str, InjectedToolCallId],
        runtime: ToolRuntime,
    ) -> str:
        """Note."""
        seen.append((name, state["messages"][0].text, id, runtime.tool_call_id))
        return "the note"

    guard, session, keeper = guarding(policy(note="name"))
    model = _model(("note", {"name": "budget", "id": "forged", "state": {"messages": []}}))
    create_agent(model, [note], guard=guard, session=session).invoke(ASKED)
    assert seen == [("budget", "Read the budget.", "call_0", "call_0")]
    assert keeper.entries[0].body["arguments"] == {"name": "budget"}


def test_a_tool_that_interrupts_is_decided_on_again_when_it_goes_on() -> None:
    ran: list[str] = []

    @tool
    def note(name: str) -> str:
        """Note."""
        ran.append(interrupt("really?"))
        return "the note"

    guard, session, keeper = guarding(policy(note="name"))
    agent = create_agent(
        _model(("note", {"name": "a"})), [note], guard=guard, session=session, checkpointer=InMemorySaver()
    )
    config = {"configurable": {"thread_id": "1"}}
    assert agent.invoke(ASKED, config)["__interrupt__"][0].value == "really?"
    assert ran == []
    agent.invoke(Command(resume="yes"), config)
    assert ran == ["yes"]
    assert [entry.kind for entry in keeper.entries] == ["intent", "result", "intent", "result"]


def test_a_command_of_a_tool_is_screened_too() -> None:
    @tool
    def note(name: str, id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Note."""
        said = f"the key is {KEY}" if name == "key" else "nothing"
        return Command(update={"messages": [ToolMessage(said, tool_call_id=id)]})

    guard, session, _ = guarding(policy(note="name"))
    model = _model(("note", {"name": "a"}), ("note", {"name": "key"}))
    told = create_agent(model, [note], guard=guard, session=session).invoke(ASKED)["messages"]
    results = [message.text for message in told if isinstance(message, ToolMessage)]
    assert results[0] == "nothing"
    assert KEY not in str(told)


def test_the_guard_hears_the_conversation_with_the_system_prompt() -> None:
    @tool
    def note(name: str) -> str:
        """Note."""
        return "the note"

    guard, session, _ = guarding(policy(note="name"))
    create_agent(
        _model(("note", {"name": "budget"})),
        [note],
        guard=guard,
        session=session,
        system_prompt="You work here.",
    ).invoke(ASKED)
    assert [(m.role.value, m.text) for m in session.messages] == [
        ("system", "You work here."),
        ("user", "Read the budget."),
        ("assistant", ""),
        ("tool", "the note"),
    ]


def test_what_a_person_changed_is_what_runs() -> None:
    ran: list[str] = []

    @tool
    def note(name: str) -> str:
        """Note."""
        ran.append(name)
        return "the note"

    guard, session, keeper = guarding(asking(policy(note="name")))
    keeper.answering = edited(name="b")
    create_agent(_model(("note", {"name": "a"})), [note], guard=guard, session=session).invoke(ASKED)
    assert ran == ["b"]


def test_a_tool_of_the_provider_that_a_middleware_adds_ends_the_run() -> None:
    class Adding(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request.override(tools=[*request.tools, {"type": "web_search"}]))

    guard, session, _ = guarding(policy(note="name"))
    agent = create_agent(_model(), [], guard=guard, session=session, middleware=[Adding()])
    with pytest.raises(TypeError, match="no guard can stand"):
        agent.invoke(ASKED)


def test_a_held_tool_that_is_called_by_hand_raises_what_it_would_tell_the_model() -> None:
    @tool
    def wipe(path: str) -> str:
        """Wipe."""
        raise AssertionError("it ran")

    guard, session, _ = guarding(policy(note="name"))
    [held] = guarded([wipe], guard, session)
    with pytest.raises(Refused, match="not in the policy"):
        held.invoke({"path": "/"})
