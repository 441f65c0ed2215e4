"""OpenTelemetry GenAI spans in OTLP JSON: files of the collector, or documents of an exporter.

Written for the GenAI semantic conventions 1.38 (`gen_ai.input.messages` and the like as attributes); what
earlier conventions write as events of a span or as numbered attributes is read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from duress.audit.errors import UnreadableError
from duress.audit.readers.arguments import arguments
from duress.audit.readers.field import fields, items
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.reader import MALFORMED, Lasting, told
from duress.audit.readers.stitch import Exchange
from duress.audit.readers.traces import Span, Traces, failed
from duress.audit.records import decode
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Message, ToolCall

NAME = "otel"
SEMCONV = "1.38.0"
_NUMBERED = re.compile(r"gen_ai\.(prompt|completion)\.(\d+)\.(.+)")
_CALLED = re.compile(r"tool_calls\.(\d+)\.(id|name|arguments)")
_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


class _Spans:
    def __init__(self, path: str) -> None:
        self._traces = Traces(NAME, path)

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one document of spans."""
        for resource, span in _spans(value):
            try:
                self._traces.add(_read(span, resource), place)
            except MALFORMED as error:
                yield Unread(place, told(NAME, error), str(span.get("spanId") or ""))
        yield from self._traces.over()

    def close(self) -> Iterable[Run | Unread]:
        """Return the runs that were still open."""
        return self._traces.close()

    def rest(self) -> bytes:
        """Return what is still open."""
        return self._traces.rest()

    def go_on(self, rest: bytes) -> None:
        """Take up what was open."""
        self._traces.go_on(rest)


def _spans(value: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (resource, span); what is no object is read as an empty one, which is no span."""
    for held in value.get("resourceSpans") or value.get("resource_spans") or [value]:
        resource = fields(held)
        try:
            named = _attributes(fields(resource.get("resource")).get("attributes"))
        except MALFORMED:
            # Its spans are read all the same: they may name their agent themselves.
            named = {}
        for scope in items(resource.get("scopeSpans") or resource.get("scope_spans")):
            for span in items(fields(scope).get("spans")):
                yield named, fields(span)


def _attributes(listed: Any) -> dict[str, Any]:
    if isinstance(listed, dict):
        return fields(listed)
    return {item["key"]: _value(item.get("value")) for item in listed or ()}


def _value(value: Any) -> Any:
    """Return what an `AnyValue` holds."""
    if not isinstance(value, dict):
        return value
    for kind, held in fields(value).items():
        if kind in ("arrayValue", "array_value"):
            return [_value(item) for item in held.get("values") or ()]
        if kind in ("kvlistValue", "kvlist_value"):
            return {item["key"]: _value(item.get("value")) for item in held.get("values") or ()}
        if kind in ("intValue", "int_value"):
            return int(held)
        return held
    return None


def _read(span: dict[str, Any], resource: dict[str, Any]) -> Span:
    told_of = _attributes(span.get("attributes"))
    start = moment(_number(span.get("startTimeUnixNano") or span.get("start_time_unix_nano"))) or 0.0
    trace = span.get("traceId") or span.get("trace_id")
    name = span.get("spanId") or span.get("span_id")
    if not trace or not name:
        raise UnreadableError("expected a span with traceId and spanId")
    given, reply = _talk(told_of, span)
    service = resource.get("service.name")
    conversation = told_of.get("gen_ai.conversation.id")
    parent = str(span.get("parentSpanId") or span.get("parent_span_id") or "") or None
    return Span(
        str(conversation or trace),
        str(name),
        parent,
        start,
        Exchange(given, reply, start) if given or reply else None,
        _tool(told_of, span),
        _text(told_of.get("gen_ai.agent.name")),
        _text(told_of.get("gen_ai.response.model") or told_of.get("gen_ai.request.model")),
        _text(told_of.get("gen_ai.agent.version") or resource.get("service.version")),
        _text(conversation or told_of.get("session.id")),
        _text(service) if service != "unknown_service" else None,
        # A span is written down when it has ended.
        outermost=parent is None,
    )


def _talk(told_of: dict[str, Any], span: dict[str, Any]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    given: list[Any] = []
    if system := _listed(told_of.get("gen_ai.system_instructions")):
        given.append({"role": "system", "parts": system})
    given += _listed(told_of.get("gen_ai.input.messages"))
    reply = _listed(told_of.get("gen_ai.output.messages"))
    if not given and not reply:
        given, reply = _numbered(told_of)
    if not given and not reply:
        given, reply = _events(span)
    return messages(given), messages(reply[:1])


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        value = decode(value.encode())
    return items(value)


def _numbered(told_of: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Read `gen_ai.prompt.0.content` and the like."""
    sides: dict[str, dict[int, dict[str, Any]]] = {"prompt": {}, "completion": {}}
    for key, value in told_of.items():
        found = _NUMBERED.fullmatch(key)
        if not found:
            continue
        item = sides[found[1]].setdefault(
            int(found[2]), {"role": "user" if found[1] == "prompt" else "assistant"}
        )
        called = _CALLED.fullmatch(found[3])
        if called:
            item.setdefault("_calls", {}).setdefault(int(called[1]), {})[called[2]] = value
        elif found[3] in ("role", "content", "tool_call_id", "finish_reason", "reasoning"):
            item[found[3]] = value
    return _ordered(sides["prompt"]), _ordered(sides["completion"])


def _ordered(side: dict[int, dict[str, Any]]) -> list[Any]:
    out: list[Any] = []
    for number in sorted(side):
        item = side[number]
        calls = item.pop("_calls", {})
        if calls:
            item["tool_calls"] = [calls[place] for place in sorted(calls)]
        if isinstance(item.get("content"), str) and item["content"].startswith('[{"'):
            item["content"] = _listed(item["content"]) or item["content"]
        out.append(item)
    return out


def _events(span: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Read messages that are events of a span."""
    given: list[Any] = []
    reply: list[Any] = []
    for event in span.get("events") or ():
        held = _attributes(event.get("attributes"))
        name = event.get("name")
        if name in _EVENTS:
            given.append({"role": _EVENTS[name], **_unpacked(held), "tool_call_id": held.get("id")})
        elif name == "gen_ai.choice":
            message: Any = held.get("message")
            message = decode(message.encode()) if isinstance(message, str) else message
            reply.append({"role": "assistant", **_unpacked(fields(message) or held)})
        elif name == "gen_ai.client.inference.operation.details":
            given += _listed(held.get("gen_ai.input.messages"))
            reply += _listed(held.get("gen_ai.output.messages"))
    return given, reply


def _unpacked(held: dict[str, Any]) -> dict[str, Any]:
    calls = held.get("tool_calls")
    if isinstance(calls, str):
        calls = decode(calls.encode())
    content = held.get("content")
    return {"content": content, **({"tool_calls": calls} if calls else {})}


def _tool(told_of: dict[str, Any], span: dict[str, Any]) -> tuple[ToolCall, str, bool] | None:
    name = told_of.get("gen_ai.tool.name")
    if not name or told_of.get("gen_ai.operation.name", "execute_tool") != "execute_tool":
        return None
    given, error = arguments(told_of.get("gen_ai.tool.call.arguments"))
    call = ToolCall(str(told_of.get("gen_ai.tool.call.id") or ""), str(name), given, error)
    return call, text_of(told_of.get("gen_ai.tool.call.result")), failed(span.get("status") or {})


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _text(value: Any) -> str | None:
    return str(value) if value else None


class _Reader:
    name = NAME
    resumes = True

    def accepts(self, value: Any) -> bool:
        """Return whether a record is a document of spans."""
        record = fields(value)
        return any(
            isinstance(record.get(key), list) for key in ("resourceSpans", "resource_spans", "scopeSpans")
        )

    def gather(self, path: str) -> Lasting:
        """Return what takes the spans of one log."""
        return _Spans(path)


READER = _Reader()
