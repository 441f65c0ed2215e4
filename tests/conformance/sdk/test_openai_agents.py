"""Handoffs, MCP servers and what an agent is told, in the OpenAI Agents SDK."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("agents")
from agents import Agent, AgentHooks, FunctionTool, Runner, WebSearchTool, function_tool, set_tracing_disabled
from agents.exceptions import AgentsException, UserError
from agents.mcp import MCPServer
from agents.testing import ScriptedModel, assistant_message, function_call
from mcp.types import CallToolResult, TextContent
from mcp.types import Tool as MCPTool

from duress.guard.adapters.openai_agents import Ended, guarded

from .office import asking, edited, guarding, policy

set_tracing_disabled(True)


def _call(name: str, number: int = 1, /, **arguments: Any) -> Any:
    return [function_call(name, json.dumps(arguments), call_id=f"call_{number}")]


DONE = [assistant_message("Done.")]


def _agent(name: str, *steps: Any, **more: Any) -> tuple[Agent[Any], ScriptedModel]:
    model = ScriptedModel([*steps, DONE])
    return Agent(name, model=model, **more), model


def test_a_refused_handoff_stays_and_says_why() -> None:
    guard, session, _ = guarding(policy(note="name"))
    other, asked = _agent("other")
    agent, _ = _agent("clerk", _call("transfer_to_other"), handoffs=[other])
    result = Runner.run_sync(guarded(agent, guard, session), "Go.")
    assert result.last_agent.name == "clerk"
    assert asked.calls == ()
    [told] = [item["output"] for item in result.to_input_list() if item.get("type") == "function_call_output"]
    assert "not in the policy" in told


def test_the_agent_that_was_handed_off_to_is_guarded_in_the_same_session() -> None:
    ran: list[str] = []

    @function_tool
    def wipe(path: str) -> str:
        """Wipe."""
        ran.append(path)
        return "wiped"

    text = policy(note="name").replace(
        "tools:\n",
        "tools:\n  transfer_to_other: {effect: reversible, parameters: {type: object, properties: {}}}\n",
    )
    guard, session, keeper = guarding(text)
    other, _ = _agent("other", _call("wipe", 2, path="/"), tools=[wipe])
    agent, _ = _agent("clerk", _call("transfer_to_other"), handoffs=[other])
    result = Runner.run_sync(guarded(agent, guard, session), "Go.")
    assert result.last_agent.name == "other"
    assert ran == []
    assert [(entry.kind, entry.body["tool"]) for entry in keeper.entries] == [
        ("intent", "transfer_to_other"),
        ("result", "transfer_to_other"),
        ("refused", "wipe"),
    ]


def test_agents_that_hand_off_to_each_other_can_be_guarded() -> None:
    guard, session, _ = guarding(policy(note="name"))
    one, _ = _agent("one")
    two, _ = _agent("two", handoffs=[one])
    one.handoffs = [two]
    assert Runner.run_sync(guarded(one, guard, session), "Go.").final_output == "Done."


class Server(MCPServer):
    def __init__(self) -> None:
        super().__init__()
        self.ran: list[Any] = []

    @property
    def name(self) -> str:
        return "desk"

    async def connect(self) -> None: ...

    async def cleanup(self) -> None: ...

    async def list_tools(self, *_: Any, **__: Any) -> list[MCPTool]:
        schema = {"type": "object", "properties": {"path": {"type": "string"}}}
        return [MCPTool.model_validate({"name": name, "inputSchema": schema}) for name in ("wipe", "note")]

    async def call_tool(self, tool_name: str, arguments: Any, *_: Any, **__: Any) -> CallToolResult:
        self.ran.append((tool_name, arguments))
        return CallToolResult(content=[TextContent(type="text", text="done")])

    async def list_prompts(self) -> Any: ...

    async def get_prompt(self, name: str, arguments: Any = None) -> Any: ...


def test_tools_of_an_mcp_server_are_held() -> None:
    guard, session, _ = guarding(policy(note="path"))
    server = Server()
    agent, _ = _agent("clerk", _call("wipe", path="/"), _call("note", 2, path="a"), mcp_servers=[server])
    Runner.run_sync(guarded(agent, guard, session), "Go.")
    assert server.ran == [("note", {"path": "a"})]


def test_a_tool_that_is_added_later_is_held_and_a_hosted_one_ends_the_run() -> None:
    ran: list[str] = []

    @function_tool
    def wipe(path: str) -> str:
        """Wipe."""
        ran.append(path)
        return "wiped"

    guard, session, _ = guarding(policy(note="name"))
    agent, _ = _agent("clerk", _call("wipe", path="/"))
    held = guarded(agent, guard, session)
    held.tools.append(wipe)
    Runner.run_sync(held, "Go.")
    assert ran == []
    held.tools.append(WebSearchTool())
    with pytest.raises(UserError, match="no guard can stand"):
        Runner.run_sync(held, "Go.")


def test_what_a_person_changed_is_all_that_a_tool_gets_to_see() -> None:
    seen: list[Any] = []

    async def invoke(context: Any, arguments: str) -> str:
        seen.extend([json.loads(arguments), json.loads(context.tool_arguments)])
        return "done"

    tool = FunctionTool(
        "note", "Note", {"type": "object", "properties": {}}, invoke, strict_json_schema=False
    )
    guard, session, keeper = guarding(asking(policy(note="name")))
    keeper.answering = edited(name="b")
    agent, _ = _agent("clerk", _call("note", name="a"), tools=[tool])
    Runner.run_sync(guarded(agent, guard, session), "Go.")
    assert seen == [{"name": "b"}, {"name": "b"}]


def test_the_guard_hears_the_conversation_and_the_agents_own_hooks_still_run() -> None:
    heard: list[str] = []

    class Hooks(AgentHooks[Any]):
        async def on_llm_start(self, *_: Any) -> None:
            heard.append("start")

        async def on_tool_start(self, *_: Any) -> None:
            heard.append("tool")

    @function_tool
    def note(name: str) -> str:
        """Note."""
        return "the note"

    guard, session, _ = guarding(policy(note="name"))
    agent, _ = _agent(
        "clerk", _call("note", name="budget"), tools=[note], hooks=Hooks(), instructions="You work here."
    )
    Runner.run_sync(guarded(agent, guard, session), "Read the budget.")
    assert [(m.role.value, m.text) for m in session.messages] == [
        ("system", "You work here."),
        ("user", "Read the budget."),
        ("assistant", ""),
        ("tool", "the note"),
        ("assistant", "Done."),
    ]
    assert heard == ["start", "tool", "start"]


def test_the_end_of_a_session_is_an_exception_of_the_sdk() -> None:
    guard, session, _ = guarding(policy(note="name"))
    session.ended = "blackmail"
    agent, _ = _agent("clerk")
    with pytest.raises(Ended) as ended:
        asyncio.run(Runner.run(guarded(agent, guard, session), "Go."))
    assert isinstance(ended.value, AgentsException)
