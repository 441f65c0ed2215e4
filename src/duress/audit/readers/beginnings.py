"""Beginnings: what a log says of runs before they have ended; their ends come in records of their own."""

from __future__ import annotations

from typing import Any

import msgspec
import zstandard
from msgspec import Struct, field

HELD = 32 << 20
"""Bytes that are held at most; beyond, the oldest are given up, and their ends are read without them."""
_EACH = 256
"""Bytes that one takes besides its own."""
_encoder = msgspec.json.Encoder()
_packer = msgspec.msgpack.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Any])


class Beginnings(Struct):
    """The beginnings of runs by their ids, the oldest first."""

    held: dict[str, bytes] = field(default_factory=dict[str, bytes])
    size: int = 0

    def add(self, record: dict[str, Any]) -> None:
        """Keep a beginning; raises `LookupError` if it has no id."""
        name = str(record["id"])
        self._pop(name)
        packed = self.held[name] = _encoder.encode(record)
        self.size += len(packed) + _EACH
        while self.size > HELD:
            self._pop(next(iter(self.held)))

    def whole(self, end: dict[str, Any]) -> dict[str, Any]:
        """Return an end with its beginning, so far as that is known; raises `LookupError` if it has no id."""
        packed = self._pop(str(end["id"]))
        known = {key: value for key, value in end.items() if value is not None}
        return known if packed is None else {**_decoder.decode(packed), **known}

    def rest(self) -> bytes:
        """Return all that is held, for `of`."""
        return zstandard.ZstdCompressor().compress(_packer.encode(self))

    @staticmethod
    def of(rest: bytes) -> Beginnings:
        """Return what `rest` packed."""
        return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(rest), type=Beginnings)

    def _pop(self, name: str) -> bytes | None:
        packed = self.held.pop(name, None)
        if packed is not None:
            self.size -= len(packed) + _EACH
        return packed
