"""OpenTelemetry GenAI spans in OTLP JSON: files of the collector, or documents of an exporter.

Written for the GenAI semantic conventions 1.38 (`gen_ai.input.messages` and the like as attributes); what
earlier conventions write as events of a span, as log records or as numbered attributes is read too, and what
OpenInference writes as numbered attributes of its own (`llm.input_messages.0.message.content`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from duress.audit.errors import UnreadableError
from duress.audit.readers.arguments import arguments
from duress.audit.readers.field import fields, items, label
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
_INFERRED = re.compile(r"llm\.(input|output)_messages\.(\d+)\.message\.(.+)")
_DETAILS = "gen_ai.client.inference.operation.details"
_MODELS = frozenset({"chat", "text_completion", "generate_content"})
"""Operations in which a model is called."""
_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


_OUTER = ("resourceSpans", "resource_spans", "scopeSpans", "resourceLogs", "resource_logs")


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
        for resource, record in _logged(value):
            try:
                if (event := _log(record, resource)) is not None:
                    self._traces.add(event, place)
            except MALFORMED as error:
                yield Unread(place, told(NAME, error), str(record.get("spanId") or ""))
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


_Pairs = Iterator[tuple[dict[str, Any], dict[str, Any]]]


def _spans(value: dict[str, Any]) -> _Pairs:
    """Yield (resource, span); what is no object is read as an empty one, which is no span."""
    outer = value.get("resourceSpans") or value.get("resource_spans")
    if outer is None and (value.get("resourceLogs") or value.get("resource_logs")):
        return
    for named, scope in _scopes(outer or [value], ("scopeSpans", "scope_spans")):
        for span in items(scope.get("spans")):
            yield named, fields(span)


def _logged(value: dict[str, Any]) -> _Pairs:
    """Yield (resource, log record)."""
    outer = value.get("resourceLogs") or value.get("resource_logs")
    for named, scope in _scopes(outer or (), ("scopeLogs", "scope_logs")):
        for record in items(scope.get("logRecords") or scope.get("log_records")):
            yield named, fields(record)


def _scopes(outer: Iterable[Any], keys: tuple[str, str]) -> _Pairs:
    for held in outer:
        resource = fields(held)
        try:
            named = _attributes(fields(resource.get("resource")).get("attributes"))
        except MALFORMED:
            # Its spans are read all the same: they may name their agent themselves.
            named = {}
        for scope in items(resource.get(keys[0]) or resource.get(keys[1])):
            yield named, fields(scope)


def _log(record: dict[str, Any], resource: dict[str, Any]) -> Span | None:
    """Return what a log record tells of its span, or None if it is no message of a conversation."""
    held = _attributes(record.get("attributes"))
    event = record.get("eventName") or record.get("event_name") or held.get("event.name")
    given, reply = _event(str(event), {**held, **fields(_value(record.get("body")))})
    if not given and not reply:
        return None
    trace = record.get("traceId") or record.get("trace_id")
    span = record.get("spanId") or record.get("span_id")
    if not trace or not span:
        raise UnreadableError("expected a log record with traceId and spanId")
    nano = record.get("timeUnixNano") or record.get("time_unix_nano")
    start = moment(_number(nano or record.get("observedTimeUnixNano"))) or 0.0
    conversation = held.get("gen_ai.conversation.id")
    service = resource.get("service.name")
    return Span(
        str(conversation or trace),
        str(span),
        None,
        start,
        Exchange(messages(given), messages(reply), start),
        agent=label(held.get("gen_ai.agent.name")),
        model=label(held.get("gen_ai.response.model") or held.get("gen_ai.request.model")),
        version=label(resource.get("service.version")),
        session=label(conversation),
        service=label(service) if service != "unknown_service" else None,
        part=True,
        within=str(trace) if conversation else None,
    )


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
    call = _tool(told_of, span)
    kind = told_of.get("openinference.span.kind")
    return Span(
        str(conversation or trace),
        str(name),
        parent,
        start,
        Exchange(given, reply, start) if given or reply else None,
        call,
        label(told_of.get("gen_ai.agent.name") or told_of.get("agent.name")),
        label(
            told_of.get("gen_ai.response.model")
            or told_of.get("gen_ai.request.model")
            or told_of.get("llm.model_name")
        ),
        label(told_of.get("gen_ai.agent.version") or resource.get("service.version")),
        label(conversation or told_of.get("session.id")),
        label(service) if service != "unknown_service" else None,
        # A span is written down when it has ended.
        outermost=parent is None,
        silent=not given
        and not reply
        and call is None
        and (told_of.get("gen_ai.operation.name") in _MODELS or kind == "LLM"),
        within=str(trace) if conversation else None,
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
        given, reply = _inferred(told_of)
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
        asked, answered = _event(str(event.get("name")), _attributes(event.get("attributes")))
        given += asked
        reply += answered
    return given, reply


def _event(name: str, held: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return what an event tells: messages that a model was given, and its replies."""
    if name in _EVENTS:
        return [{"role": _EVENTS[name], **_unpacked(held), "tool_call_id": held.get("id")}], []
    if name == "gen_ai.choice":
        message: Any = held.get("message")
        message = decode(message.encode()) if isinstance(message, str) else message
        return [], [{"role": "assistant", **_unpacked(fields(message) or held)}]
    if name == "gen_ai.content.prompt":
        return _listed(held.get("gen_ai.prompt")), []
    if name == "gen_ai.content.completion":
        return [], _listed(held.get("gen_ai.completion"))
    if name == _DETAILS:
        system = _listed(held.get("gen_ai.system_instructions"))
        given = _listed(held.get("gen_ai.input.messages"))
        reply = _listed(held.get("gen_ai.output.messages"))
        return [*([{"role": "system", "parts": system}] if system else []), *given], reply
    return [], []


def _inferred(told_of: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Read `llm.input_messages.0.message.content` and the like."""
    sides: dict[str, dict[int, dict[str, Any]]] = {"input": {}, "output": {}}
    for key, value in told_of.items():
        if found := _INFERRED.fullmatch(key):
            _put(sides[found[1]].setdefault(int(found[2]), {}), found[3].split("."), value)
    return _inferred_side(sides["input"], "user"), _inferred_side(sides["output"], "assistant")


def _inferred_side(side: dict[int, dict[str, Any]], role: str) -> list[Any]:
    out: list[Any] = []
    for number in sorted(side):
        item = side[number]
        calls = [fields(call.get("tool_call")) for call in _counted(item.pop("tool_calls", None))]
        parts = [fields(part.get("message_content")) for part in _counted(item.pop("contents", None))]
        out.append(
            {"role": role, "content": parts or None, **item, **({"tool_calls": calls} if calls else {})}
        )
    return out


def _counted(held: Any) -> list[dict[str, Any]]:
    return [fields(value) for _, value in sorted(fields(held).items(), key=lambda item: int(item[0]))]


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value where a dotted name says."""
    for name in path[:-1]:
        into = into.setdefault(name, {})
    into[path[-1]] = value


def _unpacked(held: dict[str, Any]) -> dict[str, Any]:
    calls = held.get("tool_calls")
    if isinstance(calls, str):
        calls = decode(calls.encode())
    content = held.get("content")
    return {"content": content, **({"tool_calls": calls} if calls else {})}


def _tool(told_of: dict[str, Any], span: dict[str, Any]) -> tuple[ToolCall, str, bool] | None:
    if told_of.get("openinference.span.kind") == "TOOL":
        name = told_of.get("tool.name") or span.get("name")
        asked, result = told_of.get("input.value"), told_of.get("output.value")
    elif told_of.get("gen_ai.operation.name", "execute_tool") == "execute_tool":
        name = told_of.get("gen_ai.tool.name")
        asked, result = told_of.get("gen_ai.tool.call.arguments"), told_of.get("gen_ai.tool.call.result")
    else:
        return None
    if not name:
        return None
    given, error = arguments(asked)
    call = ToolCall(str(told_of.get("gen_ai.tool.call.id") or ""), str(name), given, error)
    return call, text_of(result), failed(span.get("status") or {})


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class _Reader:
    name = NAME
    resumes = True

    def accepts(self, value: Any) -> bool:
        """Return whether a record is a document of spans or of log records."""
        record = fields(value)
        return any(isinstance(record.get(key), list) for key in _OUTER)

    def gather(self, path: str) -> Lasting:
        """Return what takes the spans of one log."""
        return _Spans(path)


READER = _Reader()
