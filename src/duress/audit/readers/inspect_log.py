"""Inspect logs: `.eval` archives and `.json` files, read without Inspect."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from duress.audit.errors import UnreadableError
from duress.audit.readers.inspect_helpers import helpers, speaks
from duress.audit.readers.message import messages
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import ended
from duress.audit.readers.reader import MALFORMED, Gathering, told
from duress.audit.records import LONGEST, decode
from duress.audit.run import Place, Run, Unread
from duress.trajectory import End, EndReason, Trajectory

NAME = "inspect"
_ZSTD = 93
_ATTACHMENT = "attachment://"
_LIMITS = {
    "message": EndReason.TURN_LIMIT,
    "turn": EndReason.TURN_LIMIT,
    "time": EndReason.TIME_LIMIT,
    "working": EndReason.TIME_LIMIT,
    "token": EndReason.TOKEN_LIMIT,
    "cost": EndReason.COST_LIMIT,
}


class _Config(Struct):
    epochs: int | None = None


class _Eval(Struct):
    task: str = ""
    task_version: int | str = 0
    model: str | None = None
    created: str | None = None
    eval_id: str | None = None
    config: _Config = msgspec.field(default_factory=_Config)


class _Header(Struct):
    """What is read of a header: scores, results and arguments have no field to go to."""

    eval: _Eval = msgspec.field(default_factory=_Eval)
    status: str | None = None


class _Sample(Struct):
    """What is read of a sample: target, scores, metadata and store have no field to go to."""

    id: int | str
    epoch: int = 1
    messages: list[Any] = msgspec.field(default_factory=list[Any])
    attachments: dict[str, str] = {}
    events: msgspec.Raw = msgspec.Raw(b"[]")
    """Left as they are: they are needed where a sample holds no messages of its own."""
    events_data: msgspec.Raw = msgspec.Raw(b"null")
    started_at: str | None = None
    error: Any = None
    limit: Any = None


class _Model(Struct):
    """A call to a model among the events."""

    event: str = ""
    input: list[Any] = msgspec.field(default_factory=list[Any])
    input_refs: list[tuple[int, int]] | None = None
    output: Any = None


class _Pool(Struct):
    messages: list[Any] = msgspec.field(default_factory=list[Any])


_header = msgspec.json.Decoder(_Header)
_sample = msgspec.json.Decoder(_Sample)
_events = msgspec.json.Decoder(list[_Model])
_pool = msgspec.json.Decoder(_Pool | None)


def archive(stream: IO[bytes], path: str) -> Iterator[Run | Unread]:
    """Yield the samples of an `.eval` archive in the order in which they were written.

    Raises:
        zipfile.BadZipFile: it is no archive, or it was cut off.
    """
    with zipfile.ZipFile(stream) as held:
        members = held.infolist()
        by_name = {member.filename: member for member in members}
        first = by_name.get("header.json") or by_name.get("_journal/start.json")
        if first is None:
            yield Unread(Place(path, 1), "expected an Inspect log, found another archive", whole=True)
            return
        # Making a decompressor takes twice as long as what it does to a sample.
        zstd = zstandard.ZstdDecompressor()
        header = _header.decode(_unpacked(stream, first, zstd))
        number = 0
        for member in members:
            if not (member.filename.startswith("samples/") and member.filename.endswith(".json")):
                continue
            number += 1
            place = Place(path, number)
            if member.file_size > LONGEST:
                yield Unread(place, f"{member.filename}: a sample of more than {LONGEST >> 20} MB")
                continue
            try:
                yield from _runs(_decoded(_unpacked(stream, member, zstd)), header.eval, place)
            except (*MALFORMED, zlib.error, zstandard.ZstdError) as error:
                yield Unread(place, f"{member.filename}: {told(NAME, error)}", member.filename[8:-5])
        if not number:
            yield Unread(Place(path, 1), _none(header.status), whole=True)


def _none(status: str | None) -> str:
    return f"expected samples, found none in this log (its status: {status or 'none'})"


def _unpacked(stream: IO[bytes], member: zipfile.ZipInfo, zstd: zstandard.ZstdDecompressor) -> bytes:
    # Before Python 3.14 `zipfile` knows no zstd, which Inspect packs with.
    stream.seek(member.header_offset)
    local = stream.read(30)
    if len(local) < 30 or local[:4] != b"PK\x03\x04":
        raise UnreadableError("the archive is damaged")
    name, extra = struct.unpack("<HH", local[26:30])
    stream.seek(name + extra, 1)
    packed = stream.read(member.compress_size)
    if member.compress_type == _ZSTD:
        return b"".join(zstd.read_to_iter(packed, read_size=len(packed) + 1))
    if member.compress_type == zipfile.ZIP_DEFLATED:
        return zlib.decompress(packed, -15)
    if member.compress_type == zipfile.ZIP_STORED:
        return packed
    raise UnreadableError(f"packed by method {member.compress_type}, which is not known here")


def _decoded(text: bytes) -> _Sample:
    try:
        return _sample.decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # NaN and the like, which Python writes though JSON has none.
        return _converted(decode(text))


def _converted(value: Any) -> _Sample:
    return _sample.decode(msgspec.json.encode(value))


def _runs(sample: _Sample, log: _Eval, place: Place) -> Iterator[Run]:
    """Yield the run of a sample, then those of the helpers that its agent called."""
    run = _run(sample, log, place)
    yield run
    if not speaks(sample.events):
        return

    def pool() -> list[Any]:
        held = _pool.decode(sample.events_data)
        return held.messages if held else []

    def resolved(value: Any) -> Any:
        return _resolved(value, sample.attachments)

    for helper in helpers(sample.events, sample.messages, pool, resolved):
        name = f"{run.id}/{helper.name}"
        yield replace(
            run,
            id=name,
            trajectory=Trajectory(name, helper.said, ended(helper.said)),
            agent=f"{log.task}/{helper.name}" if log.task else helper.name,
        )


def _run(sample: _Sample, log: _Eval, place: Place) -> Run:
    said = sample.messages
    if not any(
        isinstance(item, dict) and cast("dict[str, Any]", item).get("role") == "assistant" for item in said
    ):
        said = _from_events(sample) or said
    if sample.attachments:
        said = _resolved(said, sample.attachments)
    name = str(sample.id) if (log.config.epochs or 1) == 1 else f"{sample.id}/{sample.epoch}"
    return Run(
        name,
        Trajectory(name, messages(said), _end(sample)),
        place,
        NAME,
        log.task or None,
        log.model,
        str(log.task_version) if log.task_version else None,
        log.eval_id,
        moment(sample.started_at) or moment(log.created),
    )


def _from_events(sample: _Sample) -> list[Any]:
    """Return what the last call to a model was shown, and its reply; a long history lies in a pool."""
    last = next((event for event in reversed(_events.decode(sample.events)) if event.event == "model"), None)
    if last is None:
        return []
    pool = _pool.decode(sample.events_data)
    held: list[Any] = pool.messages if pool else []
    given: list[Any] = [item for start, end in last.input_refs or () for item in held[start:end]]
    output: Any = last.output
    choices: Any = cast("dict[str, Any]", output).get("choices") if isinstance(output, dict) else None
    reply: list[Any] = [choices[0]["message"]] if choices else []
    return [*given, *last.input, *reply]


def _resolved(value: Any, attachments: dict[str, str]) -> Any:
    if isinstance(value, str):
        if not value.startswith(_ATTACHMENT):
            return value
        return attachments.get(value[len(_ATTACHMENT) :], value)
    if isinstance(value, list):
        return [_resolved(item, attachments) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        # Most fields are texts: to look at one is quicker than to call for it.
        return {
            key: item
            if isinstance(item, str) and not item.startswith(_ATTACHMENT)
            else _resolved(item, attachments)
            for key, item in cast("dict[str, Any]", value).items()
        }
    return value


def _end(sample: _Sample) -> End:
    if sample.error:
        error: Any = sample.error
        detail: Any = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
        return End(EndReason.FAILED, str(detail))
    limit: Any = sample.limit
    if isinstance(limit, dict):
        kind: Any = cast("dict[str, Any]", limit).get("type")
        return End(_LIMITS.get(kind, EndReason.TURN_LIMIT), None if kind is None else str(kind))
    return End(EndReason.COMPLETED)


class _Document:
    """The samples of a `.json` log."""

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Return the samples of a document, or the one of a piece of a long document."""
        header = msgspec.convert({"eval": value["eval"], "status": value.get("status")}, _Header)
        samples: list[Any] = value.get("samples") or []
        if not samples:
            yield Unread(place, _none(header.status), whole=True)
        for number, sample in enumerate(samples):
            where = Place(place.path, place.line + number)
            try:
                yield from _runs(_converted(sample), header.eval, where)
            except MALFORMED as error:
                yield Unread(where, told(NAME, error))

    def close(self) -> Iterable[Run | Unread]:
        """Return nothing: nothing is kept."""
        return ()


class _Json:
    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return whether a document is an Inspect log."""
        if not isinstance(value, dict):
            return False
        record = cast("dict[str, Any]", value)
        return isinstance(record.get("eval"), dict) and ("samples" in record or "plan" in record)

    def gather(self, path: str) -> Gathering:
        """Return what takes the samples of one log."""
        return _Document()


READER = _Json()
