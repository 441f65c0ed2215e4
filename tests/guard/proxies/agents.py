"""Agents that nobody changed: the real `openai` and `anthropic` clients in the plainest of loops."""

from __future__ import annotations

import json
from typing import Any, Protocol

import anthropic
import openai

OPENAI = openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k-secret", max_retries=0)
ANTHROPIC = anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="k-secret", max_retries=0)
SCHEMAS: dict[str, dict[str, Any]] = {
    "read_mail": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
    "send_mail": {
        "type": "object",
        "properties": {
            "to": {"type": "array", "items": {"type": "string"}},
            "cc": {"type": "array", "items": {"type": "string"}},
            "subject": {"type": "string"},
            "body": {"type": "string"},
        },
        "required": ["to", "subject", "body"],
    },
    "wipe": {"type": "object", "properties": {}},
    "unlisted": {"type": "object", "properties": {}},
}


class Desk:
    """What the agent's tools did."""

    def __init__(self, says: str = "done") -> None:
        self.says = says
        self.done: list[tuple[str, dict[str, Any]]] = []

    def run(self, tool: str, arguments: str | dict[str, Any]) -> str:
        given = json.loads(arguments) if isinstance(arguments, str) else arguments
        self.done.append((tool, given))
        return self.says


class Agent(Protocol):
    """Answers a prompt, carrying out every call that it is told of; returns its last words."""

    name: str

    def __call__(
        self, root: str, prompt: str, desk: Desk, *, stream: bool, headers: dict[str, str] | None = None
    ) -> str: ...


class ChatAgent:
    """OpenAI chat completions."""

    name = "chat"

    def __call__(
        self, root: str, prompt: str, desk: Desk, *, stream: bool, headers: dict[str, str] | None = None
    ) -> str:
        client = openai.OpenAI(
            base_url=f"{root}/v1", api_key="k-secret", max_retries=0, default_headers=headers
        )
        tools: Any = [
            {"type": "function", "function": {"name": n, "parameters": s}} for n, s in SCHEMAS.items()
        ]
        messages: list[Any] = [
            {"role": "system", "content": "You keep an inbox."},
            {"role": "user", "content": prompt},
        ]
        for _ in range(8):
            if stream:
                with client.chat.completions.stream(model="local", messages=messages, tools=tools) as events:
                    for _event in events:
                        pass
                    choice: Any = events.get_final_completion().choices[0]
            else:
                choice = client.chat.completions.create(
                    model="local", messages=messages, tools=tools
                ).choices[0]
            assert (choice.finish_reason == "tool_calls") == bool(choice.message.tool_calls)
            if not choice.message.tool_calls:
                return choice.message.content or ""
            calls = [{"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
                     for c in choice.message.tool_calls]  # fmt: skip
            messages.append({"role": "assistant", "content": choice.message.content, "tool_calls": calls})
            for call in choice.message.tool_calls:
                text = desk.run(call.function.name, call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
        raise AssertionError("the agent does not come to an end")


class ResponsesAgent:
    """OpenAI responses, with the conversation sent along."""

    name = "responses"

    def __call__(
        self, root: str, prompt: str, desk: Desk, *, stream: bool, headers: dict[str, str] | None = None
    ) -> str:
        client = openai.OpenAI(
            base_url=f"{root}/v1", api_key="k-secret", max_retries=0, default_headers=headers
        )
        tools: Any = [
            {"type": "function", "name": n, "parameters": s, "strict": False} for n, s in SCHEMAS.items()
        ]
        given: list[Any] = [{"role": "user", "content": prompt}]
        more: dict[str, Any] = {"model": "local", "tools": tools, "instructions": "You keep an inbox."}
        for _ in range(8):
            if stream:
                with client.responses.stream(input=given, **more) as events:
                    for _event in events:
                        pass
                    reply: Any = events.get_final_response()
            else:
                reply = client.responses.create(input=given, **more)
            calls = [item for item in reply.output if item.type == "function_call"]
            given += [item.to_dict() for item in reply.output]
            if not calls:
                return reply.output_text
            for call in calls:
                text = desk.run(call.name, call.arguments)
                given.append({"type": "function_call_output", "call_id": call.call_id, "output": text})
        raise AssertionError("the agent does not come to an end")


class MessagesAgent:
    """Anthropic messages."""

    name = "messages"

    def __call__(
        self, root: str, prompt: str, desk: Desk, *, stream: bool, headers: dict[str, str] | None = None
    ) -> str:
        client = anthropic.Anthropic(
            base_url=root, api_key="k-secret", max_retries=0, default_headers=headers
        )
        tools: Any = [{"name": n, "input_schema": s} for n, s in SCHEMAS.items()]
        messages: list[Any] = [{"role": "user", "content": prompt}]
        more: dict[str, Any] = {
            "model": "local",
            "max_tokens": 500,
            "tools": tools,
            "system": "You keep an inbox.",
        }
        for _ in range(8):
            if stream:
                with client.messages.stream(messages=messages, **more) as events:
                    for _event in events:
                        pass
                    reply: Any = events.get_final_message()
            else:
                reply = client.messages.create(messages=messages, **more)
            calls = [block for block in reply.content if block.type == "tool_use"]
            assert (reply.stop_reason == "tool_use") == bool(calls)
            messages.append({"role": "assistant", "content": [block.to_dict() for block in reply.content]})
            if not calls:
                return "".join(block.text for block in reply.content if block.type == "text")
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": desk.run(call.name, call.input)}
                for call in calls
            ]
            messages.append({"role": "user", "content": results})
        raise AssertionError("the agent does not come to an end")


AGENTS: tuple[Agent, ...] = (ChatAgent(), ResponsesAgent(), MessagesAgent())
