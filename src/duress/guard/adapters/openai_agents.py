"""OpenAI Agents SDK: `agent = guarded(agent, guard, session)`, and run it as before.

Function tools, tools of MCP servers and handoffs go through the guard as the last step before they run, so
guardrails, approvals and hooks of the SDK can only take from the agent. What runs where no guard can stand
(tools hosted by the provider, shells and computers of the SDK) is refused.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

from agents import Agent, AgentHooks, FunctionTool, Handoff, RunContextWrapper, Tool, handoff
from agents.exceptions import AgentsException, UserError
from agents.items import ModelResponse, TResponseInputItem
from agents.tool_context import ToolContext
from pydantic import BaseModel

from duress.guard.adapters.passage import (
    Passage,
    Passed,
    Refused,
    SessionSource,
    Terminated,
    call_of,
    json_of,
    text_of,
)
from duress.guard.guard import Guard
from duress.trajectory import Message, Role, ToolCall

T = TypeVar("T")


class Ended(Terminated, AgentsException):
    """The guard has ended the session, and with it the run. `str()` says why."""


Hooks = AgentHooks[Any]
_refusal: ContextVar[str | None] = ContextVar("duress_handoff_refusal", default=None)


def guarded(
    agent: Agent[T],
    guard: Guard,
    session: SessionSource,
    *,
    revoke: Callable[[], None] | None = None,
) -> Agent[T]:
    """Return an agent whose tools and handoffs are carried out only as the guard permits.

    Agents that it can hand off to are guarded likewise, in the same session. A handoff is a tool of the
    policy under its own name, `transfer_to_...`. A run in which the guard ends the session raises `Ended`,
    a `Terminated`.

    Raises:
        TypeError: one of its tools runs where no guard can stand, or it is no plain `Agent`.
    """
    return _agent(agent, Passage(guard, session, revoke=revoke), {})


@dataclass
class GuardedAgent(Agent[T]):
    """An agent that gets no tool past its guard, also none that is added later."""

    passage: Passage | None = field(default=None, kw_only=True, repr=False)

    async def get_all_tools(self, run_context: RunContextWrapper[Any]) -> list[Tool]:
        """Return the tools of the agent and of its MCP servers, all of them held.

        Raises:
            UserError: there is one that cannot be held.
        """
        passage = self._passage()
        loose = [one for one in self.handoffs if not isinstance(one, _HeldHandoff)]
        if loose:
            raise UserError(f"{self.name}: a handoff was added after the agent was guarded; guard it again")
        try:
            return [_tool(tool, passage) for tool in await super().get_all_tools(run_context)]
        except TypeError as error:
            raise UserError(str(error)) from error

    def _passage(self) -> Passage:
        if self.passage is None:
            raise UserError(f"{self.name}: made without a guard; make it with `guarded`")
        return self.passage


def _agent(agent: Agent[T], passage: Passage, made: dict[int, Agent[Any]]) -> Agent[T]:
    if id(agent) in made:
        return made[id(agent)]
    if isinstance(agent, GuardedAgent) and agent.passage is passage:
        return agent
    if type(agent) not in (Agent, GuardedAgent):
        raise TypeError(
            f"{agent.name}: a {type(agent).__name__} may have tools of its own that no guard sees; "
            "give an Agent"
        )
    kept = {one.name: getattr(agent, one.name) for one in fields(agent) if one.init}
    kept |= {
        "tools": [_tool(tool, passage) for tool in agent.tools],
        "handoffs": [],
        "hooks": _Hearing(passage, agent.hooks),
        "passage": passage,
    }
    held: Agent[T] = GuardedAgent(**kept)
    made[id(agent)] = held
    held.handoffs = [_handoff(one, passage, made) for one in agent.handoffs]
    return held


# ---- tools -------------------------------------------------------------------------------------


def _tool(tool: Tool, passage: Passage) -> Tool:
    if not isinstance(tool, FunctionTool):
        raise TypeError(
            f"{getattr(tool, 'name', type(tool).__name__)}: a {type(tool).__name__} runs where no guard can "
            "stand; offer it as a function tool, or leave it out"
        )
    if getattr(tool.on_invoke_tool, "duress_passage", None) is passage:
        return tool
    within = getattr(tool, "_agent_instance", None)
    if within is not None and not isinstance(within, GuardedAgent):
        raise TypeError(
            f"{tool.name}: the agent in this tool calls tools of its own; "
            "make the tool from `guarded(agent, ...)`"
        )
    bare = copy(tool)
    name = tool.qualified_name

    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        asked = call_of(context.tool_call_id, name, arguments)

        async def execute(found: dict[str, Any]) -> Any:
            # What could not be read runs only where the guard observes, and then as it was written.
            written = json_of(found) if asked.error is None else arguments
            # A tool may look there, too.
            context.tool_arguments = written
            return await bare.on_invoke_tool(context, written)

        passed = await passage.run_async(asked, execute, text=_text, steering=(AgentsException,))
        return _handed(passed)

    cast("Any", invoke).duress_passage = passage
    held = copy(tool)
    held.on_invoke_tool = invoke
    return held


def _handed(passed: Passed[Any]) -> Any:
    if passed.terminate:
        raise Ended(passed.text) from passed.failure
    if passed.failure is not None:
        raise passed.failure
    return passed.value if passed.whole else passed.text


def _text(value: Any) -> str:
    if isinstance(value, BaseModel):
        return text_of(value.model_dump(exclude_none=True))
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return text_of([one.model_dump() if isinstance(one, BaseModel) else one for one in parts])
    return text_of(value)


# ---- handoffs ----------------------------------------------------------------------------------


class _HeldHandoff(Handoff[Any, Any]):
    """A handoff that stays with the agent it came from where the guard refuses it, and says why."""

    def get_transfer_message(self, agent: Any) -> str:
        refused = _refusal.get()
        _refusal.set(None)
        return refused if refused is not None else super().get_transfer_message(agent)


def _handoff(
    given: Agent[Any] | Handoff[Any, Any], passage: Passage, made: dict[int, Agent[Any]]
) -> Handoff[Any, Any]:
    bare: Handoff[Any, Any] = given if isinstance(given, Handoff) else handoff(given)
    held = copy(bare)
    held.__class__ = _HeldHandoff
    target = given if isinstance(given, Agent) else _target(bare)
    if target is not None:
        object.__setattr__(held, "_agent_ref", weakref.ref(_agent(target, passage, made)))

    async def invoke(context: RunContextWrapper[Any], arguments: str) -> Any:
        _refusal.set(None)

        async def execute(found: dict[str, Any]) -> Any:
            written = json_of(found) if bare.input_json_schema.get("properties") else arguments
            return _agent(await bare.on_invoke_handoff(context, written), passage, made)

        asked = call_of(passage.guard.clock.name(), bare.tool_name, arguments or "{}")
        passed = await passage.run_async(asked, execute, text=_transferred, steering=(AgentsException,))
        if passed.terminate:
            raise Ended(passed.text) from passed.failure
        if passed.whole:
            return passed.value
        if passed.failure is not None:
            raise passed.failure
        return _stay(context, passed)

    held.on_invoke_handoff = invoke
    return held


def _stay(context: RunContextWrapper[Any], passed: Passed[Any]) -> Any:
    current = getattr(context, "_duress_agent", None)
    if current is None:
        raise Refused(passed.text)
    _refusal.set(passed.text)
    return current


def _target(given: Handoff[Any, Any]) -> Agent[Any] | None:
    found = getattr(given, "_agent_ref", None)
    return cast("Agent[Any] | None", found()) if found is not None else None


def _transferred(agent: Any) -> str:
    return f"handed off to {agent.name}"


# ---- the conversation --------------------------------------------------------------------------


class _Hearing(Hooks):
    """Hands the conversation to the guard, and everything on to the agent's own hooks."""

    def __init__(self, passage: Passage, hooks: Hooks | None) -> None:
        self._passage = passage
        self._hooks: Hooks = hooks if hooks is not None else AgentHooks[Any]()
        self._heard: list[Any] = []

    async def on_llm_start(
        self,
        context: RunContextWrapper[Any],
        agent: Agent[Any],
        system_prompt: str | None,
        input_items: list[TResponseInputItem],
    ) -> None:
        if reason := self._passage.ended():
            raise Ended(f"the session is over: {reason}")
        context._duress_agent = agent  # type: ignore[attr-defined]  # pyright: ignore
        self._passage.session().follow(conversation(system_prompt, input_items))
        await self._hooks.on_llm_start(context, agent, system_prompt, input_items)

    async def on_llm_end(
        self, context: RunContextWrapper[Any], agent: Agent[Any], response: ModelResponse
    ) -> None:
        for message in conversation(None, [item.model_dump() for item in response.output]):
            self._passage.session().hear(message)
        await self._hooks.on_llm_end(context, agent, response)

    async def on_start(self, context: Any, agent: Any) -> None:
        await self._hooks.on_start(context, agent)

    async def on_end(self, context: Any, agent: Any, output: Any) -> None:
        await self._hooks.on_end(context, agent, output)

    async def on_handoff(self, context: Any, agent: Any, source: Any) -> None:
        await self._hooks.on_handoff(context, agent, source)

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
        await self._hooks.on_tool_start(context, agent, tool)

    async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: Any) -> None:
        await self._hooks.on_tool_end(context, agent, tool, result)


def conversation(system: str | None, items: Iterable[Any]) -> tuple[Message, ...]:
    """Return items of the Responses API as messages; what a model said in one turn is one message."""
    found: list[Message] = [Message(Role.SYSTEM, system)] if system else []
    texts: list[str] = []
    calls: list[ToolCall] = []

    def turn() -> None:
        if texts or calls:
            found.append(Message(Role.ASSISTANT, "\n".join(texts), calls=tuple(calls)))
            texts.clear()
            calls.clear()

    for one in items:
        item = cast("Mapping[str, Any]", one)
        kind = item.get("type", "message")
        if kind == "function_call":
            calls.append(call_of(str(item.get("call_id")), str(item.get("name")), item.get("arguments", "")))
        elif kind == "function_call_output":
            turn()
            found.append(Message(Role.TOOL, _content(item.get("output")), call_id=str(item.get("call_id"))))
        elif kind == "message":
            role, text = item.get("role"), _content(item.get("content"))
            if role == "assistant":
                texts.append(text)
                continue
            turn()
            found.append(Message(Role.USER if role == "user" else Role.SYSTEM, text))
    turn()
    return tuple(found)


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [cast("Mapping[str, Any]", one) for one in cast("list[Any]", content)]
        texts = [one.get("text") or one.get("refusal") for one in parts]
        return "\n".join(text for text in texts if isinstance(text, str))
    return text_of(content)
