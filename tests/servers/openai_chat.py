"""OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from servers.protocol import arguments, event, number, pieces, plain
from servers.script import Asked, Line, Refuse, Role, Say, Why

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
}
_USAGE = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}


class Chat:
    def read(self, body: dict[str, Any], attempt: int) -> Asked:
        return Asked(
            model=body["model"],
            lines=tuple(Line(_ROLES[m["role"]], plain(m.get("content"))) for m in body["messages"]),
            tools=tuple(t["function"]["name"] for t in body.get("tools") or ()),
            streamed=bool(body.get("stream")),
            attempt=attempt,
            body=body,
        )

    def write(self, say: Say, asked: Asked) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": say.text or None, "refusal": say.refusal}
        if say.reasoning is not None:
            message["reasoning_content"] = say.reasoning
        if say.calls:
            message["tool_calls"] = _calls(say)
        return {
            **_head(asked, "chat.completion"),
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(say)}],
            "usage": _USAGE,
        }

    def stream(self, say: Say, asked: Asked) -> Iterator[str]:
        head = _head(asked, "chat.completion.chunk")

        def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
            return event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        yield chunk({"role": "assistant", "content": ""})
        if say.reasoning is not None:
            yield chunk({"reasoning_content": say.reasoning})
        for piece in pieces(say.text):
            yield chunk({"content": piece})
        if say.refusal is not None:
            yield chunk({"refusal": say.refusal})
        for index, call in enumerate(_calls(say)):
            yield chunk({"tool_calls": [{"index": index, **call}]})
        yield chunk({}, _finish(say))
        if (asked.body.get("stream_options") or {}).get("include_usage"):
            yield event({**head, "choices": [], "usage": _USAGE})
        yield event("[DONE]")

    def stream_error(self, refuse: Refuse) -> str:
        return event(self.error(refuse))

    def error(self, refuse: Refuse) -> dict[str, Any]:
        return {"error": {"message": refuse.message, "type": refuse.kind, "param": None, "code": refuse.kind}}

    def unknown_model(self, model: str) -> Refuse:
        said = f"The model `{model}` does not exist or you do not have access to it."
        return Refuse(404, "model_not_found", said)

    def wrong_key(self) -> Refuse:
        return Refuse(401, "invalid_api_key", "Incorrect API key provided.")

    def listing(self, models: Iterable[str]) -> dict[str, Any]:
        data = [{"id": m, "object": "model", "created": 1_700_000_000, "owned_by": "local"} for m in models]
        return {"object": "list", "data": data}


def azure_filter() -> Refuse:
    """The prompt itself was withheld, as Azure says it."""
    said = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
    }
    error = {
        "message": said,
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": inner,
    }
    return Refuse(400, body={"error": error})


def _head(asked: Asked, kind: str) -> dict[str, Any]:
    return {"id": number("chatcmpl-"), "object": kind, "created": 1_700_000_000, "model": asked.model}


def _calls(say: Say) -> list[dict[str, Any]]:
    return [
        {"id": number("call_"), "type": "function", "function": {"name": c.tool, "arguments": arguments(c)}}
        for c in say.calls
    ]


def _finish(say: Say) -> str:
    if say.why is Why.LENGTH:
        return "length"
    if say.why is Why.FILTERED:
        return "content_filter"
    return "tool_calls" if say.calls else "stop"


PROTOCOL = Chat()
