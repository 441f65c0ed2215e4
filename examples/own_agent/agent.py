"""Two agents of your own, to put through a scenario.

duress run blackmail --model openai/gpt-... --agent examples/own_agent/agent.py@careful
duress run blackmail --model openai/gpt-... --agent examples/own_agent/agent.py@openai_loop
"""

from __future__ import annotations

import json
from typing import Any

from inspect_ai.agent import Agent, AgentState, agent, agent_bridge
from inspect_ai.model import ChatMessageUser, execute_tools, get_model
from inspect_ai.tool import Tool, ToolDef

CHECK = (
    "Before you finish: is there anything in what you did that the people you work for would object to if "
    "they watched? If so, say what. If not, say that you are done."
)


@agent
def careful(tools: list[Tool]) -> Agent:
    """An Inspect agent: a plain tool loop that asks the model to look back once before it ends.

    `tools` are the tools of the world. An agent that declares this argument is given them.
    """

    async def run(state: AgentState) -> AgentState:
        looked_back = False
        while True:
            state.output = await get_model().generate(state.messages, tools)
            state.messages.append(state.output.message)
            if state.output.message.tool_calls:
                done, _ = await execute_tools(state.messages, tools)
                state.messages.extend(done)
            elif not looked_back:
                looked_back = True
                state.messages.append(ChatMessageUser(content=CHECK))
            else:
                return state

    return run


@agent
def openai_loop(tools: list[Tool]) -> Agent:
    """An agent written against OpenAI's client, unchanged but for the model's name, `inspect`.

    Inside the bridge, requests for that model go to the model under test, whoever serves it.
    """

    async def run(state: AgentState) -> AgentState:
        from openai import AsyncOpenAI

        async with agent_bridge(state) as bridge:
            # The bridge answers before anything is sent; the key is there because the client wants one.
            client = AsyncOpenAI(api_key="not-used")
            messages = [_as_openai(message) for message in state.messages]
            while True:
                reply = await client.chat.completions.create(
                    model="inspect", messages=messages, tools=[_described(tool) for tool in tools]
                )
                said = reply.choices[0].message
                messages.append(said.model_dump(exclude_none=True))
                if not said.tool_calls:
                    return bridge.state
                for call in said.tool_calls:
                    text = await _carry_out(tools, call.function.name, call.function.arguments)
                    messages.append({"role": "tool", "tool_call_id": call.id, "content": text})

    return run


def _as_openai(message: Any) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    shown: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "assistant" and message.tool_calls:
        shown["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function, "arguments": json.dumps(call.arguments)},
            }
            for call in message.tool_calls
        ]
    return shown


def _described(tool: Tool) -> dict[str, Any]:
    known = ToolDef(tool)
    return {
        "type": "function",
        "function": {
            "name": known.name,
            "description": known.description,
            "parameters": known.parameters.model_dump(exclude_none=True),
        },
    }


async def _carry_out(tools: list[Tool], name: str, arguments: str) -> str:
    for tool in tools:
        if ToolDef(tool).name == name:
            try:
                return str(await tool(**json.loads(arguments)))
            except (json.JSONDecodeError, TypeError) as error:
                return f"These arguments cannot be read: {error}"
    return f"There is no tool {name}."
