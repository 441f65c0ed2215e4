"""Traces: spans of one session that come in any order, gathered until the session is over.

A session is over when its outermost span has ended and `LATE` records went by that brought nothing of it,
or `QUIET` records where nobody saw its end, or when more than `HELD` bytes are held: first those that have
ended, and of these the one that was quiet for longest. What comes for a session after that is not
lost: it becomes a run of its own, of the same name, at the line where it begins.

Where only some spans of a trace say of which conversation they are, the others are held by their trace, and
come to a conversation when either is over: to that of the nearest span around them, else to the only one of
their trace. Where a trace has several and no span around says which, they stay what they are: a session by
the trace's name.

What is held is packed, a message that is repeated only once, so that `HELD` bounds the memory whatever the
spans are like.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any

import msgspec
import zstandard
from msgspec import Struct, field

from duress.audit.readers.executions import Execution, woven
from duress.audit.readers.field import fields
from duress.audit.readers.origin import ended
from duress.audit.readers.pool import Pool
from duress.audit.readers.stitch import Exchange
from duress.audit.run import Place, Run, Unread
from duress.trajectory import ToolCall, Trajectory

HELD = 64 << 20
"""Bytes that are held at most."""
LATE = 2_000
"""Records that bring nothing of a session after its outermost span has ended: others may come late."""
QUIET = 20_000
"""Records that bring nothing of a session whose end was not seen."""
_SILENT = (
    "expected what was said in the session, found {} spans that do not hold it; whoever writes them "
    "must keep it (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT)"
)
_OVER = ""
_EACH_SPAN, _EACH_TRACE = 256, 1024
"""Bytes that they take besides what is packed."""


class Span(Struct, frozen=True):
    """One call to a model or to a tool."""

    trace: str
    """The session: a conversation, where the span names one, else the trace."""
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
    outermost: bool = False
    """It is the outermost of its session, and it has ended."""
    whole: bool = False
    """Its exchange is all that was said in the session: it counts where no call to a model is told of."""
    part: bool = False
    """What was said in it comes message by message: it goes on where an earlier part of it ended."""
    silent: bool = False
    """It called a model, and the log does not hold what was said."""
    within: str | None = None
    """The trace of a span that names its conversation."""


_Said = tuple[list[int], list[int]]
"""Numbers of messages in the pool of a session: what a model was shown, and its reply."""
_encoder = msgspec.msgpack.Encoder()
_span = msgspec.msgpack.Decoder(Span)
_said = msgspec.msgpack.Decoder(_Said)


class _Trace(Struct):
    line: int
    pool: Pool = field(default_factory=Pool)
    spans: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Packed spans by their ids, without what was said."""
    said: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """What was said in them, where anything was: packed numbers of messages."""
    size: int = _EACH_TRACE
    last: int = 0
    """The record that brought something of it last."""
    within: set[str] = field(default_factory=set[str])
    """The traces in which a conversation lies."""

    def add(self, span: Span) -> None:
        """Take a span, or another form of one that is there; raises as `Traces.add` does."""
        exchange = span.exchange
        bare = span if exchange is None else msgspec.structs.replace(span, exchange=None)
        packed = _encoder.encode(bare)
        # What a log holds in place of a name or a time shows here, not when all is over.
        _span.decode(packed)
        if exchange is not None:
            given, more = self.pool.put(exchange.given)
            self.size += more
            reply, more = self.pool.put(exchange.reply)
            self.size += more
            if span.part and span.id in self.said:
                before = _said.decode(self.said[span.id])
                given, reply = [*before[0], *given], [*before[1], *reply]
            self._put(self.said, span.id, _encoder.encode((given, reply)))
        if not (span.part and span.id in self.spans):
            self._put(self.spans, span.id, packed)

    def put_in(self, trace: str) -> None:
        """Note a trace in which the conversation lies."""
        if trace not in self.within:
            self.within.add(trace)
            self.size += _EACH_SPAN

    def give(self, names: Iterable[str], to: _Trace) -> None:
        """Give spans to another session."""
        given = {name: _span.decode(self.spans[name]) for name in names}
        said = [span for span in given.values() if span.id in self.said]
        for span, exchange in zip(said, self.exchanges(said), strict=True):
            given[span.id] = msgspec.structs.replace(span, exchange=exchange)
        for span in given.values():
            to.add(span)
            self._drop(self.spans, span.id)
            self._drop(self.said, span.id)
        to.line = min(to.line, self.line)

    def _put(self, into: dict[str, bytes], name: str, packed: bytes) -> None:
        before = into.get(name)
        self.size += len(packed) - (-_EACH_SPAN if before is None else len(before))
        into[name] = packed

    def _drop(self, of: dict[str, bytes], name: str) -> None:
        if (packed := of.pop(name, None)) is not None:
            self.size -= len(packed) + _EACH_SPAN

    def exchanges(self, spans: Iterable[Span]) -> Iterator[Exchange]:
        """Yield what was said in spans; histories are long, and none is needed for longer than a moment."""
        messages = self.pool.messages()
        for span in spans:
            if span.id in self.said:
                sides = _said.decode(self.said[span.id])
                given, reply = (tuple(messages[number] for number in side) for side in sides)
                # What came out of a whole session came at its end.
                yield Exchange(given, reply, inf if span.whole else span.start)


class _Rest(Struct, array_like=True):
    """What is still open, the quietest first, each compressed by itself: little is copied at once."""

    records: int
    going: list[tuple[str, bytes]]
    ended: list[tuple[str, bytes]]
    talks: dict[str, dict[str, None]] = {}


_trace = msgspec.msgpack.Decoder(_Trace)
_rest = msgspec.msgpack.Decoder(_Rest)


class Traces:
    """Gathers spans into runs, one per session and agent."""

    def __init__(self, reader: str, path: str) -> None:
        """`reader` is what runs say that they were read by, `path` is the log."""
        self._reader, self._path = reader, path
        self._going: OrderedDict[str, _Trace] = OrderedDict()
        """Sessions whose end was not seen; the quietest first."""
        self._ended: OrderedDict[str, _Trace] = OrderedDict()
        self._talks: dict[str, dict[str, None]] = {}
        """Of each trace the open conversations that were met in it; what is over leaves `_OVER`."""
        self._inside: dict[str, dict[str, list[str]]] = {}
        """Of traces with several conversations: the spans that name none, by the span around them."""
        self._size = 0
        self._records = 0

    def add(self, span: Span, place: Place) -> None:
        """Take a span.

        Raises:
            ValueError, TypeError, OverflowError: it holds what cannot be kept.
        """
        name = span.trace
        trace = self._open(name)
        if trace is None:
            trace = self._going[name] = _Trace(place.line)
            self._size += trace.size
        before = trace.size
        trace.last = self._records
        try:
            trace.add(span)
            if span.within is not None and span.within != name:
                trace.put_in(span.within)
                self._talks.setdefault(span.within, {})[name] = None
        finally:
            self._size += trace.size - before
        if name in self._inside:
            self._inside[name].setdefault(span.parent or "", []).append(span.id)
        self._heard(name, trace, ended=span.outermost or span.within in self._ended)
        talks = self._talks.get(name, {})
        if span.outermost or len(talks) == 1:
            for talk, other in self._open_of(talks):
                self._heard(talk, other, ended=span.outermost)

    def _open(self, name: str) -> _Trace | None:
        return self._ended.get(name) or self._going.get(name)

    def _open_of(self, talks: Iterable[str]) -> list[tuple[str, _Trace]]:
        return [(talk, held) for talk in talks if (held := self._open(talk)) is not None]

    def _heard(self, name: str, trace: _Trace, *, ended: bool) -> None:
        """Note that something of a session came."""
        trace.last = self._records
        if ended and name in self._going:
            self._ended[name] = self._going.pop(name)
        else:
            (self._ended if name in self._ended else self._going).move_to_end(name)

    def over(self) -> Iterator[Run | Unread]:
        """Yield the runs of sessions that are over; call it once per record."""
        self._records += 1
        yield from self._quiet(self._ended, LATE)
        yield from self._quiet(self._going, QUIET)
        while self._size > HELD:
            yield from self._end(self._ended or self._going)

    def _quiet(self, held: OrderedDict[str, _Trace], records: int) -> Iterator[Run | Unread]:
        while held and self._records - next(iter(held.values())).last > records:
            yield from self._end(held)

    def close(self) -> Iterator[Run | Unread]:
        """Yield the runs of all sessions that were still open."""
        while held := self._ended or self._going:
            yield from self._end(held)

    def rest(self) -> bytes:
        """Return what is still open, for `go_on`."""
        packer = zstandard.ZstdCompressor()
        going, ended = (
            [(name, packer.compress(_encoder.encode(trace))) for name, trace in held.items()]
            for held in (self._going, self._ended)
        )
        return _encoder.encode(_Rest(self._records, going, ended, self._talks))

    def go_on(self, rest: bytes) -> None:
        """Take up what was open at the end of an earlier reading, before anything is added."""
        found = _rest.decode(rest)
        unpacker = zstandard.ZstdDecompressor()
        self._records = found.records
        self._talks = found.talks
        for held, packed in ((self._going, found.going), (self._ended, found.ended)):
            for name, trace in packed:
                held[name] = _trace.decode(unpacker.decompress(trace))
                self._size += held[name].size

    def _shared(self, name: str, trace: _Trace) -> None:
        """Give the spans of a trace that name no conversation to its conversations."""
        talks = dict(self._open_of(self._talks.get(name, {})))
        if not talks:
            return
        only = self._only(name)
        owners = {span: talk for talk, held in talks.items() for span in held.spans}
        known = {span: _span.decode(packed) for span, packed in trace.spans.items()}
        own: dict[str, list[str]] = {}
        for span in known:
            if (talk := only or _talk(span, known, owners)) is not None:
                own.setdefault(talk, []).append(span)
        for talk, spans in own.items():
            self._give(trace, spans, talks[talk])

    def _collected(self, name: str, trace: _Trace) -> None:
        """Give a conversation what is its own of the spans of its traces that name none."""
        for within in trace.within:
            around = self._open(within)
            if around is not None:
                only = self._only(within) is not None
                self._give(around, list(around.spans) if only else self._below(within, around, trace), trace)
                if not around.spans:
                    self._close(within)
            talks = self._talks[within]
            del talks[name]
            talks[_OVER] = None
            if len(talks) == 1:
                del self._talks[within]

    def _only(self, trace: str) -> str | None:
        talks = self._talks[trace]
        return next(iter(talks)) if len(talks) == 1 else None

    def _below(self, name: str, trace: _Trace, talk: _Trace) -> list[str]:
        """Return the spans of a trace that are within those of a conversation, and forms of these."""
        inside = self._inside.get(name)
        if inside is None:
            # Once for all conversations of the trace: there may be thousands.
            inside = self._inside[name] = {}
            for span, packed in trace.spans.items():
                inside.setdefault(_span.decode(packed).parent or "", []).append(span)
        found = {span: None for span in talk.spans if span in trace.spans}
        left = list(talk.spans)
        while left:
            for span in inside.pop(left.pop(), ()):
                if span in trace.spans and span not in found:
                    found[span] = None
                    left.append(span)
        return list(found)

    def _give(self, trace: _Trace, spans: list[str], to: _Trace) -> None:
        if spans:
            self._size -= trace.size + to.size
            trace.give(spans, to)
            self._size += trace.size + to.size

    def _close(self, name: str) -> None:
        trace = (self._ended if name in self._ended else self._going).pop(name)
        self._size -= trace.size
        self._inside.pop(name, None)

    def _end(self, held: OrderedDict[str, _Trace]) -> Iterator[Run | Unread]:
        """Yield the runs of the quietest; if nothing was said in it, tell so."""
        name, trace = next(iter(held.items()))
        self._shared(name, trace)
        self._collected(name, trace)
        self._close(name)
        place = Place(self._path, trace.line)
        known = {name: _span.decode(packed) for name, packed in trace.spans.items()}
        told = any(not known[name].whole for name in trace.said)
        by_agent: dict[str | None, list[Span]] = {}
        for span in sorted(known.values(), key=lambda span: span.start):
            if span.call is not None or (span.id in trace.said and not (told and span.whole)):
                by_agent.setdefault(_agent(span, known), []).append(span)
        read = False
        for agent, spans in by_agent.items():
            done = [Execution(*span.call, span.start) for span in spans if span.call is not None]
            said = woven(trace.exchanges(spans), done)
            if not said:
                continue
            read = True
            own = name if len(by_agent) == 1 else f"{name}/{agent or ''}"
            yield Run(
                own,
                Trajectory(own, said, ended(said)),
                place,
                self._reader,
                agent,
                _first(span.model for span in spans),
                _first(span.version for span in [*spans, *known.values()]),
                _first(span.session for span in [*spans, *known.values()]) or name,
                spans[0].start or None,
            )
        silent = sum(span.silent for span in known.values())
        if silent and not read:
            yield Unread(place, _SILENT.format(silent), name)


def _talk(name: str, spans: dict[str, Span], owners: dict[str, str]) -> str | None:
    """Return the conversation of a span, or of the nearest around it that is one's."""
    for _ in range(len(spans) + 1):
        if name in owners or name not in spans:
            return owners.get(name)
        name = spans[name].parent or ""
    return None


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


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def failed(status: Any) -> bool:
    """Return whether the status of a span is that of a failure."""
    return fields(status).get("code") in (2, "STATUS_CODE_ERROR", "ERROR", "error")
