"""Our messages as Inspect's, and Inspect's as ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    Content,
    ContentReasoning,
    ContentText,
    ModelOutput,
    StopReason,
)
from inspect_ai.tool import ToolCall as InspectCall
from inspect_ai.tool import ToolCallError

from duress.trajectory import Message, Role, Stop, ToolCall, ToolError

T = TypeVar("T")

STOPS: dict[StopReason, Stop] = {
    "stop": Stop.STOP,
    "tool_calls": Stop.TOOL_CALLS,
    "max_tokens": Stop.LENGTH,
    "model_length": Stop.LENGTH,
    # Inspect maps the refusal channels of providers (OpenAI, Anthropic, ...) to this one, too.
    "content_filter": Stop.CONTENT_FILTER,
    "unknown": Stop.UNKNOWN,
}
REASONS: dict[Stop, StopReason] = {
    Stop.STOP: "stop",
    Stop.TOOL_CALLS: "tool_calls",
    Stop.LENGTH: "max_tokens",
    Stop.CONTENT_FILTER: "content_filter",
    Stop.UNKNOWN: "unknown",
}


def to_chat(message: Message) -> ChatMessage:
    """Return one of our messages as Inspect's."""
    match message.role:
        case Role.SYSTEM:
            return ChatMessageSystem(content=message.text)
        case Role.USER:
            return ChatMessageUser(content=message.text)
        case Role.ASSISTANT:
            return assistant(message)
        case Role.TOOL:
            if message.error is None:
                return ChatMessageTool(content=message.text, tool_call_id=message.call_id)
            error = _error(message.error, message.text)
            return ChatMessageTool(content=message.text, tool_call_id=message.call_id, error=error)


def assistant(message: Message, model: str | None = None) -> ChatMessageAssistant:
    """Return an assistant message of ours as Inspect's."""
    content: str | list[Content] = message.text
    if message.reasoning is not None:
        content = [ContentReasoning(reasoning=message.reasoning), ContentText(text=message.text)]
    return ChatMessageAssistant(
        content=content,
        tool_calls=[call(c) for c in message.calls] or None,
        model=model,
        source="generate",
    )


def call(one: ToolCall) -> InspectCall:
    """Return a call of ours as Inspect's."""
    return InspectCall(one.id, one.tool, one.arguments, parse_error=one.error)


def from_call(one: InspectCall) -> ToolCall:
    """Return a call of Inspect's as ours."""
    return ToolCall(one.id, one.function, _whole(one.arguments), _whole(one.parse_error))


def from_output(output: ModelOutput) -> Message:
    """Return what a model replied; an output without a choice is an empty reply."""
    if output.empty:
        return Message(Role.ASSISTANT, "", stop=Stop.UNKNOWN)
    message = output.message
    if not isinstance(message.content, str) and any(
        isinstance(part, ContentText) and part.refusal for part in message.content
    ):
        # OpenAI's refusal channel comes with the stop reason `stop`.
        return from_assistant(message, Stop.CONTENT_FILTER)
    return from_assistant(message, STOPS[output.stop_reason])


def from_assistant(message: ChatMessageAssistant, stop: Stop | None = None) -> Message:
    """Return an assistant message of Inspect's as ours; its reasoning stands apart from its text."""
    return Message(
        Role.ASSISTANT,
        _whole(message.text),
        reasoning=_whole(_reasoning(message)),
        calls=tuple(from_call(one) for one in message.tool_calls or ()),
        stop=stop,
    )


def _whole(value: T) -> T:
    """Return a value whose texts can be written: JSON lets a model send half of a surrogate pair."""
    found: Any = value
    if isinstance(found, str):
        found = found.encode("utf-8", "replace").decode()
    elif isinstance(found, list):
        found = [_whole(item) for item in cast("list[Any]", found)]
    elif isinstance(found, dict):
        found = {_whole(key): _whole(item) for key, item in cast("dict[str, Any]", found).items()}
    return found


def from_chat(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Return a conversation of Inspect's as ours; stop reasons are not part of one."""
    return tuple(_from_chat(message) for message in messages)


def _from_chat(message: ChatMessage) -> Message:
    match message:
        case ChatMessageAssistant():
            return from_assistant(message)
        case ChatMessageTool():
            text, error = result(message)
            return Message(Role.TOOL, text, call_id=message.tool_call_id, error=error)
        case ChatMessageUser():
            return Message(Role.USER, message.text)
        case ChatMessageSystem():
            return Message(Role.SYSTEM, message.text)


def result(message: ChatMessageTool) -> tuple[str, ToolError | None]:
    """Return what a tool call was answered with, and why it had no effect if it had none."""
    if message.error is None:
        return message.text, None
    return message.error.message, tool_error(message.error)


def tool_error(error: ToolCallError) -> ToolError:
    """Return our word for an error of Inspect's."""
    match error.type:
        case "approval":
            return ToolError.REJECTED
        case "parsing":
            return ToolError.MALFORMED
        case _:
            return ToolError.FAILED


def _error(error: ToolError, text: str) -> ToolCallError:
    match error:
        case ToolError.UNKNOWN_TOOL | ToolError.MALFORMED:
            return ToolCallError("parsing", text)
        case ToolError.REJECTED:
            return ToolCallError("approval", text)
        case ToolError.FAILED:
            return ToolCallError("unknown", text)


def _reasoning(message: ChatMessageAssistant) -> str | None:
    if isinstance(message.content, str):
        return None
    parts = [
        # What a provider encrypts is of no use to a reader; its summary is, where there is one.
        (part.summary or "") if part.redacted else part.reasoning
        for part in message.content
        if isinstance(part, ContentReasoning)
    ]
    return "\n".join(part for part in parts if part) if parts else None
