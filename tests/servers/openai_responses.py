"""OpenAI's responses, which Inspect uses for its newer models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from servers import openai_chat
from servers.protocol import arguments, event, number, plain
from servers.script import Asked, Line, Refuse, Role, Say, Why

_ROLES = {"system": Role.SYSTEM, "developer": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}


class Responses:
    def read(self, body: dict[str, Any], attempt: int) -> Asked:
        lines = [Line(Role.SYSTEM, body["instructions"])] if body.get("instructions") else []
        given = body["input"]
        for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
            kind = item.get("type", "message")
            if kind == "message":
                lines.append(Line(_ROLES[item["role"]], plain(item["content"])))
            elif kind in ("function_call_output", "custom_tool_call_output"):
                lines.append(Line(Role.TOOL, plain(item["output"])))
            # One turn may come back as reasoning, message and calls: count it once.
            elif kind in ("function_call", "custom_tool_call", "reasoning") and (
                not lines or lines[-1].role is not Role.ASSISTANT
            ):
                lines.append(Line(Role.ASSISTANT, ""))
        merged: list[Line] = []
        for line in lines:
            if line.role is Role.ASSISTANT and merged and merged[-1].role is Role.ASSISTANT:
                merged[-1] = Line(Role.ASSISTANT, f"{merged[-1].text}{line.text}")
            else:
                merged.append(line)
        return Asked(
            model=body["model"],
            lines=tuple(merged),
            tools=tuple(t.get("name", t["type"]) for t in _tools(body)),
            streamed=bool(body.get("stream")),
            attempt=attempt,
            body=body,
        )

    def write(self, say: Say, asked: Asked) -> dict[str, Any]:
        status = "completed" if say.why is Why.DONE else "incomplete"
        reason = {Why.LENGTH: "max_output_tokens", Why.FILTERED: "content_filter"}.get(say.why)
        return {
            "id": number("resp_"),
            "object": "response",
            "created_at": 1_700_000_000,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "instructions": None,
            "metadata": {},
            "model": asked.model,
            "output": list(_items(say, status, asked)),
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": asked.body.get("tools") or [],
            "top_p": 1.0,
            "usage": {
                "input_tokens": 120,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 30,
                "output_tokens_details": {"reasoning_tokens": 10},
                "total_tokens": 150,
            },
        }

    def stream(self, say: Say, asked: Asked) -> Iterator[str]:
        whole = self.write(say, asked)
        started = {**whole, "status": "in_progress", "output": []}
        yield event(
            {"type": "response.created", "sequence_number": 0, "response": started}, "response.created"
        )
        for index, item in enumerate(whole["output"]):
            for kind in ("response.output_item.added", "response.output_item.done"):
                number_ = 1 + 2 * index + (kind == "response.output_item.done")
                yield event(
                    {"type": kind, "sequence_number": number_, "output_index": index, "item": item}, kind
                )
        last = f"response.{whole['status']}"
        yield event({"type": last, "sequence_number": 1 + 2 * len(whole["output"]), "response": whole}, last)

    def stream_error(self, refuse: Refuse) -> str:
        error = {
            "type": "error",
            "code": refuse.kind,
            "message": refuse.message,
            "param": None,
            "sequence_number": 9,
        }
        return event(error, "error")

    def error(self, refuse: Refuse) -> dict[str, Any]:
        return openai_chat.PROTOCOL.error(refuse)

    def unknown_model(self, model: str) -> Refuse:
        return openai_chat.PROTOCOL.unknown_model(model)

    def wrong_key(self) -> Refuse:
        return openai_chat.PROTOCOL.wrong_key()

    def listing(self, models: Iterable[str]) -> dict[str, Any]:
        return openai_chat.PROTOCOL.listing(models)


def _tools(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What can be called; tools may stand in a group, or come with the input."""
    given = body["input"] if isinstance(body["input"], list) else []
    late = [t for item in given if item.get("type") == "additional_tools" for t in item["tools"]]
    for tool in [*(body.get("tools") or ()), *late]:
        yield from tool["tools"] if tool["type"] == "namespace" else (tool,)


def _items(say: Say, status: str, asked: Asked) -> Iterator[dict[str, Any]]:
    if say.reasoning is not None:
        summary = [{"type": "summary_text", "text": say.reasoning}]
        yield {"type": "reasoning", "id": number("rs_"), "summary": summary, "encrypted_content": "c2VhbGVk"}
    if say.refusal is not None:
        content = [{"type": "refusal", "refusal": say.refusal}]
        yield {
            "type": "message",
            "id": number("msg_"),
            "role": "assistant",
            "status": status,
            "content": content,
        }
    elif say.text or not say.calls:
        content = [{"type": "output_text", "text": say.text, "annotations": [], "logprobs": []}]
        yield {
            "type": "message",
            "id": number("msg_"),
            "role": "assistant",
            "status": status,
            "content": content,
        }
    free = {t.get("name") for t in _tools(asked.body) if t["type"] == "custom"}
    for call in say.calls:
        own = call.tool in free
        space, _, name = call.tool.rpartition(".")
        yield {
            "type": "custom_tool_call" if own else "function_call",
            "id": number("fc_"),
            "call_id": number("call_"),
            "name": name,
            **({"namespace": space} if space else {}),
            "input" if own else "arguments": arguments(call),
            "status": "completed",
        }


PROTOCOL = Responses()
