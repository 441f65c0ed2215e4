"""A recorded conversation as the page shows it, with the steps of the findings marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from duress.report.quotes import pieces, spans
from duress.trajectory import Message, ToolCall, Trajectory

Pieces = list[tuple[str, bool]]
"""A text in parts: (part, whether a finding quotes it)."""
_LONG = 3_000
"""Characters of one text that are shown; of a step that a finding names, four times as many."""
_AROUND = 600
"""Characters shown on either side of a quote in a text that is cut."""
_STEPS = 400
"""Steps of one run that are shown; steps that findings name, and their neighbours, always are."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call."""

    tool: str
    arguments: tuple[tuple[str, Pieces], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One message; or, with `skipped`, a gap of so many messages."""

    number: int
    role: str
    text: Pieces
    reasoning: Pieces
    calls: tuple[Call, ...]
    error: str | None
    findings: tuple[int, ...]
    """Numbers of the findings that name this step, from 1."""
    skipped: int = 0


def conversation(
    trajectory: Trajectory, named: Mapping[int, Sequence[int]], quotes: Sequence[str]
) -> list[Step]:
    """Return the steps of a run; `named` says which findings name a step."""
    messages = trajectory.messages
    kept = _kept(len(messages), named)
    out: list[Step] = []
    skipped = 0
    for number, message in enumerate(messages):
        if number not in kept:
            skipped += 1
            continue
        if skipped:
            out.append(Step(number, "", [], [], (), None, (), skipped))
            skipped = 0
        out.append(_step(number, message, tuple(named.get(number, ())), quotes))
    if skipped:
        out.append(Step(len(messages), "", [], [], (), None, (), skipped))
    return out


def _kept(count: int, named: Mapping[int, Sequence[int]]) -> set[int]:
    if count <= _STEPS:
        return set(range(count))
    near = {step + off for step in named for off in range(-3, 4)}
    room = max(0, _STEPS - len(near)) // 2
    return near | set(range(room)) | set(range(count - room, count))


def _step(number: int, message: Message, findings: tuple[int, ...], quotes: Sequence[str]) -> Step:
    room = _LONG * 4 if findings else _LONG
    # The same words may stand elsewhere, where nobody found anything.
    quotes = quotes if findings else ()
    return Step(
        number,
        message.role.value,
        shortened(message.text.strip(), quotes, room),
        shortened((message.reasoning or "").strip(), quotes, room),
        tuple(_call(call, quotes, room) for call in message.calls),
        message.error.value if message.error else None,
        findings,
    )


def _call(call: ToolCall, quotes: Sequence[str], room: int) -> Call:
    return Call(
        call.tool,
        tuple((name, shortened(_text(value), quotes, room)) for name, value in call.arguments.items()),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def shortened(text: str, quotes: Sequence[str], room: int) -> Pieces:
    """Mark the quotes in a text; cut a long one so that its beginning, its end and its quotes stay."""
    if len(text) <= room:
        return pieces(text, quotes)
    windows = [(0, room // 2), (len(text) - room // 4, len(text))]
    windows += [(max(0, at - _AROUND), min(len(text), to + _AROUND)) for at, to in spans(text, quotes)[:8]]
    out: Pieces = []
    last = 0
    for at, to in sorted(windows):
        start = max(at, last)
        if start >= to:
            continue
        if start > last:
            out.append((f" \N{HORIZONTAL ELLIPSIS}[{start - last:,}]\N{HORIZONTAL ELLIPSIS} ", False))
        out += pieces(text[start:to], quotes)
        last = to
    return out
