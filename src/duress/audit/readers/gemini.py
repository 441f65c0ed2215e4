"""Google Gemini: requests with `contents`, replies with `candidates`, as its API and its SDKs write them."""

from __future__ import annotations

from typing import Any, cast

from duress.audit.errors import UnreadableError
from duress.audit.readers.conversation import exchange, failure
from duress.audit.readers.field import fields, items, string
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.origin import make
from duress.audit.readers.reader import OneEach
from duress.audit.run import Place, Run
from duress.trajectory import Message, Role

NAME = "gemini"
_STOPS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter"}


def accepts(value: Any) -> bool:
    """Return whether a record holds contents of parts, a reply with candidates, or both."""
    record = fields(value)
    found = exchange(record)
    if found is None:
        return _contents(record) or bool(items(record.get("candidates")))
    request, reply = found
    return bool(items(reply.get("candidates"))) or (_contents(request) and not reply)


def run(value: Any, place: Place) -> Run:
    """Return a run; raises `UnreadableError`."""
    record = cast("dict[str, Any]", value)
    request, reply = exchange(record) or (record, record)
    said: list[Any] = []
    # The SDK for Python keeps the system prompt with the settings.
    system = _get(request, "systemInstruction") or _get(fields(request.get("config")), "systemInstruction")
    if system:
        parts = items(fields(system).get("parts"))
        said.append({"role": "system", "content": "\n".join(_texts(parts)) if parts else text_of(system)})
    given: Any = request.get("contents")
    for content in [given] if isinstance(given, str) else _listed(given):
        said += turn({"parts": [{"text": content}]} if isinstance(content, str) else fields(content))
    candidates = items(reply.get("candidates"))
    if candidates:
        # Others are alternatives that nobody saw.
        first = fields(candidates[0])
        last = turn({**fields(first.get("content")), "role": "model"})
        if last and last[-1]["role"] == "assistant":
            reason = _get(first, "finishReason")
            last[-1]["finish_reason"] = _STOPS.get(str(reason), reason)
        said += last
    heard = messages(said)
    if said and not any(map(_readable, heard)):
        raise UnreadableError("expected parts of a text, a call or a result, found none that can be read")
    model = _get(reply, "modelVersion") or request.get("model") or record.get("model")
    return make(
        record,
        heard,
        place,
        NAME,
        model=string(model),
        end=None if candidates else failure(record),
    )


def turn(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a turn as messages: what the agent said and called, or what a person said; results apart."""
    role = content.get("role")
    agent = role in ("model", "assistant")
    speaker = "assistant" if agent else "tool" if role in ("function", "tool") else "user"
    out: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []

    def close() -> None:
        if not held:
            return
        out.append({"role": speaker, "content": "\n".join(_texts(held))})
        if agent:
            thoughts = [text_of(part.get("text")) for part in held if part.get("thought")]
            out[-1]["reasoning_content"] = "\n".join(thoughts) or None
            out[-1]["tool_calls"] = [call for part in held if (call := _call(part)) is not None]
        held.clear()

    for part in map(fields, items(content.get("parts"))):
        response = fields(_get(part, "functionResponse"))
        ran = fields(_get(part, "codeExecutionResult"))
        if not response and not ran:
            held.append(part)
            continue
        close()
        result = response.get("response") if response else ran.get("output")
        failed = {"error": True} if fields(result).get("error") else {}
        alone = fields(result)
        if len(alone) == 1:
            result = next(iter(alone.values()))
        out.append({"role": "tool", "content": text_of(result), "tool_call_id": response.get("id")} | failed)
    close()
    return out


def _call(part: dict[str, Any]) -> dict[str, Any] | None:
    if called := fields(_get(part, "functionCall")):
        return {"id": called.get("id"), "name": called.get("name"), "arguments": called.get("args")}
    if code := fields(_get(part, "executableCode")):
        return {"name": "code_execution", "arguments": {"code": code.get("code")}}
    return None


def _texts(parts: list[Any]) -> list[str]:
    """Return the texts of parts; of a picture or a file, that there was one."""
    out: list[str] = []
    for part in map(fields, parts):
        if part.get("thought") or _call(part) is not None:
            continue
        if isinstance(part.get("text"), str):
            out.append(part["text"])
        elif kind := next((key for key in ("inlineData", "fileData") if _get(part, key)), None):
            out.append(f"[{kind}]")
    return out


def _contents(record: dict[str, Any]) -> bool:
    """Return whether a record holds contents of parts; a text alone says too little of what it is."""
    return any("parts" in fields(content) for content in _listed(record.get("contents"))[:3])


def _listed(contents: Any) -> list[Any]:
    """Return contents as a list; one may stand alone."""
    return [fields(contents)] if isinstance(contents, dict) else items(contents)


def _readable(message: Message) -> bool:
    if message.role is Role.SYSTEM:
        return False
    return bool(message.role is Role.TOOL or message.text or message.calls or message.reasoning)


def _get(held: dict[str, Any], name: str) -> Any:
    """Return a field that the API writes `likeThis` and SDKs write `like_this`."""
    found = held.get(name)
    if found is not None:
        return found
    return held.get("".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name))


READER = OneEach(NAME, accepts, run)
