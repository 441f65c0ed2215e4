"""OpenAI's responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from typing import Any, cast

from duress.guard.adapters.model_api.wire import (
    Answered,
    Asked,
    Body,
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
_SAYS = ("message", "reasoning")
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_ENDS = ("response.completed", "response.incomplete", "response.failed")
OURS = "msg_guard_"
"""How ids of messages begin that stand for calls that were not passed on."""


class Responses:
    """The responses API."""

    def read(self, body: Body) -> Asked:
        """Return what a request asks."""
        ids = Ids()
        messages: list[Message] = []
        answers: list[Answered] = []
        calls: dict[str, ToolCall] = {}
        if body.get("instructions"):
            messages.append(Message(Role.SYSTEM, Texts.of(body["instructions"]).text))
        given = body.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        for item in objects(items, "items"):
            kind = str(item.get("type") or "message")
            if kind == "message":
                role = str(item.get("role"))
                if role not in _ROLES:
                    raise UnreadableError(f"expected a role of a message, found {role!r}")
                messages.append(Message(_ROLES[role], Texts.of(item.get("content")).text))
            elif kind in _CALLS:
                call = _call(ids, item)
                calls[call.id] = call
                messages.append(Message(Role.ASSISTANT, "", calls=(call,)))
            elif kind in _OUTPUTS:
                id = ids.of(str(item.get("call_id")))
                found = Texts.of(item.get("output"))
                call = calls.get(id) or ToolCall(id, "")
                answers.append(Answered(call, len(messages), found.text, None, found.opaque, item, "output"))
                messages.append(Message(Role.TOOL, found.text, call_id=id))
        previous = body.get("previous_response_id") or body.get("conversation")
        if isinstance(previous, dict):
            previous = cast("Body", previous).get("id")
        return Asked(
            tuple(messages),
            tuple(answers),
            body.get("stream") is True,
            ids.counted,
            None if previous is None else str(previous),
        )

    def offer(self, body: Body, permits: Callable[[str], bool]) -> tuple[str, ...]:
        """Take out functions that are not permitted; return the provider's own tools."""
        served = ["background"] if body.get("background") else []
        if "tools" not in body:
            return tuple(served)
        kept: list[Body] = []
        for tool in objects(body["tools"] or [], "tools"):
            kind = str(tool.get("type"))
            if kind not in ("function", "custom"):
                served.append(kind)
                kept.append(tool)
            elif permits(str(tool.get("name"))):
                kept.append(tool)
        if kept:
            body["tools"] = kept
        else:
            for unused in ("tools", "tool_choice", "parallel_tool_calls"):
                body.pop(unused, None)
        return tuple(served)

    def proposed(self, reply: Body, counted: Counter[str], served: frozenset[str]) -> list[Proposed]:
        """Return the calls in a reply."""
        ids = Ids(counted)
        found: list[Proposed] = []
        for index, item in enumerate(objects(reply.get("output"), "items")):
            kind = str(item.get("type"))
            if kind in _CALLS:
                found.append(Proposed((0, index), _call(ids, item)))
            elif kind not in _SAYS and not _is_served(kind, served):
                raise UnreadableError(f"the reply holds {kind}, about which nobody could decide")
        return found

    def decided(self, reply: Body, verdicts: Verdicts) -> Body:
        """Return a reply with the calls that may be made, as they may be made, and a text for the others."""
        reply = deepcopy(reply)
        output: list[Body] = []
        for index, item in enumerate(objects(reply["output"], "items")):
            kind = str(item.get("type"))
            if kind not in _CALLS:
                output.append(item)
                continue
            verdict = verdicts.get((0, index), Verdict(None, "This call was not decided on."))
            if verdict.arguments is None:
                output.append(_told(item, verdict.text))
                continue
            key = _CALLS[kind]
            passed = verdict.arguments["input"] if key == "input" else json_of(verdict.arguments)
            kept = {name: item[name] for name in ("id", "type", "call_id", "name", "status") if name in item}
            output.append({**kept, key: passed})
        reply["output"] = output
        return reply

    def kept_back(self, reply: Body, verdicts: Verdicts) -> dict[str, KeptBack]:
        """Return what was not passed on of a reply, by the id of the message that stands for it."""
        found: dict[str, KeptBack] = {}
        for index, item in enumerate(objects(reply["output"], "items")):
            verdict = verdicts.get((0, index))
            if verdict is not None and verdict.arguments is None:
                found[_name(item)] = KeptBack(item, verdict.text)
        return found

    def put_back(self, body: Body, kept: Mapping[str, KeptBack], owed: Iterable[KeptBack]) -> None:
        """Give the model its own calls again, each with what was said in its place as its result.

        The provider wants every call answered, and every item of reasoning followed by what came of it.
        """
        given = body.get("input")
        items: list[Body] = (
            [{"role": "user", "content": given}] if isinstance(given, str) else list(given or [])
        )
        found = [_output(one) for one in owed]
        for item in items:
            one = kept.get(str(item.get("id")))
            if one is not None:
                found += [one.item, _output(one)]
            elif str(item.get("id", "")).startswith(OURS):
                found.append({"role": "assistant", "content": Texts.of(item.get("content")).text})
            else:
                found.append(item)
        if len(found) != len(items) or found != items:
            body["input"] = found

    def said(self, reply: Body) -> str:
        """Return the text of a reply."""
        items = [item for item in objects(reply["output"], "items") if item.get("type") == "message"]
        return joined(*(Texts.of(item.get("content")).text for item in items))

    def assembly(self) -> ResponsesAssembly:
        """Return a streamed reply that has not begun."""
        return ResponsesAssembly()

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
        return "error", {
            "type": "error",
            "code": "guard",
            "message": message,
            "param": None,
            "sequence_number": 0,
        }


class ResponsesAssembly:
    """Streamed items: messages and reasoning go on at once; from the first other item on, all waits."""

    def __init__(self) -> None:
        self._next = 0
        self._sent = 0
        self._started: set[int] = set()
        self._holds = False
        self._end: Event | None = None

    def feed(self, name: str, data: str) -> Sequence[Event]:
        """Take in an event; return what may go on now."""
        event = parsed(data)
        kind = str(event.get("type"))
        if kind == "error" or (kind == "response.failed" and self._end is None and not event.get("response")):
            raise UnreadableError(f"the provider broke off: {event.get('message')}")
        if kind in _ENDS:
            self._end = kind, event
            self._holds = True
            return ()
        if kind == "response.output_item.added":
            item = cast("Body", event.get("item") or {})
            self._holds |= item.get("type") not in _SAYS
            if not self._holds:
                self._started.add(whole(event.get("output_index")))
        elif kind not in ("response.created", "response.in_progress", "response.queued"):
            # An event about an item that has not begun here is held with it.
            self._holds |= event.get("output_index") not in self._started
        if self._holds:
            return ()
        return [self._numbered(kind, event)]

    def whole(self) -> Body:
        """Return the reply once all of it is there."""
        if self._end is None:
            raise UnreadableError("the reply broke off before its end")
        [reply] = objects([cast("Body", self._end[1]).get("response")], "a response at the end")
        if len(list(objects(reply.get("output"), "items"))) < len(self._started):
            raise UnreadableError("the end of the reply lacks items that were in it")
        return reply

    def rest(self, verdicts: Verdicts) -> Iterator[Event]:
        """Return what has not gone on yet, as it was decided on."""
        assert self._end is not None
        reply = Responses().decided(self.whole(), verdicts)
        for index, item in enumerate(objects(reply["output"], "items")):
            if index in self._started:
                continue
            for event in _streamed(index, item):
                yield self._numbered(str(event["type"]), event)
        kind, event = self._end
        yield self._numbered(kind, {**cast("Body", event), "response": reply})

    def _numbered(self, kind: str, event: Body) -> Event:
        numbered = {**event, "sequence_number": self._next}
        self._next += 1
        return kind, numbered


def _call(ids: Ids, item: Body) -> ToolCall:
    id = ids.call(str(item.get("call_id")))
    name = str(item.get("name"))
    if item.get("type") == "custom_tool_call":
        return ToolCall(id, name, {"input": str(item.get("input"))})
    return call_of(id, name, item.get("arguments"))


def _told(item: Body, text: str) -> Body:
    content: list[Body] = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    message = {"id": _name(item), "type": "message", "role": "assistant"}
    return {**message, "status": "completed", "content": content}


def _output(kept: KeptBack) -> Body:
    kind = (
        "custom_tool_call_output" if kept.item.get("type") == "custom_tool_call" else "function_call_output"
    )
    return {"type": kind, "call_id": kept.item["call_id"], "output": kept.text}


def _name(item: Body) -> str:
    return f"{OURS}{sha256(repr(sorted(item.items())).encode()).hexdigest()[:24]}"


def _is_served(kind: str, served: frozenset[str]) -> bool:
    return any(kind.startswith(name.split("_preview")[0]) for name in served)


def _streamed(index: int, item: Body) -> Iterator[Body]:
    at: Body = {"output_index": index, "item_id": item.get("id", "")}
    kind = item.get("type")
    begun = {**item, "status": "in_progress"} if "status" in item else dict(item)
    if kind == "message":
        begun["content"] = []
    elif kind in _CALLS:
        begun[_CALLS[str(kind)]] = ""
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    if kind == "message":
        for number, part in enumerate(objects(item["content"], "parts")):
            yield from _part({**at, "content_index": number}, part)
    elif kind in _CALLS:
        key = _CALLS[str(kind)]
        name = "function_call_arguments" if key == "arguments" else "custom_tool_call_input"
        yield {"type": f"response.{name}.delta", **at, "delta": item[key]}
        yield {"type": f"response.{name}.done", **at, key: item[key], "name": item.get("name")}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _part(at: Body, part: Body) -> Iterator[Body]:
    key, name = ("refusal", "refusal") if part.get("type") == "refusal" else ("text", "output_text")
    yield {"type": "response.content_part.added", **at, "part": {**part, key: ""}}
    text: Any = part.get(key, "")
    more: Body = {"logprobs": []} if key == "text" else {}
    yield {"type": f"response.{name}.delta", **at, "delta": text, **more}
    yield {"type": f"response.{name}.done", **at, key: text, **more}
    yield {"type": "response.content_part.done", **at, "part": part}
