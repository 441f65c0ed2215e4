"""One log in, rows out: each run read, assessed, and packed if somebody will want to look at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from duress.audit.assess import ENGINE, assess
from duress.audit.errors import AuditError
from duress.audit.finding import Finding, Kind, Severity
from duress.audit.identity import anonymous, own
from duress.audit.logs import Log
from duress.audit.readers import named, readers
from duress.audit.readers.reader import Reader
from duress.audit.reading import Reading
from duress.audit.run import Run, Unread, blind
from duress.audit.sketch import sketch
from duress.audit.track import Track
from duress.trajectory import Trajectory, codec

FORMAT = "4"
"""Changes whenever the same file may be read otherwise."""
_LEVEL = 3
_encoder = msgspec.msgpack.Encoder()


class Settings(Struct, frozen=True):
    """What an audit reads with; the same on every machine that takes part."""

    mappings: tuple[str, ...] = ()
    reader: str | None = None
    keep: float = 0.15
    """Conversations are kept of runs with findings from this score on; others are read again when needed."""

    @property
    def engine(self) -> str:
        """What rows depend on besides the log."""
        texts = [Path(path).read_text(encoding="utf-8") for path in self.mappings]
        return "\n".join([FORMAT, ENGINE, self.reader or "", *texts])


class Row(Struct, frozen=True):
    """What is kept of one run, or of one that could not be read."""

    run: str
    line: int
    read: bool
    score: float | None
    """0 to 1; None where it could not be read."""
    findings: tuple[Finding, ...]
    agent: str | None = None
    model: str | None = None
    version: str | None = None
    session: str | None = None
    at: float | None = None
    steps: int = 0
    packed: bytes | None = None
    """The conversation, compressed, where there are findings; `unpack` reads it."""
    sketch: bytes | None = None
    """What it is compared with other runs by."""
    own: str = ""
    """What tells it from others of its log and name; see `identity`."""
    anonymous: bool = False
    """The log has no id for it."""


class State(Struct, frozen=True):
    """How far a log was read."""

    path: str
    reader: str
    """What read most of it; empty if nothing could."""
    offset: int
    """Behind the last whole line, if it can be read on from there; else 0."""
    line: int
    records: int
    rest: bytes = b""
    """What was still open there, for `scan` to go on with."""
    open: int = 0
    """So many of the last rows may change when the log grows."""
    unopened: bool = False
    """Nothing could be read: it is tried again though the log is the same."""


def scan(
    log: Log, settings: Settings, *, offset: int = 0, line: int = 0, rest: bytes = b""
) -> Iterator[Row | State]:
    """Yield a row per run of a log, then how far it was read; never raises for what the log holds.

    `offset`, `line` and `rest` are those of the state that an earlier scan of the same log ended with.
    """
    among, forced = _readers(settings.mappings, settings.reader)
    reading = Reading(log, among, forced)
    open = 0
    for run in reading.runs(offset, line, rest):
        open += not reading.settled
        yield _unread(run) if isinstance(run, Unread) else _row(run, settings)
    left = reading.rest if reading.offset else b""
    yield State(
        log.path,
        reading.reader,
        reading.offset,
        reading.behind,
        reading.records,
        left,
        open,
        reading.unopened,
    )


@cache
def _readers(mappings: tuple[str, ...], reader: str | None) -> tuple[Sequence[Reader], Reader | None]:
    among = readers([Path(path) for path in mappings])
    names = [reader.name for reader in among]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise AuditError(f"--mapping: expected a name of its own for each mapping, found {twice!r} twice")
    return among, None if reader is None else named(reader, among)


def check(settings: Settings) -> None:
    """Raise `AuditError` if the settings name what is not there."""
    _readers(settings.mappings, settings.reader)


def _row(run: Run, settings: Settings) -> Row:
    seen = blind(run)
    track = Track(seen.trajectory.messages)
    found = assess(seen, track=track)
    findings = tuple(replace(finding, run=run.id) for finding in found.findings)
    keeps = bool(findings) and found.score >= settings.keep
    return Row(
        run.id,
        run.place.line,
        read=True,
        score=min(1.0, max(0.0, found.score)),
        findings=findings,
        agent=run.agent,
        model=run.model,
        version=run.version,
        session=run.session,
        at=run.at,
        steps=len(run.trajectory.messages),
        packed=pack(run.trajectory) if keeps else None,
        # Its name only draws lots between runs that are equally unusual.
        sketch=_encoder.encode(sketch(replace(seen, id=run.id), track)),
        own=own(run),
        anonymous=anonymous(run),
    )


def _unread(found: Unread) -> Row:
    finding = Finding(
        found.run,
        Kind.UNREADABLE,
        Severity.MEDIUM if found.whole else Severity.LOW,
        0.0,
        1.0,
        (),
        (),
        f"{found.place}: {found.why}",
        "The run happened, and what it holds is not known.",
        "The log is repaired or a reader is named, and the run is read.",
    )
    return Row(
        found.run,
        found.place.line,
        read=False,
        score=None,
        # What is no log is nothing to look at.
        findings=() if found.strange else (finding,),
        own=own(found),
        anonymous=anonymous(found),
    )


def reread(log: Log, settings: Settings, wanted: Iterable[tuple[int, str]]) -> Iterator[Run]:
    """Yield runs of a log anew, by their line and name; those that are not there any more are left out."""
    among, forced = _readers(settings.mappings, settings.reader)
    left = set(wanted)
    for run in Reading(log, among, forced).runs():
        if isinstance(run, Run) and (run.place.line, run.id) in left:
            yield run
            left.discard((run.place.line, run.id))
            if not left:
                return


def pack(trajectory: Trajectory) -> bytes:
    """Return a trajectory, compressed."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(codec.dumps(trajectory))


def unpack(packed: bytes) -> Trajectory:
    """Return what `pack` packed."""
    return codec.loads(zstandard.ZstdDecompressor().decompress(packed))
