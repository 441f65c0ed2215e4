"""Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from servers.protocol import arguments, event, number, pieces, plain
from servers.script import Asked, Call, Line, Refuse, Role, Say, Why

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Messages:
    def read(self, body: dict[str, Any], attempt: int) -> Asked:
        lines = [Line(Role.SYSTEM, plain(body["system"]))] if body.get("system") else []
        for message in body["messages"]:
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if message["role"] == "assistant":
                lines.append(Line(Role.ASSISTANT, plain([b for b in blocks if b["type"] == "text"])))
                continue
            for block in blocks:
                if block["type"] == "tool_result":
                    lines.append(Line(Role.TOOL, plain(block.get("content"))))
                else:
                    lines.append(Line(Role.USER, plain([block])))
        return Asked(
            model=body["model"],
            lines=tuple(lines),
            tools=tuple(t["name"] for t in body.get("tools") or ()),
            streamed=bool(body.get("stream")),
            attempt=attempt,
            body=body,
        )

    def write(self, say: Say, asked: Asked) -> dict[str, Any]:
        return {
            **_head(asked),
            "content": list(_blocks(say)),
            "stop_reason": _stop(say),
            "stop_sequence": None,
            "usage": {"input_tokens": 120, "output_tokens": 30},
        }

    def stream(self, say: Say, asked: Asked) -> Iterator[str]:
        start = {**_head(asked), "content": [], "stop_reason": None, "stop_sequence": None}
        start["usage"] = {"input_tokens": 120, "output_tokens": 1}
        yield _event({"type": "message_start", "message": start})
        for index, block in enumerate(_blocks(say)):
            yield from _streamed(index, block, say)
        delta = {"stop_reason": _stop(say), "stop_sequence": None}
        yield _event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 30}})
        yield _event({"type": "message_stop"})

    def stream_error(self, refuse: Refuse) -> str:
        return _event(self.error(refuse))

    def error(self, refuse: Refuse) -> dict[str, Any]:
        kind = _KINDS.get(refuse.status, "api_error")
        return {
            "type": "error",
            "error": {"type": kind, "message": refuse.message},
            "request_id": number("req_"),
        }

    def unknown_model(self, model: str) -> Refuse:
        return Refuse(404, "not_found_error", f"model: {model}")

    def wrong_key(self) -> Refuse:
        return Refuse(401, "authentication_error", "invalid x-api-key")

    def listing(self, models: Iterable[str]) -> dict[str, Any]:
        data = [
            {"type": "model", "id": m, "display_name": m, "created_at": "2026-01-01T00:00:00Z"}
            for m in models
        ]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return {"data": data, "has_more": False, **ends}


def _head(asked: Asked) -> dict[str, Any]:
    return {"id": number("msg_"), "type": "message", "role": "assistant", "model": asked.model}


def _blocks(say: Say) -> Iterator[dict[str, Any]]:
    if say.reasoning is not None:
        yield {"type": "thinking", "thinking": say.reasoning, "signature": "c2lnbmVk"}
    if say.text:
        yield {"type": "text", "text": say.text}
    for call in say.calls:
        yield {"type": "tool_use", "id": number("toolu_"), "name": call.tool, "input": _input(call)}


def _input(call: Call) -> Any:
    # This protocol carries arguments as JSON values: text that is no JSON cannot be sent, only a wrong value.
    if isinstance(call.arguments, dict):
        return call.arguments
    try:
        return json.loads(call.arguments)
    except ValueError:
        return {}


def _streamed(index: int, block: dict[str, Any], say: Say) -> Iterator[str]:
    kind = block["type"]
    if kind == "thinking":
        empty: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    elif kind == "text":
        empty = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    else:
        empty = {**block, "input": {}}
        call = say.calls[index - (say.reasoning is not None) - bool(say.text)]
        deltas = [{"type": "input_json_delta", "partial_json": arguments(call)}]
    yield _event({"type": "content_block_start", "index": index, "content_block": empty})
    for delta in deltas:
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})


def _stop(say: Say) -> str:
    if say.why is Why.LENGTH:
        return "max_tokens"
    if say.why is Why.FILTERED:
        return "refusal"
    return "tool_use" if say.calls else "end_turn"


def _event(data: dict[str, Any]) -> str:
    return event(data, data["type"])


PROTOCOL = Messages()
