"""Content of packed and recoded files as a stream: all that can be had of it, then what is wrong with it."""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Callable
from typing import IO, Protocol

import zstandard

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPED = b"\x2a\x4d\x18"
"""Follows a byte from 50 to 5f where a zstd file begins with a frame of something else."""
_PIECE = 1 << 14
"""Packed bytes that are unpacked at once: what is packed well grows a thousandfold."""
_DAMAGE = (zlib.error, zstandard.ZstdError)


def unpacked(packed: IO[bytes], head: bytes) -> Unpacked | None:
    """Return the content of a packed file that begins so, of all members and frames; None if it is plain."""
    if head.startswith(GZIP):
        return Unpacked(packed, lambda: zlib.decompressobj(31))
    if head.startswith(ZSTD) or (head[1:4] == _SKIPPED and head[0] >> 4 == 5):
        return Unpacked(packed, lambda: zstandard.ZstdDecompressor().decompressobj())
    return None


class Frame(Protocol):
    """Unpacks one frame of zstd or one member of gzip."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return what more there is."""
        ...

    @property
    def eof(self) -> bool:
        """Whether the frame is complete."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What lies behind it."""
        ...


class Unpacked(io.RawIOBase):
    """What frames hold, one after the other. It ends before the damage, if there is any."""

    def __init__(self, packed: IO[bytes], frame: Callable[[], Frame]) -> None:
        self.damage = ""
        """What is wrong with the file; known once all before it was read."""
        self._packed, self._make = packed, frame
        self._frame = frame()
        self._start = 0
        """Where the frame begins."""
        self._fed = 0
        """So much of it was unpacked."""
        self._input = b""
        self._held = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes, fewer where no more are unpacked; nothing is left if it is empty."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while not self._held and not self.damage and self._unpack():
            pass
        out, self._held = self._held[:size], self._held[size:]
        return out

    def _unpack(self) -> bool:
        """Unpack a little more; return whether there may be more."""
        data = self._input or self._packed.read(_PIECE)
        self._input = b""
        if not data:
            self.damage = "the packed file was cut off" if self._fed or not self._start else ""
            return False
        if not self._fed and self._start:
            # Behind a frame there may be zeros that fill a block.
            bare = data.lstrip(b"\x00")
            self._start += len(data) - len(bare)
            data = bare
            if not data:
                return True
        try:
            self._held = self._frame.decompress(data)
        except _DAMAGE as error:
            behind = self._start and not self._fed
            self._held = self._rescued(data)
            told = "something else lies behind the packed content" if behind else "the packed file is damaged"
            self.damage = f"{told}: {error}"
            return False
        self._fed += len(data)
        if self._frame.eof:
            self._input = self._frame.unused_data
            self._start += self._fed - len(self._input)
            self._frame, self._fed = self._make(), 0
        return True

    def _rescued(self, data: bytes) -> bytes:
        """Return what a piece holds before its damage: an error takes with it all that its call unpacked."""
        out: list[bytes] = []
        try:
            frame, left = self._make(), self._fed
            self._packed.seek(self._start)
            while left and (piece := self._packed.read(min(left, _PIECE))):
                frame.decompress(piece)
                left -= len(piece)
            for at in range(len(data)):
                out.append(frame.decompress(data[at : at + 1]))
        except (*_DAMAGE, OSError):
            pass
        return b"".join(out)

    def close(self) -> None:
        """Close the file beneath."""
        self._packed.close()
        super().close()


def encoding(head: bytes) -> str | None:
    """Return how a JSON text that begins so is encoded if that is not UTF-8, else None."""
    if head[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "utf-32"
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    for name in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        if any(head.startswith(first.encode(name)) for first in "{["):
            return name
    return None


class Recoded(io.RawIOBase):
    """A text in another encoding, as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return about so many bytes; nothing is left if it is empty."""
        while True:
            data = self._stream.read(size)
            text = self._decoder.decode(data, final=not data)
            if text or not data:
                return text.encode("utf-8", "replace")

    def close(self) -> None:
        """Close the file beneath."""
        self._stream.close()
        super().close()
