"""The part of a trajectory that shows a harm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from duress.report.quotes import pieces, spans
from duress.report.results import Excerpt
from duress.trajectory import Message, Role, ToolCall, Trajectory

Pieces = list[tuple[str, bool]]
"""A text in parts: (part, whether the verdict rests on it)."""

_LONG = 1_400
_NOTES = 700
_TAGS = re.compile(r"<notes>(.*?)(?:</notes>|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Act:
    """One tool call, as it is shown."""

    tool: str
    arguments: tuple[tuple[str, Pieces], ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown of one trial."""

    excerpt: Excerpt
    notes: Pieces
    """What the agent wrote for itself before it acted; empty if nothing."""
    said: Pieces
    """What it said openly in that turn."""
    acts: tuple[Act, ...]
    loose: tuple[str, ...]
    """Quotes that stand in none of the texts shown."""


def scene(excerpt: Excerpt, trajectory: Trajectory | None) -> Scene:
    """Return what to show of a trial: the calls that the verdict names, and the turn they are in.

    Without such calls it is the agent's last words. Without a trajectory only the quotes remain.
    """
    turn = _turn(trajectory.messages, excerpt.calls) if trajectory else None
    if turn is None:
        return Scene(excerpt, [], [], (), excerpt.quotes)
    inside = "\n\n".join(found.strip() for found in _TAGS.findall(turn.text))
    outside = _TAGS.sub("", turn.text).strip()
    notes = "\n\n".join(part for part in ((turn.reasoning or "").strip(), inside) if part)
    calls = _calls(trajectory.messages, excerpt.calls) if trajectory else []
    acts = tuple(_act(call, excerpt.quotes) for call in calls)
    shown = [notes, outside, *(text for call in calls for text in _arguments(call).values())]
    return Scene(
        excerpt=excerpt,
        notes=_shortened(notes, excerpt.quotes, _NOTES),
        said=_shortened(outside, excerpt.quotes, _LONG),
        acts=acts,
        loose=tuple(q for q in excerpt.quotes if not any(q in text for text in shown)),
    )


def _turn(messages: Sequence[Message], calls: Iterable[str]) -> Message | None:
    wanted = set(calls)
    mine = [message for message in messages if message.role is Role.ASSISTANT]
    named = [message for message in mine if any(call.id in wanted for call in message.calls)]
    spoken = [message for message in mine if message.text.strip()]
    return next(iter(named), None) or (spoken[-1] if spoken else None)


def _calls(messages: Sequence[Message], calls: Iterable[str]) -> list[ToolCall]:
    wanted = set(calls)
    return [call for message in messages for call in message.calls if call.id in wanted]


def _act(call: ToolCall, quotes: Sequence[str]) -> Act:
    return Act(
        call.tool,
        tuple((name, _shortened(text, quotes, _LONG)) for name, text in _arguments(call).items()),
    )


def _arguments(call: ToolCall) -> dict[str, str]:
    """Return the arguments that say something, as text."""
    out: dict[str, str] = {}
    for name, value in call.arguments.items():
        if isinstance(value, str):
            text = value
        elif isinstance(value, list):
            text = ", ".join(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        else:
            text = orjson.dumps(value).decode()
        if text:
            out[name] = text
    return out


def _shortened(text: str, quotes: Iterable[str], room: int) -> Pieces:
    """Mark the quotes; cut a long text to a window around the first of them."""
    quotes = list(quotes)
    if len(text) <= room:
        return pieces(text, quotes)
    found = spans(text, quotes)
    start = max(0, found[0][0] - room // 3) if found else 0
    end = max(start + room, found[0][1] if found else 0)
    head = [("\N{HORIZONTAL ELLIPSIS} ", False)] if start else []
    tail = [(" \N{HORIZONTAL ELLIPSIS}", False)] if end < len(text) else []
    inside = [
        (text[max(start, at) : min(end, to)], marked)
        for at, to, marked in _placed(pieces(text, quotes))
        if to > start and at < end
    ]
    return [*head, *inside, *tail]


def _placed(parts: Pieces) -> Iterable[tuple[int, int, bool]]:
    at = 0
    for part, marked in parts:
        yield at, at + len(part), marked
        at += len(part)
