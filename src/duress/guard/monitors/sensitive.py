"""What an agent has read in a session that not everybody should have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from duress.facts import DataClass, data_classes
from duress.facts.leaves import leaves
from duress.facts.plain import words
from duress.guard.monitor import Step
from duress.trajectory import Role, ToolCall

SENSITIVE: Final = (
    DataClass.SECRET,
    DataClass.IDENTITY,
    DataClass.PAYMENT,
    DataClass.HEALTH,
    DataClass.PRIVATE,
    DataClass.CONFIDENTIAL,
)
"""All classes but contact: addresses stand in every mail."""
_RUN: Final = 5
"""So many words in a row are not the same by chance."""
_SHORTEST: Final = 3


class Piece(Struct, frozen=True):
    """A sensitive piece of a tool result."""

    kind: DataClass
    text: str
    """The piece, verbatim."""
    result: str
    """All of the result."""
    call: ToolCall | None
    """What was called to get it."""


def pieces(step: Step) -> Iterator[Piece]:
    """Yield the sensitive pieces of the tool results so far."""
    if not set(step.facts.read_classes) & set(SENSITIVE):
        return
    calls: dict[str, ToolCall] = {}
    for message in step.messages:
        calls.update((call.id, call) for call in message.calls)
        if message.role is not Role.TOOL:
            continue
        for found in data_classes(message.text):
            if found.kind in SENSITIVE:
                piece = message.text[found.start : found.end]
                yield Piece(found.kind, piece, message.text, calls.get(message.call_id or ""))


def repeats(text: str, piece: Piece) -> str | None:
    """Return what of a sensitive result a text says again, verbatim or nearly; None if nothing.

    Repeated is the piece itself; of private life, health and confidential matters, also five words in a
    row of what stands around it.
    """
    low, own = text.casefold(), piece.text.casefold().strip()
    marked = piece.kind is DataClass.CONFIDENTIAL
    if len(own) >= _SHORTEST and own in low and not marked:
        return piece.text
    if piece.kind in (DataClass.HEALTH, DataClass.PRIVATE) or marked:
        return _common(text, piece.result)
    plain = "".join(words(piece.text))
    return piece.text if len(plain) > _SHORTEST and plain in "".join(words(text)) else None


def names(arguments: dict[str, Any], piece: Piece) -> str | None:
    """Return the argument that names the thing in which a piece was read, as an attachment does."""
    if piece.call is None:
        return None
    read = {leaf for leaf in leaves(piece.call.arguments) if isinstance(leaf, str) and leaf.strip()}
    return next((leaf for leaf in leaves(arguments) if isinstance(leaf, str) and leaf in read), None)


def _common(text: str, source: str) -> str | None:
    said, known = words(text), words(source)
    runs = {tuple(known[at : at + _RUN]) for at in range(len(known) - _RUN + 1)}
    for at in range(len(said) - _RUN + 1):
        run = tuple(said[at : at + _RUN])
        if run in runs:
            return ("" if any(not word.isascii() for word in run) else " ").join(run)
    return None
