"""The whole verification: entries, chain, tree, and checkpoints that were kept elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from duress.ledger.verifier.errors import VerifierError
from duress.ledger.verifier.kept import Kept
from duress.ledger.verifier.merkle import Piece, Stretch
from duress.ledger.verifier.note import Checkpoint, read_checkpoint
from duress.ledger.verifier.source import Source, open_source
from duress.ledger.verifier.timestamp import check_timestamp
from duress.ledger.verifier.trust import Trusted, distrust
from duress.ledger.verifier.walk import FIRST, MOST, Kind, Problem, Walked, walk

SEGMENT = 1 << 15
"""Entries that one process checks at a time."""


class Seen(NamedTuple):
    """What became of a checkpoint."""

    where: str
    size: int
    confirmed: bool
    """A trusted key signed it, and the ledger still begins with what it was signed for."""
    time: str | None = None
    """When it existed at the latest, as a time-stamping server says; in ISO 8601."""


@dataclass
class Finding:
    """What a verification found."""

    place: str
    origin: str
    size: int
    root: bytes | None = None
    """None: entries are missing, so that there is no tree."""
    stored: bool = False
    """Whether the stored tree was compared as well; an export has none."""
    redacted: int = 0
    checkpoints: list[Seen] = field(default_factory=list[Seen])
    problems: list[Problem] = field(default_factory=list[Problem])
    more: int = 0
    """So many problems more than are listed."""

    @property
    def sound(self) -> bool:
        """Return whether nothing was found."""
        return not self.problems

    def add(self, kind: Kind, where: str, text: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(kind, where, text))


class _Pin(NamedTuple):
    """The root that the ledger must have at a size."""

    where: str
    size: int
    root: bytes
    seen: int | None
    """Its place among the checkpoints of the finding."""


def verify(
    place: str,
    *,
    checkpoints: Sequence[Kept] = (),
    keys: Sequence[Trusted] = (),
    authorities: Path | None = None,
    workers: int = 1,
) -> Finding:
    """Check a ledger, or an export of one, entry by entry and against checkpoints.

    Without checkpoints, a ledger that was cut short or rewritten as a whole cannot be told from a sound one.

    Args:
        place: a path or a PostgreSQL URL.
        checkpoints: signed notes that were kept elsewhere.
        keys: public keys that are believed; of those that ended, the state at their end is checked as well.
        authorities: PEM file of roots that are trusted to sign timestamps; every checkpoint needs one then.
        workers: processes. Memory stays flat: only a few thousand entries at a time are held by each.

    Raises:
        VerifierError: something cannot be read. What is wrong with the ledger is in the finding instead.
    """
    source = open_source(place)
    try:
        found = Finding(source.place, source.origin, source.size())
        pins = _pins(found, checkpoints, keys)
        if authorities is not None:
            _times(found, checkpoints, authorities)
        roots = _pass(found, source, {pin.size for pin in pins if pin.size <= found.size}, workers)
        for pin in pins:
            _compare(found, pin, roots)
    finally:
        source.close()
    return found


def _pins(found: Finding, kept: Sequence[Kept], keys: Sequence[Trusted]) -> list[_Pin]:
    pins: list[_Pin] = []
    signed: dict[int, Checkpoint] = {}
    for one in kept:
        note = read_checkpoint(one.note, one.where)
        found.checkpoints.append(Seen(one.where, note.size, False))
        if note.origin != found.origin:
            found.add(
                Kind.UNTRUSTED, one.where, f"it is of the ledger {note.origin}; this one is {found.origin}"
            )
        elif reason := distrust(note, keys):
            found.add(Kind.UNTRUSTED, one.where, reason)
        else:
            other = signed.setdefault(note.size, note)
            if other.root != note.root:
                text = f"of size {note.size} two different roots were signed: two histories exist"
                found.add(Kind.FORKED, one.where, text)
            pins.append(_Pin(one.where, note.size, note.root, len(found.checkpoints) - 1))
    for one in keys:
        if one.size is not None and one.root is not None and one.key.name == found.origin:
            where = f"{one.status} key {one.key.name}+{one.key.id.hex()}"
            pins.append(_Pin(where, one.size, one.root, None))
    return pins


def _times(found: Finding, kept: Sequence[Kept], authorities: Path) -> None:
    for number, one in enumerate(kept):
        told = "it has no timestamp beside it"
        if one.stamp is not None:
            told = check_timestamp(one.stamp, one.note, authorities)
        if isinstance(told, str):
            found.add(Kind.TIMESTAMP, one.where, told)
        else:
            found.checkpoints[number] = found.checkpoints[number]._replace(time=told.isoformat())


def _compare(found: Finding, pin: _Pin, roots: dict[int, bytes]) -> None:
    if pin.size > found.size:
        gone = pin.size - found.size
        text = f"the ledger had {pin.size} entries and has {found.size}: its last {gone} are gone"
        found.add(Kind.TRUNCATED, pin.where, text)
    elif (root := roots.get(pin.size)) is None:
        text = f"the first {pin.size} entries cannot be compared with it: some are missing or out of place"
        found.add(Kind.REWRITTEN, pin.where, text)
    elif root != pin.root:
        text = f"the first {pin.size} entries are not those that were signed: rewritten, or another branch"
        found.add(Kind.REWRITTEN, pin.where, text)
    elif pin.seen is not None:
        found.checkpoints[pin.seen] = found.checkpoints[pin.seen]._replace(confirmed=True)


def _pass(found: Finding, source: Source, marks: set[int], workers: int) -> dict[int, bytes]:
    """Go through all entries once; return the roots at the marks, as far as there are any."""
    whole = Stretch()
    empty = whole.root()
    roots: dict[int, bytes] = {0: empty} if 0 in marks else {}
    erased: list[int] = []
    redactions: list[tuple[int, int]] = []
    broken = False
    for walked in _segments(source, _cuts(found.size, marks), workers):
        found.problems += walked.problems[: max(0, MOST - len(found.problems))]
        found.more += walked.more + max(0, len(walked.problems) - MOST)
        erased += walked.erased
        redactions += walked.redactions
        broken = broken or walked.broken
        if not broken:
            for piece in walked.stretch.pieces:
                whole.add(piece)
            already = set(walked.stretch.filled)
            _stored(found, source, [piece for piece in whole.filled if piece not in already])
            whole.filled.clear()
            if whole.stop in marks:
                roots[whole.stop] = whole.root()
    found.root = None if broken else whole.root()
    found.redacted = len(erased)
    found.stored = source.stored(8, 0, 0) is not None
    _redacted(found, source, erased, redactions)
    return roots


def _cuts(size: int, marks: set[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for stop in sorted({*range(SEGMENT, size, SEGMENT), *marks, size} - {0}):
        yield start, stop
        start = stop


def _segments(source: Source, cuts: Iterable[tuple[int, int]], workers: int) -> Iterator[Walked]:
    """Walk through stretches in order, some ahead in other processes."""
    if workers < 2 or not source.splits or source.size() < 4 * SEGMENT:
        previous = FIRST
        for start, stop in cuts:
            walked = walk(source.pages(start, stop), start, stop, previous)
            previous = walked.last
            yield _with_stored(walked, source)
        return
    ahead: deque[Future[Walked]] = deque()
    with ProcessPoolExecutor(workers, get_context("spawn"), _open, (source.address,)) as pool:
        for start, stop in cuts:
            ahead.append(pool.submit(_segment, start, stop))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


_opened: Source | None = None


def _open(address: str) -> None:
    global _opened
    _opened = open_source(address)


def _segment(start: int, stop: int) -> Walked:
    source = _opened
    if source is None:
        raise VerifierError("a process has no ledger open")
    previous: str | None = FIRST if start == 0 else None
    for page in source.pages(start - 1, start) if start else ():
        leaf = page[0][1]
        previous = sha256(b"\0" + leaf).hexdigest() if isinstance(leaf, bytes) else None
    return _with_stored(walk(source.pages(start, stop), start, stop, previous), source)


def _with_stored(walked: Walked, source: Source) -> Walked:
    if walked.broken:
        return walked
    found = Finding(source.place, source.origin, 0)
    _stored(found, source, walked.stretch.filled)
    return walked._replace(problems=[*walked.problems, *found.problems])


def _stored(found: Finding, source: Source, filled: Sequence[Piece]) -> None:
    """Compare full subtrees with what the ledger stored of them."""
    for level in sorted({piece.level for piece in filled}):
        due = {piece.number: piece.hash for piece in filled if piece.level == level}
        held = source.stored(level, min(due), max(due) + 1)
        if held is None:
            return
        for number in sorted(due):
            if held.get(number) != due[number]:
                what = "is not that of the entries" if number in held else "is missing"
                text = f"its stored hash {what}; proofs made from it would not hold"
                found.add(Kind.TREE, f"subtree {number} of level {level}", text)


def _redacted(
    found: Finding, source: Source, erased: Sequence[int], redactions: list[tuple[int, int]]
) -> None:
    """Hold bodies that are gone against the records of their redaction."""
    told = {entry: by for by, entry in redactions if by > entry}
    gone = set(erased)
    undone = sorted(told.keys() - gone)
    lost = sorted(gone - told.keys())
    if lost and (size := source.size()) > found.size:
        # Redacted while we read: the record stands among the entries that came meanwhile.
        late = walk(source.pages(found.size, size), found.size, size, None)
        since = {entry for _, entry in late.redactions}
        lost = [index for index in lost if index not in since]
    for index in lost:
        found.add(
            Kind.UNREDACTED, f"entry {index}", "its body is gone and no entry says that it was redacted"
        )
    for index in undone:
        text = f"entry {told[index]} says that it was redacted, but its body is there"
        found.add(Kind.UNREDACTED, f"entry {index}", text)
