"""Reading a log: its runs, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, cast

import msgspec
from msgspec import Struct

from duress.audit import containers
from duress.audit.containers import Container
from duress.audit.lines import Lines
from duress.audit.logs import Log, bare
from duress.audit.readers.calls import PROVIDERS
from duress.audit.readers.conversation import empty
from duress.audit.readers.reader import MALFORMED, Gathering, Lasting, Reader, identity, told
from duress.audit.records import Record, records
from duress.audit.run import Place, Run, Unread
from duress.audit.unpacked import Unpacked

LISTS = ("runs", "records", "data", "results", "samples", "trajectories", "conversations", "traces", "items")
"""Fields of a document that hold many runs."""
_TALK = {
    *("action", "actions", "chat", "completion", "content", "conversation"),
    *("dialog", "dialogue", "episode", "event", "events", "history"),
    *("input", "message", "messages", "observation", "output", "prompt"),
    *("prompts", "request", "response", "role", "run", "runs"),
    *("samples", "session", "spans", "step", "steps", "tool_calls"),
    *("trace", "traces", "traj", "trajectories", "trajectory", "transcript"),
    *("turn", "turns"),
}
"""Fields of which one is in every recorded run that anybody writes."""


class _Rest(Struct, array_like=True):
    """What a reading knows at its offset."""

    last: str
    """The reader of the last record."""
    unknown: Lines
    gatherings: dict[str, bytes]
    """What is still open, by reader."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Rest)


class Reading:
    """Reads one log from start to end, or on from where an earlier reading ended."""

    def __init__(self, log: Log, among: Sequence[Reader], forced: Reader | None = None) -> None:
        self.log = log
        self.reader = ""
        """The reader of most of it, once it was read; empty if none fits."""
        self.offset = 0
        """Behind the last whole line, if it can be read on from there; else 0."""
        self.behind = 0
        """The last whole line."""
        self.line = 0
        """The line that was read last."""
        self.rest = b""
        """What was still open at `offset`, for a later reading to go on with."""
        self.settled = True
        """Whether what was yielded last stays as it is, however the log grows."""
        self.records = 0
        self._among = [forced] if forced is not None else list(among)
        self._forced = forced
        self.unopened = False
        """Nothing could be read, for a reason that may pass without the log changing."""
        self._gatherings: dict[str, Gathering] = {}
        self._open: list[Gathering] = []
        self._last: Reader | None = None
        self._resumes = True
        self._unknown = Lines()
        """Lines that no reader knows, while none has known any."""
        self._alike = False
        """One of those looks like a run, or is damaged."""

    def runs(self, offset: int = 0, line: int = 0, rest: bytes = b"") -> Iterator[Run | Unread]:
        """Yield what the log holds, in its order; never raises for what the log holds.

        `offset`, `line` (`behind` of then) and `rest` are where an earlier reading of the same log ended.
        What is still open at the end is yielded last, as far as it is there; from then on nothing is
        `settled`.
        """
        self.offset, self.line, self.behind = offset, line, line
        try:
            stream, plain = self.log.open()
            self._resumes = plain
            with stream:
                container = containers.find(stream) if plain and not offset else None
                if container is None:
                    self._go_on(rest)
                    yield from map(_spoken, self._read(stream, offset, line))
                    if damage := _damage(stream):
                        yield self._cut_off(damage)
                else:
                    yield from map(_spoken, self._contained(container, stream))
        except Exception as error:
            # What fetches a file has errors of its own (object stores).
            self.unopened = self.line == 0
            yield from map(_spoken, self._close())
            yield self._cut_off(_told(error))
        if self._unknown:
            yield self._none_fits()

    def _cut_off(self, told: str) -> Unread:
        self._resumes = False
        self.offset = 0
        how = "can be read no further" if self.line else "cannot be read"
        return Unread(Place(self.log.path, self.line + 1), f"the file {how}: {told}", whole=self.line == 0)

    def _read(self, stream: IO[bytes], offset: int, line: int) -> Iterator[Run | Unread]:
        for record in records(stream, offset=offset, line=line):
            if record.fault is not None and not record.end and _damage(stream):
                # What the damage has torn is told with it.
                continue
            self.records += 1
            self.line = record.line
            if not record.end:
                # It may be the beginning of a longer one: a later reading meets it again.
                self._settle()
            elif self._resumes:
                self.offset, self.behind = record.end, record.line
            yield from self._take(record)
        self._settle()
        yield from self._close()
        if not self._resumes:
            self.offset = 0

    def _close(self) -> Iterator[Run | Unread]:
        """Yield what is still open, once."""
        while self._open:
            yield from self._open.pop(0).close()

    def _settle(self) -> None:
        """Keep what is open, unless that was done."""
        if self.settled and self._resumes and self.offset:
            gatherings = {
                name: gathering.rest() if isinstance(gathering, Lasting) else b""
                for name, gathering in self._gatherings.items()
            }
            last = "" if self._last is None else self._last.name
            self.rest = _encoder.encode(_Rest(last, self._unknown, gatherings))
        self.settled = False

    def _go_on(self, rest: bytes) -> None:
        if not rest:
            return
        found = _decoder.decode(rest)
        by_name = {reader.name: reader for reader in self._among}
        self._last, self._unknown = by_name.get(found.last), found.unknown
        for name, held in found.gatherings.items():
            gathering = self._gathering(by_name[name])
            if isinstance(gathering, Lasting):
                gathering.go_on(held)

    def _contained(self, container: Container, stream: IO[bytes]) -> Iterator[Run | Unread]:
        self.offset = 0
        if self._forced is not None and self._forced.name != container.name:
            yield Unread(
                Place(self.log.path, 1),
                f"expected what the reader {self._forced.name} reads, found a file of {container.name}",
                whole=True,
            )
            return
        self.reader = container.name
        for run in container.read(stream, self.log.path):
            self.records += 1
            self.line = run.place.line
            yield run

    def _take(self, record: Record) -> Iterable[Run | Unread]:
        place = Place(self.log.path, record.line)
        if record.fault is not None:
            self._alike = True
            return (Unread(place, record.fault),)
        return self._one(record.value, place)

    def _one(self, value: Any, place: Place) -> Iterator[Run | Unread]:
        try:
            yield from self._known_or_not(value, place)
        except MALFORMED as error:
            # What a reader did not foresee takes this record only.
            name = "no format yet" if self._last is None else self._last.name
            yield Unread(place, told(name, error), identity(value))

    def _known_or_not(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        reader = self._fitting(value)
        if reader is None:
            inner = _inside(value)
            if inner is not None and any(self._fitting(item) for item in inner[:5]):
                return self._many(inner)
            return self._stranger(value, place)
        self._last = reader
        self._resumes = self._resumes and reader.resumes
        known = self._gathering(reader).add(value, place)
        if self._unknown:
            earlier, self._unknown = self._unknown, Lines()
            return chain((self._unfit(Place(self.log.path, line)) for line in earlier), known)
        return known

    def _gathering(self, reader: Reader) -> Gathering:
        gathering = self._gatherings.get(reader.name)
        if gathering is None:
            gathering = self._gatherings[reader.name] = reader.gather(self.log.path)
            self._open.append(gathering)
            self.reader = self.reader or reader.name
        return gathering

    def _many(self, items: list[Any]) -> Iterator[Run | Unread]:
        self._resumes = False
        for number, item in enumerate(items, start=1):
            yield from self._one(item, Place(self.log.path, number))

    def _fitting(self, value: Any) -> Reader | None:
        # Most files hold one format; the general ones take what a more particular one should have.
        last = self._last
        if last is not None and last not in PROVIDERS and last.accepts(value):
            return last
        return next((reader for reader in self._among if reader.accepts(value)), None)

    def _stranger(self, value: Any, place: Place) -> Iterable[Unread]:
        if (field := empty(value)) is not None:
            return (Unread(place, _empty(field), identity(value)),)
        if self._gatherings:
            return (self._unfit(place, identity(value)),)
        self._unknown.add(place.line)
        self._alike = self._alike or _talks(value)
        return ()

    def _unfit(self, place: Place, name: str = "") -> Unread:
        return Unread(place, f"expected a record that {self._known()} reads, found another", name)

    def _none_fits(self) -> Unread:
        count = len(self._unknown)
        return Unread(
            Place(self.log.path, next(iter(self._unknown))),
            f"none of its {count} records is one that {self._known()} reads; a mapping file can tell what "
            "its fields mean (--mapping FILE, docs/audit.md)",
            whole=True,
            strange=not (self._alike or self.log.named) and bare(self.log.path).lower().endswith(".json"),
        )

    def _known(self) -> str:
        if self._forced is not None:
            return f"the reader {self._forced.name}"
        return "any reader"


def _talks(value: Any, depth: int = 3) -> bool:
    """Return whether something in a record is named as what was said and done is."""
    if isinstance(value, list):
        return any(_talks(item, depth) for item in cast("list[Any]", value)[:5])
    if not isinstance(value, dict) or not depth:
        return False
    record = cast("dict[str, Any]", value)
    return any(key.lower() in _TALK or _talks(inner, depth - 1) for key, inner in record.items())


def _damage(stream: IO[bytes]) -> str:
    return stream.damage if isinstance(stream, Unpacked) else ""


def _told(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


def _spoken(run: Run | Unread) -> Run | Unread:
    """Return a run; one in which nobody says anything was not read."""
    if isinstance(run, Unread) or run.trajectory.messages:
        return run
    return Unread(run.place, _empty("the record"), run.id)


def _empty(field: str) -> str:
    return f"expected a conversation, found an empty one: {field} holds no message"


def _inside(value: Any) -> list[Any] | None:
    """Return the records of a document that holds many of them in one of its fields."""
    if not isinstance(value, dict):
        return None
    record = cast("dict[str, Any]", value)
    for key in LISTS:
        found: Any = record.get(key)
        if isinstance(found, list) and found and isinstance(found[0], dict | list):
            return cast("list[Any]", found)
    return None
