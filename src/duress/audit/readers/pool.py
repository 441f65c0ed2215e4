"""Messages of one session, packed, each kept once: every call to a model repeats what was said before it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct, field

from duress.trajectory import Message

EACH = 128
"""Bytes that a message takes besides its own."""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


class Pool(Struct):
    """The messages of one session in the order in which they were first met."""

    numbers: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """Each packed message and its number, from 0."""

    def put(self, said: Iterable[Message]) -> tuple[list[int], int]:
        """Return the numbers of messages, and how many bytes more are held now.

        Raises:
            ValueError, TypeError, OverflowError: a message holds what cannot be packed.
        """
        out: list[int] = []
        more = 0
        for message in said:
            packed = _encoder.encode(message)
            number = self.numbers.get(packed)
            if number is None:
                # What a log holds in place of a text or a name shows here, not when all is over.
                _decoder.decode(packed)
                number = self.numbers[packed] = len(self.numbers)
                more += len(packed) + EACH
            out.append(number)
        return out, more

    def messages(self) -> list[Message]:
        """Return the messages by their numbers."""
        return [_decoder.decode(packed) for packed in self.numbers]
