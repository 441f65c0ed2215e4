"""Gemini's generated contents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from servers.protocol import event, number
from servers.script import Asked, Line, Refuse, Role, Say, Why

_STATES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
_ENDS = {Why.DONE: "STOP", Why.LENGTH: "MAX_TOKENS", Why.FILTERED: "SAFETY"}


class Contents:
    def read(self, body: dict[str, Any], attempt: int) -> Asked:
        lines = [Line(Role.SYSTEM, _text(body["systemInstruction"]))] if body.get("systemInstruction") else []
        for content in body["contents"]:
            if content.get("role") == "model":
                lines.append(Line(Role.ASSISTANT, _text(content)))
                continue
            for part in content["parts"]:
                answered = part.get("functionResponse")
                if answered is None:
                    lines.append(Line(Role.USER, part.get("text", "")))
                else:
                    lines.append(Line(Role.TOOL, json.dumps(answered["response"])))
        tools = [
            t["name"] for group in body.get("tools") or () for t in group.get("functionDeclarations", ())
        ]
        return Asked(
            model=body["model"],
            lines=tuple(lines),
            tools=tuple(tools),
            streamed=bool(body.get("stream")),
            attempt=attempt,
            body=body,
        )

    def write(self, say: Say, asked: Asked) -> dict[str, Any]:
        content = {"role": "model", "parts": list(_parts(say))}
        return _reply(asked, {"content": content, "finishReason": _ENDS[say.why], "index": 0})

    def stream(self, say: Say, asked: Asked) -> Iterator[str]:
        for part in _parts(say):
            yield event(_reply(asked, {"content": {"role": "model", "parts": [part]}, "index": 0}))
        last = {
            "content": {"role": "model", "parts": [{"text": ""}]},
            "finishReason": _ENDS[say.why],
            "index": 0,
        }
        yield event(_reply(asked, last))

    def stream_error(self, refuse: Refuse) -> str:
        return event(self.error(refuse))

    def error(self, refuse: Refuse) -> dict[str, Any]:
        state = _STATES.get(refuse.status, "INTERNAL")
        return {"error": {"code": refuse.status, "message": refuse.message, "status": state}}

    def unknown_model(self, model: str) -> Refuse:
        return Refuse(404, message=f"models/{model} is not found")

    def wrong_key(self) -> Refuse:
        return Refuse(400, message="API key not valid.")

    def listing(self, models: Iterable[str]) -> dict[str, Any]:
        return {"models": [{"name": f"models/{m}", "displayName": m} for m in models]}


def _reply(asked: Asked, candidate: dict[str, Any]) -> dict[str, Any]:
    return {
        "candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 120, "candidatesTokenCount": 30, "totalTokenCount": 150},
        "modelVersion": asked.model,
        "responseId": number("gen_"),
    }


def _parts(say: Say) -> Iterator[dict[str, Any]]:
    if say.reasoning is not None:
        yield {"text": say.reasoning, "thought": True}
    if say.text:
        yield {"text": say.text}
    for call in say.calls:
        given = call.arguments if isinstance(call.arguments, dict) else json.loads(call.arguments)
        yield {"functionCall": {"id": number("call_"), "name": call.tool, "args": given}}


def _text(content: dict[str, Any]) -> str:
    return "\n".join(part.get("text", "") for part in content["parts"] if not part.get("thought"))


PROTOCOL = Contents()
