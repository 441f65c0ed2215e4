"""Messages of a conversation in any of the shapes that model providers give them.

OpenAI chat and Responses, Anthropic, Inspect, LangChain and ShareGPT differ in names, not in what they
say. One reader of messages lets a log mix them, as logs of gateways do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import orjson

from duress.audit.errors import UnreadableError
from duress.audit.readers.arguments import arguments
from duress.audit.readers.moment import moment_of
from duress.audit.readers.written import settle
from duress.trajectory import Message, Role, Stop, ToolCall, ToolError

ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "agent": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "gpt": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
    "ipython": Role.TOOL,
    "environment": Role.TOOL,
    "observation": Role.TOOL,
}
_LANGCHAIN = {
    "SystemMessage": "system",
    "HumanMessage": "human",
    "AIMessage": "ai",
    "AIMessageChunk": "ai",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
}
_STOPS = {
    "stop": Stop.STOP,
    "end_turn": Stop.STOP,
    "stop_sequence": Stop.STOP,
    "completed": Stop.STOP,
    "tool_calls": Stop.TOOL_CALLS,
    "tool_call": Stop.TOOL_CALLS,
    "function_call": Stop.TOOL_CALLS,
    "tool_use": Stop.TOOL_CALLS,
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "max_output_tokens": Stop.LENGTH,
    "content_filter": Stop.CONTENT_FILTER,
    "refusal": Stop.CONTENT_FILTER,
}
_TEXTS = frozenset({"text", "input_text", "output_text", "summary_text", "reasoning_text"})
_USES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use", "tool_call"})
_RESULTS = ("content", "response", "result")
_REJECTED = frozenset({"approval", "permission"})
_TIMES = frozenset({"timestamp", "created_at", "time", "at"})
_SELDOM = _TIMES | {
    *("lc", "text", "value", "parts", "call_id", "error", "is_error", "status"),
    *("reasoning", "thinking", "refusal", "function_call", "stop_reason", "finish_reason"),
}
"""Fields of a message that are read beside those that `_plain` reads."""
# Python 3.11 takes longer to look a member up than to read a message's text.
_ASSISTANT, _TOOL = Role.ASSISTANT, Role.TOOL


def stop(value: Any) -> Stop | None:
    """Return why a turn ended, or None where the log does not tell."""
    return _STOPS.get(value, Stop.UNKNOWN) if isinstance(value, str) else None


def role_of(item: dict[str, Any]) -> Role | None:
    """Return who a message comes from, or None if `item` is no message with a role."""
    name = item.get("role") or item.get("from") or item.get("type")
    return ROLES.get(name) if isinstance(name, str) else None


def messages(items: Iterable[Any]) -> tuple[Message, ...]:
    """Return a conversation.

    A tool result becomes a message of its own; items of the Responses API that make up one turn become
    one message; else messages keep their order and number. What an agent wrote into its text to have it done
    is a call (`written.py`).

    Raises:
        UnreadableError: an item is no message.
    """
    out: list[Message] = []
    turn: _Turn | None = None
    for number, value in enumerate(items):
        item: dict[str, Any] = value
        if not isinstance(value, dict):
            raise UnreadableError(f"message {number}: expected an object, found {_name(value)}")
        if "type" in item and _Turn.takes(item):
            turn = turn or _Turn()
            turn.take(item)
            continue
        if turn is not None:
            turn.close(out)
            turn = None
        plain = _plain(item)
        if plain is not None:
            out.append(plain)
        elif not _read(item, out):
            raise UnreadableError(
                f"message {number}: expected a role among {', '.join(sorted(ROLES))}, "
                f"found {item.get('role') or item.get('type')!r}"
            )
    if turn is not None:
        turn.close(out)
    return settle(out)


def text_of(content: Any) -> str:
    """Return what is said in a content: a string, a list of parts, or any other value as JSON."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        texts, _, _ = _parts(cast("list[Any]", content))
        return "\n".join(texts)
    if isinstance(content, dict):
        content = cast("dict[str, Any]", content)
        if isinstance(content.get("text"), str) and content.get("type", "text") in _TEXTS:
            return content["text"]
    return orjson.dumps(content, default=str).decode()


def _plain(item: dict[str, Any]) -> Message | None:
    """Return a message with a text or nothing as its content and none of the fields `_SELDOM`, else None.

    Most messages of most logs are such. `_read` reads them the same, in twice the time.
    """
    name: Any = item.get("role")
    content: Any = item.get("content")
    if content is None:
        content = ""
    if not isinstance(name, str) or not isinstance(content, str) or not _SELDOM.isdisjoint(item):
        return None
    role = ROLES.get(name)
    if role is _ASSISTANT:
        thought, asked = item.get("reasoning_content"), item.get("tool_calls")
        calls = tuple(map(_call, asked)) if asked else ()
        return Message(role, content, text_of(thought) if thought else None, calls)
    if role is _TOOL:
        return Message(role, content, call_id=_string(item.get("tool_call_id") or item.get("id")))
    return None if role is None else Message(role, content)


def _read(item: dict[str, Any], out: list[Message]) -> bool:
    if item.get("lc") == 1 and isinstance(item.get("kwargs"), dict):
        item = {"type": _LANGCHAIN.get(item["id"][-1]), **item["kwargs"], "role": None}
    role = role_of(item)
    if role is None:
        return _output(item, out)
    content: Any = item.get("content")
    if content is None:
        content = item.get("text", item.get("value", item.get("parts")))
    at = None if _TIMES.isdisjoint(item) else moment_of(item)
    if role is _ASSISTANT:
        out.append(_assistant(item, content, at))
    elif role is _TOOL:
        if "parts" in item and isinstance(content, list):
            # OpenTelemetry puts the results of parallel calls into one message.
            _blocks(role, cast("list[Any]", content), at, out)
            return True
        out.append(
            Message(
                role,
                (content if isinstance(content, str) else text_of(content)) or _complaint(item),
                call_id=_string(item.get("tool_call_id") or item.get("call_id") or item.get("id")),
                error=_error(item),
                at=at,
            )
        )
    elif isinstance(content, str):
        out.append(Message(role, content, at=at))
    elif isinstance(content, list):
        _blocks(role, cast("list[Any]", content), at, out)
    else:
        out.append(Message(role, text_of(content), at=at))
    return True


def _output(item: dict[str, Any], out: list[Message]) -> bool:
    """Read a tool's result as the Responses API writes it."""
    kind = item.get("type")
    if not isinstance(kind, str) or not kind.endswith("_output"):
        return False
    failed = ToolError.FAILED if item.get("status") == "failed" or item.get("error") else None
    out.append(
        Message(_TOOL, text_of(item.get("output")), call_id=_string(item.get("call_id")), error=failed)
    )
    return True


def _blocks(role: Role, content: list[Any], at: float | None, out: list[Message]) -> None:
    """Anthropic puts tool results into the user's message; here each is a message of its own."""
    said: list[Any] = []
    for part in content:
        block: dict[str, Any] = part
        kind: Any = block.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and (kind == "tool_call_response" or kind.endswith("tool_result")):
            result = next((block[key] for key in _RESULTS if block.get(key) is not None), None)
            out.append(
                Message(
                    _TOOL,
                    text_of(result),
                    call_id=_string(block.get("tool_use_id") or block.get("id")),
                    error=ToolError.FAILED if block.get("is_error") else None,
                    at=at,
                )
            )
        else:
            said.append(part)
    if said or not content:
        out.append(Message(role, text_of(said), at=at))


def _assistant(item: dict[str, Any], content: Any, at: float | None) -> Message:
    reasoning = item.get("reasoning_content") or item.get("reasoning") or item.get("thinking")
    called: list[ToolCall] = []
    if isinstance(content, str):
        text = content
    elif isinstance(content, list):
        texts, thoughts, called = _parts(cast("list[Any]", content))
        text = "\n".join(texts)
        if thoughts and not reasoning:
            reasoning = "\n".join(thoughts)
    else:
        text = text_of(content)
    if (refused := item.get("refusal")) and isinstance(refused, str):
        text = f"{text}\n{refused}" if text else refused
    asked: Any = item.get("tool_calls")
    if asked:
        named = {call.id for call in called}
        called += [call for call in map(_call, cast("list[Any]", asked)) if call.id not in named]
    elif isinstance(item.get("function_call"), dict):
        called.append(_call(item["function_call"]))
    return Message(
        _ASSISTANT,
        text,
        reasoning=None if not reasoning else text_of(reasoning),
        calls=tuple(called),
        stop=stop(item.get("stop_reason") or item.get("finish_reason")),
        at=at,
    )


def _call(call: Any) -> ToolCall:
    item: dict[str, Any] = call
    if not isinstance(call, dict):
        raise UnreadableError(f"expected a tool call to be an object, found {_name(call)}")
    function: Any = item.get("function")
    held = cast("dict[str, Any]", function) if isinstance(function, dict) else item
    name = function if isinstance(function, str) else held.get("name") or item.get("tool")
    if not isinstance(name, str):
        raise UnreadableError(f"expected a tool call to name its tool, found keys {', '.join(item)}")
    given: Any = None
    for key in ("arguments", "args", "input", "parameters", "kwargs"):
        if key in held:
            given = held[key]
            break
    read, error = arguments(given)
    if error is None and (fault := item.get("parse_error")):
        error = text_of(fault)
    return ToolCall(_string(item.get("call_id") or item.get("id")) or "", name, read, error)


def _parts(content: list[Any]) -> tuple[list[str], list[str], list[ToolCall]]:
    """Return the texts, the thoughts and the calls of a list of parts."""
    texts: list[str] = []
    thoughts: list[str] = []
    called: list[ToolCall] = []
    for value in content:
        part: dict[str, Any] = value
        if not isinstance(value, dict):
            texts.append(text_of(value))
            continue
        kind: Any = part.get("type")
        if kind in _TEXTS or (kind is None and "text" in part):
            texts.append(text_of(part["text"] if "text" in part else part.get("content")))
        elif kind in ("thinking", "reasoning"):
            thoughts.append(_thought(part))
        elif kind in _USES:
            called.append(_call(part))
        elif kind == "refusal":
            texts.append(text_of(part.get("refusal")))
        elif kind != "redacted_thinking":
            # A picture, a file, a sound: that there was one is all that a reader of text can know.
            texts.append(f"[{kind or 'part'}]")
    return texts, thoughts, called


def _thought(part: dict[str, Any]) -> str:
    if part.get("redacted"):
        # The thought itself is sealed; some providers give a summary beside it.
        return text_of(part.get("summary"))
    for key in ("thinking", "reasoning", "text", "content"):
        if isinstance(part.get(key), str) and part[key]:
            return part[key]
    held: Any = part.get("content") or part.get("summary") or ""
    return text_of(held)


def _complaint(item: dict[str, Any]) -> str:
    """Return what an error says, where a result holds nothing else."""
    error: Any = item.get("error")
    if isinstance(error, dict):
        error = cast("dict[str, Any]", error).get("message")
    return error if isinstance(error, str) else ""


def _error(item: dict[str, Any]) -> ToolError | None:
    error: Any = item.get("error")
    if isinstance(error, dict):
        kind: Any = cast("dict[str, Any]", error).get("type")
        if kind in _REJECTED:
            return ToolError.REJECTED
        return ToolError.MALFORMED if kind == "parsing" else ToolError.FAILED
    if error or item.get("is_error") or item.get("status") == "error":
        return ToolError.FAILED
    return None


class _Turn:
    """Collects items of the Responses API until the turn is over."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[ToolCall] = []
        self._results: list[Message] = []
        self._stop: Stop | None = None

    @staticmethod
    def takes(item: dict[str, Any]) -> bool:
        """Return whether an item is part of a turn of the agent."""
        kind = item["type"]
        if not isinstance(kind, str):
            return False
        if kind == "message":
            return item.get("role") == "assistant"
        return "role" not in item and (kind in ("reasoning", "output_text") or kind.endswith("_call"))

    def take(self, item: dict[str, Any]) -> None:
        """Note an item."""
        kind: str = item["type"]
        if kind == "message":
            said = _assistant(item, item.get("content"), None)
            self._texts += [said.text] if said.text else []
            self._thoughts += [said.reasoning] if said.reasoning else []
            self._calls += said.calls
            self._stop = said.stop or self._stop
        elif kind == "reasoning":
            self._thoughts.append(_thought(item))
        elif kind in ("function_call", "custom_tool_call", "tool_call"):
            self._calls.append(_call(item))
        elif kind == "output_text":
            self._texts.append(text_of(item.get("text")))
        else:
            self._hosted(kind, item)

    def _hosted(self, kind: str, item: dict[str, Any]) -> None:
        """A tool that the provider ran itself: its call and, where it is told, its result."""
        name = item.get("name") or kind.removesuffix("_call")
        held = {k: item[k] for k in ("action", "queries", "code", "arguments", "input") if item.get(k)}
        given, error = arguments(held.get("arguments", held))
        name_of = _string(item.get("call_id") or item.get("id")) or ""
        self._calls.append(ToolCall(name_of, str(name), given, error))
        result: Any = item.get("output") or item.get("results") or item.get("outputs") or item.get("error")
        if result:
            failed = ToolError.FAILED if item.get("error") else None
            self._results.append(Message(_TOOL, text_of(result), call_id=name_of, error=failed))

    def close(self, out: list[Message]) -> None:
        """Write the turn down."""
        out.append(
            Message(
                _ASSISTANT,
                "\n".join(self._texts),
                reasoning="\n".join(filter(None, self._thoughts)) or None,
                calls=tuple(self._calls),
                stop=self._stop,
            )
        )
        out += self._results


def _string(value: Any) -> str | None:
    return None if value is None else str(value)


def _name(value: Any) -> str:
    names = {str: "a text", list: "a list", type(None): "nothing", bool: "true or false"}
    return names.get(cast("type[Any]", type(value)), "a number")
