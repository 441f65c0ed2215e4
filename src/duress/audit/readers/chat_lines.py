"""Chat messages with roles, one a line: the file is the conversation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from duress.audit.readers.conversation import KEYS
from duress.audit.readers.field import fields
from duress.audit.readers.message import ROLES, messages
from duress.audit.readers.origin import SESSION, make
from duress.audit.readers.reader import MALFORMED, Lasting, told
from duress.audit.run import Place, Run, Unread

NAME = "chat-lines"
HELD = 64 << 20
"""Bytes of a conversation that are held, packed."""
_OTHER = frozenset({"type", *KEYS, *SESSION})
"""A record with one of these is an item or a conversation, or says of which conversation it is."""
_encoder = msgspec.msgpack.Encoder()


class _Rest(Struct, array_like=True):
    """The conversation so far: the line it begins at, its messages, and whether it became too long."""

    line: int = 0
    said: list[bytes] = []
    over: bool = False


_rest = msgspec.msgpack.Decoder(_Rest)


class _Conversation:
    """The conversation of one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._so_far = _Rest()
        self._size = 0

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one message."""
        held = self._so_far
        try:
            messages([value])
            packed = _encoder.encode(value)
        except MALFORMED as error:
            return (Unread(place, told(NAME, error)),)
        if held.over:
            return ()
        held.line = held.line or place.line
        held.said.append(packed)
        self._size += len(packed)
        if self._size <= HELD:
            return ()
        self._so_far = _Rest(held.line, [], over=True)
        why = f"expected a conversation of at most {HELD >> 20} MB in lines, found a longer one; split it"
        return (Unread(Place(self._path, held.line), why),)

    def close(self) -> Iterable[Run | Unread]:
        """Return the run of the file."""
        if self._so_far.said:
            said = messages(map(msgspec.msgpack.decode, self._so_far.said))
            yield make({}, said, Place(self._path, self._so_far.line), NAME)

    def rest(self) -> bytes:
        """Return the conversation so far."""
        return _encoder.encode(self._so_far)

    def go_on(self, rest: bytes) -> None:
        """Take up the conversation."""
        self._so_far = _rest.decode(rest)
        self._size = sum(map(len, self._so_far.said))


class _Reader:
    name = NAME
    resumes = True

    def accepts(self, value: Any) -> bool:
        """Return whether a record is a message and nothing else."""
        record = fields(value)
        role = record.get("role")
        return (
            isinstance(role, str)
            and role in ROLES
            and ("content" in record or "tool_calls" in record)
            and _OTHER.isdisjoint(record)
        )

    def gather(self, path: str) -> Lasting:
        """Return what takes the messages of one file."""
        return _Conversation(path)


READER = _Reader()
