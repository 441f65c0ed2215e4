"""Traces: spans of one session that come in any order, gathered until the session is over."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from duress.audit.readers.field import fields
from duress.audit.readers.origin import ended
from duress.audit.readers.stitch import Exchange, stitch
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Message, Role, ToolCall, ToolError, Trajectory

HELD = 64 << 20
"""Characters that are held at most; beyond, the oldest session counts as over."""
LATE = 2_000
"""So many records after its outermost span a session counts as over: others may come late."""


class Span(Struct, frozen=True):
    """One call to a model or to a tool."""

    trace: str
    id: str
    parent: str | None
    start: float
    exchange: Exchange | None = None
    call: tuple[ToolCall, str, bool] | None = None
    """A call of a tool, what came back, and whether it failed."""
    agent: str | None = None
    model: str | None = None
    version: str | None = None
    session: str | None = None
    service: str | None = None
    """Who it is from where no span around it names an agent."""


class _Trace:
    def __init__(self, place: Place) -> None:
        self.place = place
        self.spans: dict[str, Span] = {}
        self.size = 0
        self.ended_at: int | None = None


class Traces:
    """Gathers spans into runs, one per session and agent."""

    def __init__(self, reader: str) -> None:
        """`reader` is what runs say that they were read by."""
        self._reader = reader
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._size = 0
        self._records = 0

    def add(self, span: Span, place: Place, size: int) -> None:
        """Take a span that holds about `size` characters."""
        trace = self._traces.get(span.trace)
        if trace is None:
            trace = self._traces[span.trace] = _Trace(place)
        trace.spans[span.id] = span
        trace.size += size
        self._size += size
        if span.parent is None:
            trace.ended_at = self._records

    def over(self) -> Iterator[Run | Unread]:
        """Yield the runs of sessions that are over; call it once per record."""
        self._records += 1
        while self._traces:
            name, trace = next(iter(self._traces.items()))
            late = trace.ended_at is not None and self._records - trace.ended_at > LATE
            if not late and self._size <= HELD:
                return
            yield from self._end(name)

    def close(self) -> Iterator[Run | Unread]:
        """Yield the runs of all sessions that were still open."""
        for name in list(self._traces):
            yield from self._end(name)

    def _end(self, name: str) -> Iterator[Run]:
        trace = self._traces.pop(name)
        self._size -= trace.size
        by_agent: dict[str | None, list[Span]] = {}
        for span in sorted(trace.spans.values(), key=lambda span: span.start):
            if span.exchange is not None or span.call is not None:
                by_agent.setdefault(_agent(span, trace.spans), []).append(span)
        for agent, spans in by_agent.items():
            said = _said(spans)
            if not said:
                continue
            own = name if len(by_agent) == 1 else f"{name}/{agent or ''}"
            yield Run(
                own,
                Trajectory(own, said, ended(said)),
                trace.place,
                self._reader,
                agent,
                _first(span.model for span in spans),
                _first(span.version for span in [*spans, *trace.spans.values()]),
                _first(span.session for span in [*spans, *trace.spans.values()]) or name,
                spans[0].start or None,
            )


def _agent(span: Span, spans: dict[str, Span]) -> str | None:
    """Return the agent that a span says it is from, or that the nearest span around it does."""
    seen = 0
    around: Span | None = span
    while around is not None and seen < len(spans):
        if around.agent:
            return around.agent
        around = spans.get(around.parent or "")
        seen += 1
    return span.service


def _said(spans: list[Span]) -> tuple[Message, ...]:
    """Return the conversation; calls of tools that no later history tells of are added at their place."""
    said = stitch(span.exchange for span in spans if span.exchange is not None)
    if not any(span.call for span in spans):
        return said
    asked = {call.id for message in said for call in message.calls if call.id}
    answered = {message.call_id for message in said if message.role is Role.TOOL}
    texts = {message.text for message in said if message.role is Role.TOOL}
    named = {(call.tool, str(call.arguments)) for message in said for call in message.calls}
    out = list(said)
    for span in spans:
        if span.call is None:
            continue
        call, result, failed = span.call
        if call.id in answered or result in texts:
            continue
        if call.id not in asked and (call.tool, str(call.arguments)) not in named:
            out.append(Message(Role.ASSISTANT, "", calls=(call,), at=span.start or None))
        error = ToolError.FAILED if failed else None
        out.append(Message(Role.TOOL, result, call_id=call.id or None, error=error, at=span.start or None))
    return tuple(out)


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def failed(status: Any) -> bool:
    """Return whether the status of a span is that of a failure."""
    return fields(status).get("code") in (2, "STATUS_CODE_ERROR", "ERROR", "error")
