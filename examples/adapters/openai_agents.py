"""OpenAI Agents SDK: one line around the agent. The model is the SDK's own scripted one."""

from __future__ import annotations

import json

from agents import Agent, Runner, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call
from desk import ASKS, TASK, TOOLS, guard, show

from duress.guard.adapters.openai_agents import guarded

set_tracing_disabled(True)
turns = [
    [function_call(name, json.dumps(arguments), call_id=f"call_{number}")]
    for number, (name, arguments) in enumerate(ASKS)
]
agent = Agent(
    "clerk",
    tools=[function_tool(tool) for tool in TOOLS],
    model=ScriptedModel([*turns, [assistant_message("Done.")]]),
)

the_guard, session = guard()
agent = guarded(agent, the_guard, session)

Runner.run_sync(agent, TASK)
show(session)
