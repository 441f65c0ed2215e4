"""LangChain and LangGraph: `agent = create_agent(model, tools, guard=guard, session=session)`.

For a graph of your own, `tool_node(tools, guard, session)` takes the place of `ToolNode(tools)`. Each tool is
guarded within itself, after every middleware, so that none of them, whatever its place in the list or the
node it jumps to, lets a call pass or changes one that was decided on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from langchain.agents import create_agent as _create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tools import Tool as SimpleTool
from langchain_core.tools import tool as make_tool
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from duress.guard.adapters.passage import (
    Passage,
    Passed,
    Refused,
    SessionSource,
    Terminated,
    call_of,
    text_of,
)
from duress.guard.guard import Guard
from duress.trajectory import Message, Role, ToolCall, ToolError

AnyTool = BaseTool | Callable[..., Any]
_KNOWN = {one.invoke for one in (BaseTool, StructuredTool, SimpleTool)}
_KNOWN_ASYNC = {one.ainvoke for one in (BaseTool, StructuredTool, SimpleTool)}


def create_agent(
    model: Any,
    tools: Sequence[AnyTool] = (),
    *,
    guard: Guard,
    session: SessionSource,
    middleware: Sequence[AgentMiddleware[Any, Any]] = (),
    revoke: Callable[[], None] | None = None,
    **more: Any,
) -> Any:
    """Return LangChain's agent with tools that are carried out only as the guard permits.

    Everything else is passed to `langchain.agents.create_agent`. When the guard ends the session the run
    raises `Terminated`.

    Raises:
        TypeError: a tool runs where no guard can stand (a provider's own), or brings its own way of running.
    """
    passage = Passage(guard, session, revoke=revoke)
    held = [_held(tool, passage) for tool in tools]
    # The last in the list is the innermost: it sees what all others have made of a call.
    return _create_agent(model, held, middleware=[*middleware, _Middleware(passage)], **more)


def tool_node(
    tools: Sequence[AnyTool],
    guard: Guard,
    session: SessionSource,
    *,
    revoke: Callable[[], None] | None = None,
    **more: Any,
) -> ToolNode:
    """Return a node of tools that are carried out only as the guard permits; options as for `ToolNode`.

    Raises:
        TypeError: a tool runs where no guard can stand, or brings its own way of running.
    """
    passage = Passage(guard, session, revoke=revoke)
    middleware = _Middleware(passage)
    return ToolNode(
        [_held(tool, passage) for tool in tools],
        wrap_tool_call=middleware.wrap_tool_call,
        awrap_tool_call=middleware.awrap_tool_call,
        **more,
    )


def guarded(
    tools: Sequence[AnyTool],
    guard: Guard,
    session: SessionSource,
    *,
    revoke: Callable[[], None] | None = None,
) -> list[BaseTool]:
    """Return tools that are carried out only as the guard permits, whoever calls them.

    The guard sees the calls, and nothing of the conversation around them.

    Raises:
        TypeError: a tool runs where no guard can stand, or brings its own way of running.
    """
    passage = Passage(guard, session, revoke=revoke)
    return [_held(tool, passage) for tool in tools]


# ---- a tool ------------------------------------------------------------------------------------


class _Held(BaseTool):
    """What comes in front of a tool's own class: `run` and `arun` are the only ways to what it does."""

    @cached_property
    def duress_passage(self) -> Passage:
        raise NotImplementedError

    def run(self, tool_input: str | dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        asked, injected = _asked(self, tool_input, kwargs.get("tool_call_id"))

        def execute(found: dict[str, Any]) -> Any:
            return super(_Held, self).run({**found, **injected}, *args, **kwargs)

        passed = self.duress_passage.run(asked, execute, text=_text, steering=(GraphBubbleUp,))
        return _handed(self.name, kwargs.get("tool_call_id"), passed)

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        # Not in a thread, as tools without a coroutine have it: a cancelled run would leave that thread
        # waiting for an answer, and it would act on it.
        return await BaseTool.ainvoke(self, input, config, **kwargs)

    async def arun(self, tool_input: str | dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        asked, injected = _asked(self, tool_input, kwargs.get("tool_call_id"))

        async def execute(found: dict[str, Any]) -> Any:
            return await super(_Held, self).arun({**found, **injected}, *args, **kwargs)

        passed = await self.duress_passage.run_async(asked, execute, text=_text, steering=(GraphBubbleUp,))
        return _handed(self.name, kwargs.get("tool_call_id"), passed)


def _held(given: Any, passage: Passage) -> BaseTool:
    if isinstance(given, Mapping):
        named = cast("Mapping[str, Any]", given)
        raise TypeError(
            f"{named.get('name') or named.get('type')}: a tool of the model's provider runs where "
            "no guard can stand; leave it out"
        )
    tool = cast("BaseTool", given if isinstance(given, BaseTool) else make_tool(given))
    if isinstance(tool, _Held):
        if tool.duress_passage is passage:
            return tool
        raise TypeError(f"{tool.name}: is guarded already, by another guard or in another session")
    kind: type[BaseTool] = type(tool)
    if kind.invoke not in _KNOWN or kind.ainvoke not in _KNOWN_ASYNC or "_run" not in dir(kind):
        raise TypeError(f"{tool.name}: {kind.__name__} has an `invoke` of its own; override `_run` instead")
    if kind.run is not BaseTool.run or kind.arun is not BaseTool.arun:
        raise TypeError(f"{tool.name}: {kind.__name__} has a `run` of its own; override `_run` instead")
    held = tool.model_copy()
    # A subclass, so that all that looks at a tool (schemas, injected arguments) finds what it found before.
    front = type(f"Guarded{kind.__name__}", (_Held, kind), {"__module__": __name__, "__doc__": kind.__doc__})
    object.__setattr__(held, "__class__", front)
    vars(held)["duress_passage"] = passage
    return held


def _asked(tool: BaseTool, tool_input: Any, id: str | None) -> tuple[ToolCall, dict[str, Any]]:
    """Return the call as the model made it, and what the SDK adds to its arguments."""
    passage: Passage = cast("Any", tool).duress_passage
    name = id or passage.guard.clock.name()
    given: Any = tool_input
    if isinstance(given, str):
        names = list(tool.args)
        if len(names) != 1:
            return ToolCall(name, tool.name, error="expected an object, found a text"), {}
        given = {names[0]: given}
    asked = call_of(name, tool.name, given)
    added = _injected(tool)
    injected = {key: value for key, value in asked.arguments.items() if key in added}
    arguments = {key: value for key, value in asked.arguments.items() if key not in added}
    return ToolCall(asked.id, asked.tool, arguments, asked.error), injected


def _injected(tool: BaseTool) -> frozenset[str]:
    own: frozenset[str] = frozenset(getattr(tool, "_injected_args_keys", ()))
    schema = tool.args_schema
    if schema is None or isinstance(schema, dict):
        return own
    shown = tool.tool_call_schema
    if isinstance(shown, dict):
        return own
    fields = cast("Mapping[str, Any]", getattr(schema, "model_fields", {}))
    return own | (frozenset(fields) - frozenset(cast("Any", shown).model_fields))


def _handed(name: str, id: str | None, passed: Passed[Any]) -> Any:
    if passed.terminate:
        raise Terminated(passed.text) from passed.failure
    if passed.failure is not None:
        raise passed.failure
    if passed.whole:
        return passed.value
    if id is None:
        if passed.error is ToolError.REJECTED:
            raise Refused(passed.text)
        return passed.text
    status = "success" if passed.error is None else "error"
    return ToolMessage(passed.text, tool_call_id=id, name=name, status=status)


def _text(value: Any) -> str:
    if isinstance(value, ToolMessage):
        # The artifact is for the program, not for the model.
        return value.content if isinstance(value.content, str) else text_of(value.content)
    if isinstance(value, Command):
        return text_of(_plain(cast("Command[Any]", value).update))
    return text_of(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseMessage):
        return {"type": value.type, "content": value.content}
    if isinstance(value, Command):
        return _plain(cast("Command[Any]", value).update)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in cast("Sequence[Any]", value)]
    return value


# ---- the agent around it -----------------------------------------------------------------------


class _Middleware(AgentMiddleware[Any, Any]):
    """Hands the conversation to the guard, ends the run with the session, and holds tools that came late."""

    def __init__(self, passage: Passage) -> None:
        super().__init__()
        self._passage = passage
        self._system: SystemMessage | None = None

    @property
    def name(self) -> str:
        return "DuressGuard"

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        self._before(request)
        return handler(request)

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        self._before(request)
        return await handler(request)

    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        return handler(self._tool(request))

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        return await handler(self._tool(request))

    def _before(self, request: Any) -> None:
        if reason := self._passage.ended():
            raise Terminated(f"the session is over: {reason}")
        for tool in request.tools:
            if isinstance(tool, Mapping):
                # A middleware has added one that the model's provider would run.
                _held(tool, self._passage)
        self._system = request.system_message
        self._hear(request.state)

    def _tool(self, request: Any) -> Any:
        self._hear(request.state)
        if request.tool is None:
            return request
        return request.override(tool=_held(request.tool, self._passage))

    def _hear(self, state: Any) -> None:
        before: list[Any] = [self._system] if self._system is not None else []
        self._passage.session().follow(conversation([*before, *_messages(state)]))


def _messages(state: Any) -> Sequence[Any]:
    if isinstance(state, list):
        return cast("list[Any]", state)
    if isinstance(state, Mapping):
        return cast("Mapping[str, Any]", state).get("messages", ())
    return getattr(state, "messages", ())


def conversation(messages: Iterable[Any]) -> tuple[Message, ...]:
    """Return messages of LangChain as ours."""
    return tuple(_message(one) for one in messages if isinstance(one, BaseMessage))


def _message(message: BaseMessage) -> Message:
    text = message.content if isinstance(message.content, str) else _joined(message.content)
    if isinstance(message, AIMessage):
        calls = [call_of(one["id"] or "", one["name"], one["args"]) for one in message.tool_calls]
        calls += [
            ToolCall(one["id"] or "", one["name"] or "", error=one["error"] or "cannot be read")
            for one in message.invalid_tool_calls
        ]
        return Message(Role.ASSISTANT, text, calls=tuple(calls))
    if isinstance(message, ToolMessage):
        return Message(Role.TOOL, text, call_id=message.tool_call_id)
    return Message(Role.SYSTEM if isinstance(message, SystemMessage) else Role.USER, text)


def _joined(content: Any) -> str:
    texts = [one if isinstance(one, str) else one.get("text") for one in cast("list[Any]", content)]
    return "\n".join(text for text in texts if isinstance(text, str))
