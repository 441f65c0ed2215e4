"""The world's tools as Inspect's: built once; the running trial tells them whose world they act on."""

from __future__ import annotations

from itertools import count
from typing import Any

from inspect_ai.event import ModelEvent, ToolEvent
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, execute_tools
from inspect_ai.tool import Tool as InspectTool
from inspect_ai.tool import ToolCall as InspectCall
from inspect_ai.tool import ToolDef, ToolError, ToolParams

from duress.inspect import chat
from duress.inspect.running import Running, running
from duress.world.tool import Tool

_numbers = count(1)


_built: dict[int, tuple[tuple[Tool, ...], list[ToolDef], list[InspectTool]]] = {}


def definitions(tools: tuple[Tool, ...]) -> list[ToolDef]:
    """Return the tools of a world as Inspect's, for a driver that carries out the calls."""
    return list(_both(tools)[1])


def handed_out(tools: tuple[Tool, ...]) -> list[InspectTool]:
    """Return the tools of a world as an agent with its own loop gets them.

    However it calls them, approvers, limits and tool events apply: a call that does not come through
    Inspect's `execute_tools` is taken through it.
    """
    return list(_both(tools)[2])


def _both(tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], list[ToolDef], list[InspectTool]]:
    # Worlds with the same desks and language share one tuple of tools; holding it keeps its id() its own.
    key = id(tools)
    if key not in _built:
        made = [_definition(tool) for tool in tools]
        _built[key] = (tools, made, [_definition(tool).as_tool() for tool in tools])
    return _built[key]


def world_tools() -> list[InspectTool]:
    """Return the tools of the world that the calling agent stands in.

    Raises:
        RuntimeError: no trial is running.
    """
    return handed_out(_trial().world.tools)


def _definition(tool: Tool) -> ToolDef:
    async def call(**kwargs: Any) -> str:
        trial = _trial()
        event = _event(trial, tool.name)
        if event is None:
            return await _through_inspect(trial, tool, kwargs)
        text, error = await trial.carry_out(event, kwargs)
        if error is not None:
            raise ToolError(text)
        return text

    return ToolDef(
        call,
        name=tool.name,
        description=tool.description,
        parameters=ToolParams.model_validate(tool.parameters),
        # The agent is shown all of it, as it is by the direct driver.
        max_output=0,
    )


def _event(trial: Running, name: str) -> ToolEvent | None:
    """Return the event of the call that Inspect is carrying out right now, or None.

    Inspect records it immediately before it calls the tool, and world tools never run in parallel.
    """
    last = transcript().history.last_event
    if not isinstance(last, ToolEvent) or not last.pending or last.function != name:
        return None
    return None if (last.uuid or last.id) in trial.carried else last


async def _through_inspect(trial: Running, tool: Tool, arguments: dict[str, Any]) -> str:
    asked = InspectCall(_id(trial, tool.name, arguments), tool.name, arguments)
    turn = ChatMessageAssistant(content="", tool_calls=[asked])
    done = await execute_tools([turn], [d for d in definitions(trial.world.tools) if d.name == tool.name])
    [answer] = done.messages
    assert isinstance(answer, ChatMessageTool)
    return chat.result(answer)[0]


def _id(trial: Running, name: str, arguments: dict[str, Any]) -> str:
    """Return the id under which a model asked for a call, or a new one if none did."""
    done = {e.id for e in transcript().events if isinstance(e, ToolEvent)}
    for event in reversed(transcript().events):
        if isinstance(event, ModelEvent) and not event.output.empty:
            for call in event.output.message.tool_calls or ():
                if call.function == name and call.arguments == arguments and call.id not in done:
                    return call.id
            break
    return f"own-{next(_numbers)}"


def _trial() -> Running:
    trial = running()
    if trial is None:
        raise RuntimeError("the tools of a Duress world work only while one of its trials runs")
    return trial
