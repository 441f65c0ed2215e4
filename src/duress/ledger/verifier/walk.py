"""One pass over a stretch of entries: is each what was hashed, and does each follow the one before?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

from duress.ledger.verifier.merkle import Stretch

FIRST = "0" * 64
"""What the first entry names as its previous one."""
_SALT = 16
_REDACTION = b'"kind":"redaction",'
MOST = 100
"""So many problems of one stretch are told one by one."""


class Kind(StrEnum):
    """What is wrong."""

    EDITED = "edited"
    """An entry is not what was hashed."""
    MISSING = "missing"
    """Entries between others are gone."""
    MOVED = "moved"
    """An entry stands in another place than it was written to."""
    UNREDACTED = "unredacted"
    """A body is gone without a record of that, or there in spite of one."""
    TREE = "tree"
    """The stored tree is not that of the entries."""
    TRUNCATED = "truncated"
    """The ledger is shorter than it once was."""
    REWRITTEN = "rewritten"
    """The ledger is not the one that was signed: rewritten, or forked."""
    FORKED = "forked"
    """Two histories were signed."""
    UNTRUSTED = "untrusted"
    """A checkpoint is not believed."""
    TIMESTAMP = "timestamp"
    """A timestamp is not valid for its checkpoint."""


class Problem(NamedTuple):
    """One thing that is wrong."""

    kind: Kind
    where: str
    text: str


class Walked(NamedTuple):
    """What a pass over a stretch found."""

    stretch: Stretch
    """Its subtrees; worth nothing if it is broken."""
    last: str
    """Leaf hash of its last entry, in hex."""
    problems: list[Problem]
    more: int
    """So many problems more were found."""
    erased: list[int]
    """Entries without their body."""
    redactions: list[tuple[int, int]]
    """(entry of kind redaction, the entry it speaks of)"""
    broken: bool
    """Entries are missing or misplaced: no tree can be built from here on."""


class _Log(list[Problem]):
    more = 0

    def add(self, kind: Kind, where: str, text: str) -> None:
        if len(self) < MOST:
            self.append(Problem(kind, where, text))
        else:
            self.more += 1


def walk(
    pages: Iterator[Sequence[tuple[Any, Any, Any, Any]]], start: int, stop: int, previous: str | None
) -> Walked:
    """Check the rows start <= id < stop; `previous` is the leaf hash before them, None if it is not known."""
    log, stretch = _Log(), Stretch(start)
    erased: list[int] = []
    redactions: list[tuple[int, int]] = []
    due, broken = start, False
    for page in pages:
        hashes: list[bytes] = []
        for id, leaf, salt, body in page:
            if id != due:
                log.add(Kind.MISSING, _range(due, id), f"{id - due} entries are missing")
                due, broken, previous = id, True, None
            try:
                digest = sha256(salt + body).hexdigest()
                head = f'{{"previous":"{previous}","body":"{digest}","index":{due},'.encode()
                sound = leaf.startswith(head) and len(salt) == _SALT
                redacts = sound and leaf.startswith(_REDACTION, len(head))
            except (TypeError, AttributeError):
                sound = redacts = False
            if not sound:
                if isinstance(leaf, bytes) and salt is None and body is None:
                    erased.append(due)
                redacts = _explain(log, Row(due, leaf, salt, body), previous).startswith(_REDACTION)
            if redacts and (spoken := _spoken_of(body)) is not None:
                redactions.append((due, spoken))
            if isinstance(leaf, bytes):
                hash = sha256(b"\0" + leaf).digest()
                previous = hash.hex()
                hashes.append(hash)
            else:
                broken, previous = True, None
            due += 1
        if not broken:
            stretch.extend(hashes)
    if due < stop:
        log.add(Kind.MISSING, _range(due, stop), f"{stop - due} entries are missing")
        broken = True
    return Walked(stretch, previous or FIRST, list(log), log.more, erased, redactions, broken)


class Row(NamedTuple):
    """A row that is not as expected."""

    id: int
    leaf: Any
    salt: Any
    body: Any


def _explain(log: _Log, row: Row, previous: str | None) -> bytes:
    """Say what is wrong with a row, if anything; return the rest of its leaf after the index."""
    where = f"entry {row.id}"
    if not isinstance(row.leaf, bytes):
        log.add(Kind.EDITED, where, "its leaf is not readable")
        return b""
    before, digest, index, rest = _parts(row.leaf)
    if before is None:
        log.add(Kind.EDITED, where, "its leaf is not one that a ledger writes")
        return b""
    if index != row.id:
        log.add(Kind.MOVED, where, f"it was written as entry {index}")
    if previous is not None and before != previous:
        log.add(
            Kind.EDITED, where, "it does not follow the entry before it: one of the two was changed or moved"
        )
    if row.salt is None and row.body is None:
        return rest
    if not (isinstance(row.salt, bytes) and isinstance(row.body, bytes) and len(row.salt) == _SALT):
        log.add(Kind.EDITED, where, "its body or its salt is not readable")
    elif sha256(row.salt + row.body).hexdigest() != digest:
        log.add(Kind.EDITED, where, "its body is not the one that was recorded")
    return rest


def _parts(leaf: bytes) -> tuple[str | None, str, int, bytes]:
    """Return previous, body, index and the rest of a leaf; None first if it is not formed so."""
    nothing = (None, "", -1, b"")
    if leaf[:13] != b'{"previous":"' or leaf[77:87] != b'","body":"' or leaf[151:161] != b'","index":':
        return nothing
    number, comma, rest = leaf[161:].partition(b",")
    if not comma or not number.isdigit():
        return nothing
    try:
        return leaf[13:77].decode("ascii"), leaf[87:151].decode("ascii"), int(number), rest
    except UnicodeDecodeError:
        return nothing


def _spoken_of(body: Any) -> int | None:
    try:
        found = json.loads(body)["entry"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def _range(start: int, stop: int) -> str:
    return f"entry {start}" if stop - start == 1 else f"entries {start} to {stop - 1}"
