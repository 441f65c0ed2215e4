"""Records of a log: JSON lines, one JSON document, or a JSON array, without holding the file in memory."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import IO, Any, cast

import msgspec
import orjson
from msgspec import Struct

from duress.audit.parts import parts

LONGEST = 64 << 20
"""Bytes of the longest line or record that is read."""
WHOLE = 16 << 20
"""Bytes of the largest document of many records that is read whole: its objects take many times as much."""
LONG = 4 << 20
"""Bytes of the longest record that is read whole if it can come in parts."""
_PEEK = 1 << 20
_skipped = msgspec.json.Decoder(msgspec.Raw)
_BLOCK = 1 << 18
"""Bytes of a file of lines that are read at once: for larger blocks, memory is fetched anew each time."""
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},:]', re.DOTALL)
"""A string, also one that is not complete yet, or what gives a document its structure."""
SPLIT = ("resourceSpans", "resource_spans", "samples", "runs", "records", "results", "data", "trajectories")
"""Arrays of a document whose elements are records of their own."""
_ARRAYS = re.compile(rb'"(?:%s)"\s*:\s*\[' % "|".join(SPLIT).encode())


class Record(Struct, frozen=True):
    """One record, or why there is none."""

    line: int
    """Line of a file of lines, else number of the record; from 1."""
    value: Any = None
    fault: str | None = None
    end: int = 0
    """Offset behind its line; 0 in files that are not made of lines."""


def records(stream: IO[bytes], *, offset: int = 0, line: int = 0) -> Iterator[Record]:
    """Yield the records of a log.

    `offset` and `line` say where an earlier reading of the same file of lines ended. A last line without
    its newline is a record if it is whole, else it is yielded with a fault and `end` 0: it may be
    completed later.
    """
    if offset:
        stream.seek(offset)
        yield from _lines(stream, offset, line)
        return
    start = _start(stream)
    if not start or start.isspace():
        return
    if _is_lines(start):
        yield from _lines(_Joined(start, stream), 0, 0)
    else:
        yield from _document(_Joined(start, stream))


def decode(text: bytes | bytearray) -> Any:
    """Return the value of a JSON text; raises `ValueError` with what is wrong with it.

    NaN and lone surrogates, which Python and JavaScript write though JSON has none, are read.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        told = str(error)
        if b"NaN" not in text and b"Infinity" not in text and b"\\u" not in text and told.find("UTF-8") < 0:
            raise ValueError(told) from error
    try:
        return _whole(json.loads(text.decode("utf-8-sig", "replace")))
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _called(value: Any, text: bytes | bytearray) -> Any:
    """Return a record, or many of them, with ids as they are written where those are no integers of 64 bits.

    Long numbers would lose digits, and records their names.
    """
    if not any(isinstance(record.get("id"), float) for record in _among(value)):
        return value
    written = json.loads(
        text.decode("utf-8-sig", "replace"), parse_int=str, parse_float=str, parse_constant=str
    )
    for record, as_written in zip(_among(value), _among(written), strict=True):
        if isinstance(record.get("id"), float):
            record["id"] = as_written["id"]
    return value


def _among(value: Any) -> Iterator[dict[str, Any]]:
    """Yield what may be a record: a value itself, what it holds if it is a list, and what its arrays hold."""
    for item in cast("list[Any]", value) if isinstance(value, list) else (value,):
        if not isinstance(item, dict):
            continue
        record = cast("dict[str, Any]", item)
        yield record
        if item is value:
            held = [record[key] for key in SPLIT if isinstance(record.get(key), list)]
            yield from (inner for inners in held for inner in inners if isinstance(inner, dict))


def _whole(value: Any) -> Any:
    """Replace what no UTF-8 text can hold."""
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def _start(stream: IO[bytes]) -> bytes:
    """Return the beginning: two whole lines if they are not too long."""
    start = stream.read(_PEEK)
    while b"\n" not in start.lstrip() and len(start) < LONGEST:
        more = stream.read(_PEEK)
        if not more:
            break
        start += more
    return start.removeprefix(b"\xef\xbb\xbf") if start.startswith(b"\xef\xbb\xbf") else start


def _is_lines(start: bytes) -> bool:
    head = start.lstrip()
    newline = head.find(b"\n")
    if newline < 0:
        # One line: a document of one record reads the same, an array has its records inside.
        return not head.startswith(b"[") and len(head) < LONGEST
    first = head[:newline]
    if not _is_json(first):
        # The first line may be damaged, or the first of a document that is laid out over many.
        following = head[newline + 1 :].split(b"\n", 1)[0].rstrip()
        return following[:1] in (b"{", b"[") and following[-1:] in (b"}", b"]") and len(following) > 2
    return not (first.startswith(b"[") and not head[newline:].strip())


def _is_json(text: bytes) -> bool:
    try:
        # Objects would be made for nothing, and take many times as much as the text.
        _skipped.decode(text)
        return True
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        decode(text)
        return True
    except ValueError:
        return False


class _Joined:
    """The beginning that was read already, and the rest."""

    def __init__(self, start: bytes, stream: IO[bytes]) -> None:
        self._start, self._stream = start, stream

    def read(self, size: int) -> bytes:
        if self._start:
            start, self._start = self._start, b""
            return start
        return self._stream.read(size)


def _lines(stream: IO[bytes] | _Joined, offset: int, line: int) -> Iterator[Record]:
    held: list[bytes] = []
    """Pieces of a line that is not complete yet."""
    dropped = 0
    """Bytes of a line that is too long, so far."""
    while block := stream.read(_BLOCK):
        *whole, rest = block.split(b"\n")
        if whole:
            whole[0] = b"".join((*held, whole[0]))
            held = [rest]
        else:
            held.append(rest)
        for text in whole:
            line += 1
            offset += len(text) + 1 + dropped
            if dropped:
                yield Record(line, fault=_too_long(), end=offset)
                dropped = 0
            elif text and not text.isspace():
                yield from _read(line, text, offset)
        if (size := sum(map(len, held))) > LONGEST:
            dropped += size
            held = []
    last = b"".join(held)
    if dropped:
        yield Record(line + 1, fault=_too_long(), end=0)
    elif last and not last.isspace():
        # More may be written to it: it is not behind us.
        yield from (
            Record(line + 1, fault=f"the last line is not complete: {record.fault}")
            if record.fault
            else record
            for record in _read(line + 1, last, 0)
        )


def _too_long() -> str:
    return f"expected a line of at most {LONGEST >> 20} MB, found a longer one; split the log into records"


def _read(line: int, text: bytes, end: int) -> Iterator[Record]:
    """Yield the record of a line; a long one may come in parts."""
    try:
        if len(text) <= LONG:
            yield Record(line, _called(decode(text), text), end=end)
            return
        for value in parts(text, decode):
            yield Record(line, value, end=end)
    except ValueError as error:
        yield Record(line, fault=f"expected a line of JSON: {error}", end=end)


def _document(stream: _Joined) -> Iterator[Record]:
    held = bytearray()
    most = WHOLE
    while len(held) <= most:
        block = stream.read(_PEEK)
        if not block:
            break
        held += block
        if len(held) > WHOLE and most == WHOLE and not _splits(bytes(held)):
            # One conversation, or a document that is laid out in another way: it has no parts to take apart.
            most = LONGEST
    else:
        yield from _elements(_Joined(bytes(held), cast("IO[bytes]", stream)))
        return
    try:
        value = _called(decode(held), held)
    except ValueError as error:
        # What is whole beside the damage is read all the same.
        fault: str | None = None
        last = 0
        for record in _elements(_Joined(bytes(held), io.BytesIO())):
            fault, last = record.fault or fault, record.line
            yield record
        if fault is None:
            yield Record(last + 1, fault=f"expected a JSON document: {error}")
        return
    if isinstance(value, list) and not _is_talk(cast("list[Any]", value)):
        for number, item in enumerate(cast("list[Any]", value), start=1):
            yield Record(number, item)
    else:
        yield Record(1, value)


def _splits(start: bytes) -> bool:
    """Return whether the beginning of a document shows records that can be read one by one."""
    if not start.lstrip().startswith(b"["):
        return _ARRAYS.search(start) is not None
    first = next(_elements(_Joined(start, io.BytesIO())), None)
    return first is None or not _is_talk([first.value])


def _is_talk(value: list[Any]) -> bool:
    """An array of messages is one record, not many."""
    return bool(value) and isinstance(value[0], dict) and "role" in value[0] and "content" in value[0]


def _elements(stream: _Joined) -> Iterator[Record]:
    """Yield the elements of a long array, or of the arrays of a long object, as they come by."""
    splitter = _Splitter()
    number = 0
    while block := stream.read(_PEEK):
        for value in splitter.feed(block):
            number += 1
            try:
                for part in splitter.wrap(*value):
                    yield Record(number, part)
            except ValueError as error:
                yield Record(number, fault=f"expected a record of JSON: {error}")
        if splitter.held > LONGEST:
            yield Record(number + 1, fault=_too_long())
            return
    if not splitter.closed:
        yield Record(number + 1, fault="the document is not complete")


class _Splitter:
    """Finds the elements of the outer array, or of the known arrays of the outer object."""

    def __init__(self) -> None:
        self._buffer = b""
        self._scanned = 0
        self._depth = 0
        self._start: int = 0
        self._array = False
        self._key = ""
        self._split: str | None = None
        self._text = ""
        self._head: dict[str, Any] = {}
        self.closed = False

    @property
    def held(self) -> int:
        """Bytes of the element that is not complete yet."""
        return len(self._buffer)

    def wrap(self, key: str | None, text: bytes) -> Iterator[Any]:
        """Yield an element as a record: as it is, or as the only one of its array in the object's head.

        A long one may come in parts.
        """
        for value in parts(text, decode) if len(text) > LONG else (_called(decode(text), text),):
            yield value if key is None else {**self._head, key: [value]}

    def feed(self, block: bytes) -> Iterator[tuple[str | None, bytes]]:
        """Yield (key of the array or None, element) for what has become complete."""
        buffer = self._buffer = self._buffer + block
        scanned = len(buffer)
        for token in _TOKENS.finditer(buffer, self._scanned):
            byte = buffer[token.start()]
            if byte == 0x22:
                text = token.group()
                if len(text) < 2 or not _closed(text):
                    # The block cuts it in two: it is read again when the rest is there.
                    scanned = token.start()
                    break
                if self._depth == 1 and not self._array:
                    self._text = text.decode(errors="replace")[1:-1]
                continue
            if byte in (0x7B, 0x5B):
                self._depth += 1
                if self._depth == 1:
                    self._array = byte == 0x5B
                    self._start = token.end()
                elif self._depth == 2 and byte == 0x5B and not self._array and self._key in SPLIT:
                    self._split = self._key
                    self._start = token.end()
            elif byte in (0x7D, 0x5D):
                yield from self._end(buffer, token.start(), closing=True)
                self._depth -= 1
                if self._depth == 0:
                    self.closed = True
            elif byte == 0x3A:
                if self._depth == 1 and not self._array:
                    self._key = self._text
                    self._start = token.end()
            else:
                yield from self._end(buffer, token.start(), closing=False)
        cut = min(self._start, scanned)
        self._buffer, self._scanned, self._start = buffer[cut:], scanned - cut, self._start - cut

    def _end(self, buffer: bytes, end: int, *, closing: bool) -> Iterator[tuple[str | None, bytes]]:
        inside = 2 if self._split is not None else 1
        if self._depth != inside:
            return
        text = buffer[self._start : end].strip()
        self._start = end + 1
        if self._array or self._split is not None:
            if text:
                yield self._split, text
            if closing:
                self._split = None
        elif text and self._key and len(text) <= _PEEK:
            try:
                self._head[self._key] = decode(text)
            except ValueError:
                return


def _closed(text: bytes) -> bool:
    """Return whether a string that was matched to the end of a block ends there."""
    if not text.endswith(b'"'):
        return False
    bare = text[1:-1]
    return (len(bare) - len(bare.rstrip(b"\\"))) % 2 == 0
