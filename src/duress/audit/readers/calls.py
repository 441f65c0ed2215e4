"""Logs of calls to a model, a request and its reply a record, as gateways and proxies write them.

A session of twenty turns is twenty such records, each with all that was said before. They become one run.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from duress.audit.readers import anthropic, gemini, openai_chat, openai_responses
from duress.audit.readers.conversation import exchange
from duress.audit.readers.reader import MALFORMED, Lasting, OneEach, identity, told
from duress.audit.readers.stitch import extends
from duress.audit.run import Place, Run, Unread

NAME = "calls"
PROVIDERS = (gemini.READER, anthropic.READER, openai_responses.READER, openai_chat.READER)
"""What reads a request and a reply; each reads a record of its own kind in other logs too."""
_OPEN = 512
"""So many sessions are held at once; the one that was quiet for longest is over."""
HELD = 64 << 20
"""Bytes that are held at once, packed."""
_EACH = 256
"""Bytes that a session takes besides its own."""


def _provider(value: Any) -> OneEach | None:
    return next((reader for reader in PROVIDERS if reader.accepts(value)), None)


class _Session(Struct, array_like=True):
    """A session that may go on: its run so far."""

    line: int
    packed: bytes

    @property
    def run(self) -> Run:
        return _run.decode(self.packed)

    @property
    def size(self) -> int:
        return len(self.packed) + _EACH


class _Rest(Struct, array_like=True):
    open: dict[bytes, _Session]
    replies: dict[str, bytes]


_encoder = msgspec.msgpack.Encoder()
_run = msgspec.msgpack.Decoder(Run)
_rest = msgspec.msgpack.Decoder(_Rest)


class _Calls:
    """Holds back each session until it is over."""

    def __init__(self) -> None:
        self._open: OrderedDict[bytes, _Session] = OrderedDict()
        """By what they begin with; the one that was quiet for longest first."""
        self._size = 0
        self._replies: OrderedDict[str, bytes] = OrderedDict()
        """Sessions by the id of their last reply: the Responses API continues by naming it."""

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one call."""
        reader = _provider(value)
        if reader is None:
            yield Unread(place, "expected a request with messages and its reply, found another record")
            return
        for run in reader.add(value, place):
            if isinstance(run, Unread) or identity(value):
                # A record with an id of its own is a run of its own.
                yield run
                continue
            try:
                session = _Session(place.line, _encoder.encode(run))
                _run.decode(session.packed)
            except MALFORMED as error:
                yield Unread(place, told(NAME, error))
                continue
            yield from self._hold(run, session, value)

    def _hold(self, run: Run, session: _Session, value: Any) -> Iterator[Run]:
        request, reply = exchange(value) or ({}, {})
        before = self._replies.pop(str(request.get("previous_response_id")), None)
        key = before or _beginning(run)
        earlier = self._pop(key)
        if earlier is not None:
            known = earlier.run
            if before is not None:
                whole = _with(run, (*known.trajectory.messages, *run.trajectory.messages))
                session = _Session(session.line, _encoder.encode(whole))
            elif not extends(known.trajectory.messages, run.trajectory.messages):
                yield known
        self._open[key] = session
        self._size += session.size
        if isinstance(reply.get("id"), str):
            self._replies[reply["id"]] = key
        while len(self._open) > _OPEN or self._size > HELD:
            quiet = self._pop(next(iter(self._open)))
            if quiet is not None:
                yield quiet.run
        if len(self._replies) > 2 * _OPEN:
            self._replies.popitem(last=False)

    def _pop(self, key: bytes) -> _Session | None:
        session = self._open.pop(key, None)
        if session is not None:
            self._size -= session.size
        return session

    def close(self) -> Iterable[Run | Unread]:
        """Return the sessions that were still open."""
        for session in sorted(self._open.values(), key=lambda session: session.line):
            yield session.run

    def rest(self) -> bytes:
        """Return what is still open."""
        packer = zstandard.ZstdCompressor()
        # One by one: little is copied at once.
        held = {key: _Session(one.line, packer.compress(one.packed)) for key, one in self._open.items()}
        return _encoder.encode(_Rest(held, self._replies))

    def go_on(self, rest: bytes) -> None:
        """Take up what was open."""
        found = _rest.decode(rest)
        unpacker = zstandard.ZstdDecompressor()
        for key, one in found.open.items():
            session = self._open[key] = _Session(one.line, unpacker.decompress(one.packed))
            self._size += session.size
        self._replies = OrderedDict(found.replies)


def _with(run: Run, said: tuple[Any, ...]) -> Run:
    return replace(run, trajectory=replace(run.trajectory, messages=said))


def _beginning(run: Run) -> bytes:
    """Return what the calls of a session have in common."""
    said = [(message.role, message.text) for message in run.trajectory.messages[:2]]
    return hashlib.sha256(_encoder.encode((said, run.model, run.session))).digest()


class _Reader:
    name = NAME
    resumes = True

    def accepts(self, value: Any) -> bool:
        """Return whether a record holds a request and its reply."""
        if not isinstance(value, dict):
            return False
        record = cast("dict[str, Any]", value)
        return exchange(record) is not None and _provider(record) is not None

    def gather(self, path: str) -> Lasting:
        """Return what takes the calls of one log."""
        return _Calls()


READER = _Reader()
