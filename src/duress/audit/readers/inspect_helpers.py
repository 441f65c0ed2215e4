"""Helpers in Inspect logs: agents that an agent called as tools, whose talk is among the events alone.

A helper's run begins with what people had said in the sample. Its prompt is no person's word: the agent that
called it wrote it. What scorers asked models is no part of what happened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from duress.audit.readers.field import fields, items
from duress.audit.readers.message import messages
from duress.audit.readers.moment import moment
from duress.audit.readers.stitch import Exchange, news
from duress.trajectory import Message, Role

_AGENT = re.compile(rb'"type"\s*:\s*"agent"')
_SCORING = frozenset({"scorer", "scorers"})


class _Reply(Struct):
    id: str | None = None


class _Choice(Struct):
    message: _Reply = msgspec.field(default_factory=_Reply)


class _Output(Struct):
    choices: list[_Choice] = []


class _Event(Struct):
    """An event; what is large is left as it is until it is needed."""

    event: str = ""
    id: str | None = None
    parent_id: str | None = None
    span_id: str | None = None
    type: str | None = None
    name: str | None = None
    timestamp: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"[]")
    input_refs: list[tuple[int, int]] | None = None
    output: msgspec.Raw = msgspec.Raw(b"null")


class Helper(NamedTuple):
    """What a helper is called, and its conversation."""

    name: str
    said: tuple[Message, ...]


_events = msgspec.json.Decoder(list[_Event])
_output = msgspec.json.Decoder(_Output | None)


def speaks(events: msgspec.Raw) -> bool:
    """Return whether the events of a sample hold spans of agents; events are long."""
    return _AGENT.search(memoryview(events)) is not None


def helpers(
    events: msgspec.Raw, said: list[Any], pool: Callable[[], list[Any]], resolved: Callable[[Any], Any]
) -> Iterator[Helper]:
    """Yield the helpers among the events of a sample.

    `said` are the messages of the sample, `pool` returns those that histories refer to, and `resolved` puts
    back what lies elsewhere. Raises as `messages` does.
    """
    spans: dict[str, _Event] = {}
    calls: dict[str, list[_Event]] = {}
    for event in _events.decode(events):
        if event.event == "span_begin" and event.id is not None:
            spans[event.id] = event
        elif event.event == "model" and (owner := _owner(event, spans)) is not None:
            calls.setdefault(owner, []).append(event)
    known = {fields(item).get("id") for item in said}
    # An agent of which a reply is among the messages of the sample is no helper.
    apart = {
        owner: those
        for owner, those in calls.items()
        if not known.intersection(filter(None, map(_reply_id, those)))
    }
    if not apart:
        return
    held = pool()
    people = [message for message in messages(resolved(said)) if message.role is Role.USER]
    names: Counter[str] = Counter()
    for owner, those in apart.items():
        name = spans[owner].name or "agent"
        names[name] += 1
        parts = list(news(_exchange(event, held, resolved) for event in those))
        prompt = [
            replace(message, role=Role.ASSISTANT) if message.role is Role.USER else message
            for message in parts[0].given
        ]
        rest = [message for part in parts[1:] for message in (*part.given, *part.reply)]
        own = name if names[name] == 1 else f"{name}.{names[name]}"
        yield Helper(own, (*people, *prompt, *parts[0].reply, *rest))


def _owner(event: _Event, spans: dict[str, _Event]) -> str | None:
    """Return the span of the agent that called a model, or None if no agent did, or a scorer."""
    owner: str | None = None
    at, seen = event.span_id, 0
    while at is not None and at in spans and seen <= len(spans):
        span = spans[at]
        if span.type in _SCORING:
            return None
        if span.type == "agent" and owner is None:
            owner = at
        at, seen = span.parent_id, seen + 1
    return owner


def _reply_id(event: _Event) -> str | None:
    output = _output.decode(event.output)
    return output.choices[0].message.id if output is not None and output.choices else None


def _exchange(event: _Event, pool: list[Any], resolved: Callable[[Any], Any]) -> Exchange:
    given = [item for start, end in event.input_refs or () for item in pool[start:end]]
    given += items(msgspec.json.decode(event.input))
    output = fields(msgspec.json.decode(event.output))
    reply = [choice["message"] for choice in items(output.get("choices"))[:1]]
    return Exchange(messages(resolved(given)), messages(resolved(reply)), moment(event.timestamp) or 0.0)
