"""OpenAI's chat completions, which many other providers speak too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

from duress.guard.adapters.model_api.wire import (
    Answered,
    Asked,
    Body,
    Choice,
    Event,
    Ids,
    KeptBack,
    Proposed,
    Texts,
    UnreadableError,
    Verdict,
    Verdicts,
    joined,
    objects,
    parsed,
    whole,
)
from duress.guard.adapters.passage import call_of, json_of
from duress.trajectory import Message, Role, ToolCall

_ROLES = {"system": Role.SYSTEM, "developer": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}
_THOUGHTS = ("reasoning", "reasoning_content", "reasoning_details")
_SAYS = frozenset(("role", "content", "refusal", "annotations", "audio", "name", *_THOUGHTS))
"""What of a message cannot act. What is not known is not passed on."""
_CALLING = ("tool_calls", "function_call")
LEGACY = "function_call"
"""The id of calls that have none."""


class Chat:
    """Chat completions."""

    def read(self, body: Body) -> Asked:
        """Return what a request asks."""
        ids = Ids()
        messages: list[Message] = []
        answers: list[Answered] = []
        calls: dict[str, ToolCall] = {}
        for given in objects(body.get("messages"), "messages"):
            role = str(given.get("role"))
            if role in ("tool", "function"):
                id = ids.of(str(given.get("tool_call_id")) if role == "tool" else LEGACY)
                call = calls.get(id) or ToolCall(id, str(given.get("name") or ""))
                found = Texts.of(given.get("content"))
                answers.append(
                    Answered(call, len(messages), found.text, None, found.opaque, given, "content")
                )
                messages.append(Message(Role.TOOL, found.text, call_id=id))
                continue
            if role not in _ROLES:
                raise UnreadableError(f"expected a role of a message, found {role!r}")
            made = [one.call for one in _calls(given, 0, ids)] if role == "assistant" else []
            calls.update((call.id, call) for call in made)
            text = Texts.of(given.get("content") or given.get("refusal")).text
            messages.append(Message(_ROLES[role], text, calls=tuple(made)))
        return Asked(tuple(messages), tuple(answers), body.get("stream") is True, ids.counted)

    def offer(self, body: Body, permits: Callable[[str], bool]) -> tuple[str, ...]:
        """Take out functions that are not permitted; return the provider's own tools."""
        served: list[str] = []
        for key in ("tools", "functions"):
            if key not in body:
                continue
            kept: list[Body] = []
            for tool in objects(body[key] or [], key):
                inner = tool if key == "functions" else tool.get(str(tool.get("type")))
                if not isinstance(inner, dict) or tool.get("type", "function") not in ("function", "custom"):
                    served.append(str(tool.get("type")))
                    kept.append(tool)
                elif permits(str(cast("Body", inner).get("name"))):
                    kept.append(tool)
            if kept:
                body[key] = kept
            else:
                for unused in (key, "tool_choice", "function_call", "parallel_tool_calls"):
                    body.pop(unused, None)
        # Search models do what they do without being given a tool.
        return (*served, *(["web_search_options"] if body.get("web_search_options") is not None else []))

    def proposed(self, reply: Body, counted: Counter[str], served: frozenset[str]) -> list[Proposed]:
        """Return the calls in a reply."""
        found: list[Proposed] = []
        seen = Ids(counted)
        for number, choice in enumerate(objects(reply.get("choices"), "choices")):
            message = choice.get("message")
            if not isinstance(message, dict):
                raise UnreadableError("expected a message in every choice")
            found += _calls(cast("Body", message), number, seen)
        return found

    def decided(self, reply: Body, verdicts: Verdicts) -> Body:
        """Return a reply with the calls that may be made, as they may be made, and a text for the others."""
        reply = deepcopy(reply)
        for number, choice in enumerate(objects(reply["choices"], "choices")):
            message = cast("Body", choice["message"])
            kept, told = _kept(message, number, verdicts)
            said = {key: value for key, value in message.items() if key in _SAYS}
            if told:
                said["content"] = _said_too(message.get("content"), told)
            choice["message"] = {**said, **kept}
            choice["finish_reason"] = _finish(choice.get("finish_reason"), kept)
            choice.pop("logprobs", None) if told else None
        return reply

    def kept_back(self, reply: Body, verdicts: Verdicts) -> dict[str, KeptBack]:
        """Return nothing: the text in its place is enough for this format."""
        return {}

    def put_back(self, body: Body, kept: Mapping[str, KeptBack], owed: Iterable[KeptBack]) -> None:
        """Do nothing."""

    def said(self, reply: Body) -> str:
        """Return the text of a reply."""
        choices = list(objects(reply["choices"], "choices"))
        return Texts.of(choices[0]["message"].get("content")).text if choices else ""

    def assembly(self) -> ChatAssembly:
        """Return a streamed reply that has not begun."""
        return ChatAssembly()

    def error(self, status: int, message: str) -> Body:
        """Return an error as the provider writes it."""
        kind = (
            "permission_error"
            if status == 403
            else "invalid_request_error"
            if status < 500
            else "server_error"
        )
        return {"error": {"message": message, "type": kind, "param": None, "code": "guard"}}

    def stream_error(self, message: str) -> Event:
        """Return an error within a stream."""
        return "", self.error(500, message)


class ChatAssembly:
    """Streamed chunks: what is only said goes on at once; from the first call on, all waits for its end."""

    def __init__(self) -> None:
        self._choices: dict[int, Choice] = {}
        self._held: list[Body] = []
        self._head: Body = {}
        self._usage: list[Body] = []
        self._holds = False
        self._done = False

    def feed(self, name: str, data: str) -> Sequence[Event]:
        """Take in an event; return what may go on now."""
        if data == "[DONE]":
            self._done = True
            return ()
        chunk = parsed(data)
        if "error" in chunk:
            raise UnreadableError(f"the provider broke off: {_message(chunk['error'])}")
        self._head = {key: value for key, value in chunk.items() if key not in ("choices", "usage")}
        choices = list(objects(chunk.get("choices") or [], "choices"))
        if not choices:
            self._usage.append(chunk)
            return ()
        for choice in choices:
            self._take(choice)
        if self._holds or any(choice.get("finish_reason") is not None for choice in choices):
            self._holds = True
            self._held.append(chunk)
            return ()
        return [("", {**chunk, "choices": [_spoken(choice) for choice in choices]})]

    def _take(self, choice: Body) -> None:
        at = self._choices.setdefault(whole(choice.get("index", 0)), Choice())
        [given] = objects([choice.get("delta") or {}], "a delta in every choice")
        if choice.get("finish_reason") is not None:
            at.finish = str(choice["finish_reason"])
        for key in _CALLING:
            if given.get(key):
                self._holds = True
        for key in ("content", "refusal"):
            if isinstance(given.get(key), str):
                at.message[key] = at.message.get(key, "") + given[key]
        for call in objects(given.get("tool_calls") or [], "tool calls"):
            _merge(at.message.setdefault("tool_calls", {}).setdefault(whole(call.get("index", 0)), {}), call)
        if isinstance(given.get("function_call"), dict):
            _merge(at.message.setdefault("function_call", {}), given["function_call"])

    def whole(self) -> Body:
        """Return the reply once all of it is there."""
        if not self._choices or any(choice.finish is None for choice in self._choices.values()):
            raise UnreadableError("the reply broke off before its end")
        choices: list[Body] = []
        for index, choice in sorted(self._choices.items()):
            message: Body = {"role": "assistant", "content": None, **choice.message}
            if "tool_calls" in message:
                message["tool_calls"] = [call for _, call in sorted(message["tool_calls"].items())]
            choices.append({"index": index, "message": message, "finish_reason": choice.finish})
        return {**self._head, "choices": choices}

    def rest(self, verdicts: Verdicts) -> Iterator[Event]:
        """Return what has not gone on yet, as it was decided on."""
        for chunk in self._held:
            spoken = [_spoken(choice) for choice in objects(chunk["choices"], "choices")]
            if any(choice["delta"] for choice in spoken):
                yield "", {**chunk, "choices": spoken}
        for number, choice in enumerate(objects(self.whole()["choices"], "choices")):
            message = cast("Body", choice["message"])
            kept, told = _kept(message, number, verdicts)
            deltas: list[Body] = []
            if told:
                deltas.append({"content": f"\n\n{told}" if message.get("content") else told})
            for index, call in enumerate(cast("list[Body]", kept.get("tool_calls") or [])):
                deltas.append({"tool_calls": [{"index": index, **call}]})
            if "function_call" in kept:
                deltas.append({"function_call": kept["function_call"]})
            for delta in deltas:
                yield "", self._chunk(choice["index"], delta, None)
            yield "", self._chunk(choice["index"], {}, _finish(choice["finish_reason"], kept))
        for chunk in self._usage:
            yield "", chunk
        yield "", "[DONE]"

    def _chunk(self, index: int, delta: Body, finish: str | None) -> Body:
        return {**self._head, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def _calls(message: Body, number: int, ids: Ids) -> list[Proposed]:
    """Return the calls of a message, the legacy one last."""
    found: list[Proposed] = []
    for index, given in enumerate(objects(message.get("tool_calls") or [], "tool calls")):
        id = ids.call(str(given.get("id")))
        found.append(Proposed((number, index), _call(id, given)))
    legacy = message.get("function_call")
    if legacy is not None:
        if not isinstance(legacy, dict):
            raise UnreadableError("expected a function call")
        given = cast("Body", legacy)
        call = call_of(ids.call(LEGACY), str(given.get("name")), _text(given.get("arguments")))
        found.append(Proposed((number, -1), call))
    return found


def _call(id: str, given: Body) -> ToolCall:
    kind = given.get("type", "function")
    inner = given.get(kind) if kind in ("function", "custom") else None
    if not isinstance(inner, dict):
        return ToolCall(id, str(kind), error=f"a call of type {kind!r} cannot be read")
    found = cast("Body", inner)
    if kind == "custom":
        return ToolCall(id, str(found.get("name")), {"input": _text(found.get("input"))})
    return call_of(id, str(found.get("name")), _text(found.get("arguments")))


def _text(value: Any) -> str:
    # What is no text is left to fail as arguments that are no object.
    return value if isinstance(value, str) else repr(value)


def _kept(message: Body, number: int, verdicts: Verdicts) -> tuple[Body, str]:
    """Return the calls of a message that are passed on, and what is said of the others."""
    kept: list[Body] = []
    told: list[str] = []
    for index, given in enumerate(objects(message.get("tool_calls") or [], "tool calls")):
        verdict = verdicts.get((number, index), Verdict(None, "This call was not decided on."))
        if verdict.arguments is None:
            told.append(verdict.text)
        elif given.get("type") == "custom":
            custom = {"name": given["custom"]["name"], "input": verdict.arguments["input"]}
            kept.append({"id": given["id"], "type": "custom", "custom": custom})
        else:
            made = {"name": given["function"]["name"], "arguments": json_of(verdict.arguments)}
            kept.append({"id": given["id"], "type": "function", "function": made})
    found: Body = {"tool_calls": kept} if kept else {}
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        verdict = verdicts.get((number, -1), Verdict(None, "This call was not decided on."))
        if verdict.arguments is None:
            told.append(verdict.text)
        else:
            name = cast("Body", legacy)["name"]
            found["function_call"] = {"name": name, "arguments": json_of(verdict.arguments)}
    return found, joined(*told)


def _finish(finish: Any, kept: Body) -> Any:
    if finish in ("tool_calls", "function_call") and not kept:
        return "stop"
    return finish


def _said_too(content: Any, told: str) -> Any:
    if isinstance(content, list):
        return [*cast("list[Any]", content), {"type": "text", "text": told}]
    return joined(content if isinstance(content, str) else None, told)


def _spoken(choice: Body) -> Body:
    """Return a choice of a chunk with only what cannot act, and no end."""
    delta = cast("Body", choice.get("delta") or {})
    said = {key: value for key, value in delta.items() if key in _SAYS}
    return {**choice, "delta": said, "finish_reason": None}


def _merge(into: Body, delta: Body) -> None:
    for key, value in delta.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), cast("Body", value))
        elif isinstance(value, str) and key in ("arguments", "input"):
            into[key] = into.get(key, "") + value
        elif value is not None and key != "index":
            into[key] = value if not into.get(key) else into[key]


def _message(error: Any) -> str:
    return str(cast("Body", error).get("message")) if isinstance(error, dict) else str(error)
