"""Messages of a conversation in any of the shapes that model providers give them.

OpenAI chat and Responses, Anthropic, Inspect, LangChain and ShareGPT differ in names, not in what they
say. One reader of messages lets a log mix them, as logs of gateways do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import orjson
from msgspec.structs import replace

from duress.audit.errors import UnreadableError
from duress.audit.readers.arguments import arguments
from duress.audit.readers.field import string
from duress.audit.readers.hosted import asked, fault, printed, returned
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
    "SystemMessageChunk": "system",
    "HumanMessageChunk": "human",
    "ToolMessageChunk": "tool",
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
_FREE = frozenset({"custom", "custom_tool_call"})
"""Calls whose input is a text of any form."""
_RESULTS = ("content", "response", "result")
_INNER = ("title", "url", "text", "source", "content", "transcript", "logs", "stdout", "stderr")
"""Where parts that are no texts hold what can be read: documents, search hits, output of commands."""
_KINDS = frozenset({"type", "text", "stdout"})
"""One of these tells what kind of part an object is."""
_REJECTED = frozenset({"approval", "permission"})
_REMOVED = frozenset({"remove", "RemoveMessage"})
"""LangChain's orders to forget a message: nobody says anything."""
_TIMES = frozenset({"timestamp", "created_at", "time", "at"})
_SELDOM = _TIMES | {
    *("lc", "text", "value", "parts", "call_id", "error", "is_error", "status"),
    *("reasoning", "thinking", "refusal", "function_call", "stop_reason", "finish_reason"),
    *("audio", "reasoning_details", "invalid_tool_calls", "additional_kwargs", "data"),
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
    if not isinstance(name, str):
        return None
    return ROLES.get(name) or ROLES.get(_LANGCHAIN.get(name) or name.lower())


def messages(items: Iterable[Any]) -> tuple[Message, ...]:
    """Return a conversation.

    A tool result becomes a message of its own; items of the Responses API that make up one turn become
    one message; else messages keep their order and number. Results that lie between the parts of a reply
    (tools that the provider ran) part it in two. What an agent wrote into its text to have it done is a call
    (`written.py`).

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
        kind: Any = content.get("type", "text")
        if isinstance(content.get("text"), str) and kind in _TEXTS:
            return content["text"]
        if isinstance(kind, str) and (
            kind.endswith("_result") or kind in ("document", "computer_screenshot")
        ):
            return _inner(content) or f"[{kind}]"
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
        calls = tuple(map(_call, _each(asked))) if asked else ()
        return Message(role, content, _reasoned(thought) if thought else None, calls)
    if role is _TOOL:
        return Message(role, content, call_id=_string(item.get("tool_call_id") or item.get("id")))
    return None if role is None else Message(role, content)


def _read(item: dict[str, Any], out: list[Message]) -> bool:
    if item.get("lc") == 1 and isinstance(item.get("kwargs"), dict):
        kwargs: dict[str, Any] = item["kwargs"]
        item = {**kwargs, "type": item["id"][-1], "role": kwargs.get("role")}
    elif isinstance(item.get("data"), dict) and "content" in item["data"] and "role" not in item:
        # As LangChain's `messages_to_dict` writes them.
        item = {**item["data"], "type": item.get("type")}
    role = role_of(item)
    if role is None:
        return item.get("type") in _REMOVED or _item(item, out)
    content: Any = item.get("content")
    if content is None:
        content = item.get("text", item.get("value", item.get("parts")))
    at = None if _TIMES.isdisjoint(item) else moment_of(item)
    if role is _ASSISTANT:
        _reply(item, content, at, out)
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


def _item(item: dict[str, Any], out: list[Message]) -> bool:
    """Read an item of the Responses API that is no part of a turn; of an unknown one, what it holds."""
    kind = item.get("type")
    if not isinstance(kind, str) or not kind or "role" in item:
        return False
    if kind.endswith("_output"):
        failed = ToolError.FAILED if item.get("status") == "failed" or item.get("error") else None
        at = None if _TIMES.isdisjoint(item) else moment_of(item)
        output: Any = item.get("output")
        if kind == "shell_call_output":
            output = printed(output)
        out.append(Message(_TOOL, text_of(output), call_id=_string(item.get("call_id")), error=failed, at=at))
    elif kind == "mcp_approval_request":
        # Only if it is granted, a call follows.
        out.append(Message(_ASSISTANT, f"[{kind}] {item.get('name')} {text_of(item.get('arguments'))}"))
    elif kind == "mcp_approval_response":
        granted = "approved" if item.get("approve") else "refused"
        out.append(Message(Role.USER, f"[{kind}] {granted} {text_of(item.get('reason'))}".strip()))
    elif kind == "mcp_list_tools":
        # What a server says of its tools, the model reads as it reads results.
        said = [f"{tool.get('name')}: {tool.get('description') or ''}" for tool in item.get("tools") or ()]
        out.append(Message(_TOOL, "\n".join([f"[{kind}]", *said])))
    else:
        out.append(Message(_TOOL, _inner(item) or f"[{kind}]"))
    return True


def _is_result(part: Any) -> bool:
    kind: Any = cast("dict[str, Any]", part).get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and (kind == "tool_call_response" or kind.endswith("tool_result"))


def _result(block: dict[str, Any], at: float | None) -> Message:
    result: Any = next((block[key] for key in _RESULTS if block.get(key) is not None), None)
    kind: Any = cast("dict[str, Any]", result).get("type") if isinstance(result, dict) else None
    failed = block.get("is_error")
    if isinstance(kind, str) and kind.endswith("_error"):
        failed = True
        if block.get("type") != "tool_result":
            # Of a tool that the provider ran, not one whose result may be any object.
            result = fault(cast("dict[str, Any]", result))
    return Message(
        _TOOL,
        text_of(result),
        call_id=_string(block.get("tool_use_id") or block.get("id")),
        error=ToolError.FAILED if failed else None,
        at=at,
    )


def _blocks(role: Role, content: list[Any], at: float | None, out: list[Message]) -> None:
    """Anthropic puts tool results into the user's message; here each is a message of its own."""
    said: list[Any] = []
    for part in content:
        if _is_result(part):
            out.append(_result(part, at))
        else:
            said.append(part)
    if said or not content:
        out.append(Message(role, text_of(said), at=at))


def _reply(item: dict[str, Any], content: Any, at: float | None, out: list[Message]) -> None:
    """Read a turn of the agent; where the provider ran tools, their results lie between its parts."""
    if isinstance(content, list) and any(map(_is_result, cast("list[Any]", content))):
        said: list[Any] = []
        for part in cast("list[Any]", content):
            if not _is_result(part):
                said.append(part)
                continue
            if said:
                out.append(_assistant({}, said, at))
                said = []
            out.append(_result(part, at))
        if not said and not item.get("tool_calls"):
            return
        content = said
    out.append(_assistant(item, content, at))


def _assistant(item: dict[str, Any], content: Any, at: float | None) -> Message:
    more: Any = item.get("additional_kwargs")
    held = cast("dict[str, Any]", more) if isinstance(more, dict) else {}
    """What LangChain leaves as the provider wrote it."""
    reasoning = item.get("reasoning_content") or item.get("reasoning") or item.get("thinking")
    if not reasoning:
        reasoning = held.get("reasoning_content") or _details(item.get("reasoning_details"))
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
    audio: Any = item.get("audio")
    if not text and isinstance(audio, dict):
        text = text_of(cast("dict[str, Any]", audio).get("transcript"))
    asked: Any = item.get("tool_calls") or held.get("tool_calls")
    invalid: Any = item.get("invalid_tool_calls")
    single: Any = item.get("function_call") or held.get("function_call")
    if asked or invalid:
        named = {call.id for call in called}
        every = [*map(_call, _each(asked)), *map(_invalid, _each(invalid))]
        called += [call for call in every if call.id not in named]
    elif isinstance(single, dict) and not called:
        called.append(_call(single))
    return Message(
        _ASSISTANT,
        text,
        reasoning=_reasoned(reasoning),
        calls=tuple(called),
        stop=stop(item.get("stop_reason") or item.get("finish_reason")),
        at=at,
    )


def _call(call: Any) -> ToolCall:
    item: dict[str, Any] = call
    if not isinstance(call, dict):
        raise UnreadableError(f"expected a tool call to be an object, found {_name(call)}")
    function: Any = item.get("function") or item.get("custom")
    held = cast("dict[str, Any]", function) if isinstance(function, dict) else item
    name = function if isinstance(function, str) else held.get("name") or item.get("tool")
    if not isinstance(name, str) and "name" not in held:
        raise UnreadableError(f"expected a tool call to name its tool, found keys {', '.join(item)}")
    given: Any = None
    for key in ("arguments", "args", "input", "parameters", "kwargs"):
        if key in held:
            given = held[key]
            break
    if isinstance(given, str) and item.get("type") in _FREE:
        given = {"input": given}
    read, error = arguments(given)
    if error is None and (wrong := item.get("parse_error")):
        error = wrong if isinstance(wrong, str) else "malformed"
    if not isinstance(name, str):
        # A model may fail to name what it wants called; what it wanted it for is said all the same.
        name, error = "", error or "the call names no tool"
    return ToolCall(_string(item.get("call_id") or item.get("id")) or "", name, read, error)


def _each(calls: Any) -> list[Any]:
    """Return calls as a list; a log may hold one alone, or a list as a text."""
    if isinstance(calls, str):
        try:
            calls = orjson.loads(calls)
        except orjson.JSONDecodeError as error:
            raise UnreadableError(f"expected a list of tool calls, found a text: {error}") from error
    return cast("list[Any]", calls) if isinstance(calls, list) else [calls] if calls else []


def _invalid(call: Any) -> ToolCall:
    """Return a call whose arguments LangChain could not read."""
    read = _call(call)
    return replace(read, error=read.error or string(call.get("error")) or "invalid")


def _details(parts: Any) -> str:
    """Return the thoughts that OpenRouter gives in parts; what is sealed is none."""
    if not isinstance(parts, list):
        return ""
    held = [cast("dict[str, Any]", part) for part in cast("list[Any]", parts) if isinstance(part, dict)]
    return "\n".join(filter(None, (text_of(part.get("text") or part.get("summary")) for part in held)))


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
            held: Any = part["text"] if "text" in part else part.get("content")
            # OpenAI's Assistants write a text as an object, with its annotations.
            texts.append(
                text_of(cast("dict[str, Any]", held).get("value") if isinstance(held, dict) else held)
            )
        elif kind in ("thinking", "reasoning"):
            thoughts.append(_thought(part))
        elif kind in _USES:
            called.append(_call(part))
        elif kind == "refusal":
            texts.append(text_of(part.get("refusal")))
        elif kind != "redacted_thinking":
            texts.append(_inner(part) or (f"[{kind}]" if kind else text_of(part)))
    return texts, thoughts, called


def _inner(part: dict[str, Any]) -> str:
    """Return what can be read in a part: of a document, its text; of a picture or a sound, nothing."""
    if "type" not in part and "stdout" not in part:
        return ""
    found: list[str] = []
    for key in _INNER:
        held: Any = part.get(key)
        if key == "source" and isinstance(held, dict):
            source = cast("dict[str, Any]", held)
            held = source.get("data") if source.get("type") == "text" else source.get("content")
        found.append(_within(held))
    return "\n".join(filter(None, found))


def _within(held: Any) -> str:
    """Return what can be read inside a part: texts and parts of a kind, no object of any other fields."""
    if isinstance(held, str):
        return held
    if isinstance(held, dict):
        held = [held]
    if not isinstance(held, list):
        return ""
    return text_of([part for part in cast("list[Any]", held) if not _is_bare(part)])


def _is_bare(part: Any) -> bool:
    return isinstance(part, dict) and _KINDS.isdisjoint(cast("dict[str, Any]", part))


def _reasoned(held: Any) -> str | None:
    """Return the thoughts that a message has in a field of their own, None if it has none."""
    return (_thought(cast("dict[str, Any]", held)) if isinstance(held, dict) else _within(held)) or None


def _thought(part: dict[str, Any]) -> str:
    if part.get("redacted"):
        # The thought itself is sealed; some providers give a summary beside it.
        return _within(part.get("summary"))
    for key in ("thinking", "reasoning", "text", "content"):
        if isinstance(part.get(key), str) and part[key]:
            return part[key]
    return _within(part.get("content") or part.get("summary"))


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
        self._at: float | None = None

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
        if self._at is None and not _TIMES.isdisjoint(item):
            self._at = moment_of(item)
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
        name = _string(item.get("name")) or kind.removesuffix("_call")
        held = asked(kind, item)
        given, error = arguments(held.get("arguments", held))
        name_of = _string(item.get("call_id") or item.get("id")) or ""
        self._calls.append(ToolCall(name_of, name, given, error))
        result: Any = item.get("output") or item.get("results") or item.get("outputs") or item.get("error")
        if result:
            failed = ToolError.FAILED if item.get("error") else None
            text = text_of(returned(result) or None) or f"[{kind}]"
            self._results.append(Message(_TOOL, text, call_id=name_of, error=failed))

    def close(self, out: list[Message]) -> None:
        """Write the turn down."""
        out.append(
            Message(
                _ASSISTANT,
                "\n".join(self._texts),
                reasoning="\n".join(filter(None, self._thoughts)) or None,
                calls=tuple(self._calls),
                stop=self._stop,
                at=self._at,
            )
        )
        out += self._results


def _string(value: Any) -> str | None:
    return None if value is None else str(value)


def _name(value: Any) -> str:
    names = {str: "a text", list: "a list", type(None): "nothing", bool: "true or false"}
    return names.get(cast("type[Any]", type(value)), "a number")
