"""Pydantic-AI: one capability. The model is Pydantic-AI's own function model."""

from __future__ import annotations

from desk import ASKS, TASK, TOOLS, guard, show
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from duress.guard.adapters.pydantic_ai import Guarding


def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    said = sum(isinstance(message, ModelResponse) for message in messages)
    if said == len(ASKS):
        return ModelResponse([TextPart("Done.")])
    return ModelResponse([ToolCallPart(*ASKS[said])])


the_guard, session = guard()
agent = Agent(FunctionModel(reply), tools=TOOLS, capabilities=[Guarding(the_guard, session)])

agent.run_sync(TASK)
show(session)
