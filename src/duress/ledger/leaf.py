"""The bytes of an entry, as docs/ledger.md describes them.

A leaf is one JSON object with its keys in this order:

    {"previous":"<64 hex>","body":"<64 hex>","index":0,"kind":"","session":"","agent":"","at":0.0}

`previous` is the leaf hash of the entry before (64 zeros for the first): that is the chain. `body` is the
SHA-256 of a random salt and the body's JSON: both can be thrown away, and the leaf stays what it was.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, Encoder

from duress.ledger.entry import REDACTION, Entry, Recorded
from duress.ledger.errors import LedgerError
from duress.ledger.tree import leaf_hash

SALT = 16
"""Bytes of salt before each body."""
FIRST = "0" * 64
"""What the first leaf names as its previous one."""

Redact = Callable[[dict[str, Any]], dict[str, Any]]


class Row(NamedTuple):
    """One entry as it is stored."""

    id: int
    """Its index."""
    leaf: bytes
    salt: bytes | None
    """None, as the body: redacted."""
    body: bytes | None


class Draft(NamedTuple):
    """An entry that waits for its place in the ledger."""

    salt: bytes
    body: bytes
    digest: str
    header: bytes
    """The rest of the leaf's JSON, without its opening brace."""


class _Header(Struct, frozen=True):
    kind: str
    session: str
    agent: str
    at: float


class _Leaf(_Header, frozen=True):
    previous: str
    body: str
    index: int


_TOGETHER = 64
_salts: list[bytes] = []
# A child would use the salts that its parent uses.
os.register_at_fork(after_in_child=_salts.clear)

_encode = Encoder(order="sorted").encode
_header = Encoder().encode
_leaf = Decoder(_Leaf)
_body = Decoder(dict[str, Any])


def drafts(entries: Sequence[Entry], redact: Redact | None, *, own: bool = False) -> list[Draft]:
    """Return entries as they will be written, `redact` applied to each body; `own`: the ledger's own.

    Raises:
        LedgerError: one cannot be written; the message says which and why.
    """
    out: list[Draft] = []
    for number, entry in enumerate(entries):
        _check(number, entry, own)
        salt = _salt()
        try:
            body = _encode(entry.body if redact is None else _redacted(entry.body, redact))
            header = _header(_Header(entry.kind, entry.session, entry.agent, entry.at))
        except LedgerError:
            raise
        except Exception as error:
            raise LedgerError(
                f"entry {number} ({entry.kind}): cannot be written as JSON: {error}; nothing was recorded"
            ) from error
        out.append(Draft(salt, body, sha256(salt + body).hexdigest(), header[1:]))
    return out


def _salt() -> bytes:
    while True:
        try:
            return _salts.pop()
        except IndexError:
            # Many at once: each draw is a call of the system, for which a thread gives up its turn.
            drawn = os.urandom(SALT * _TOGETHER)
            _salts.extend(drawn[at : at + SALT] for at in range(0, len(drawn), SALT))


def _check(number: int, entry: Entry, own: bool) -> None:
    for key in ("kind", "session", "agent"):
        if not isinstance(found := getattr(entry, key), str):
            raise LedgerError(f"entry {number}: {key}: expected text, found {found!r}; nothing was recorded")
    if entry.kind == REDACTION and not own:
        raise LedgerError(f"entry {number}: only the ledger itself writes {REDACTION!r}; use Ledger.erase")
    if type(entry.at) not in (float, int) or not math.isfinite(entry.at):
        raise LedgerError(
            f"entry {number}: at: expected seconds since 1970, found {entry.at!r}; nothing was recorded"
        )


def _redacted(body: dict[str, Any], redact: Redact) -> dict[str, Any]:
    try:
        found = redact(body)
    except Exception as error:
        raise LedgerError(
            f"the redaction rule failed ({type(error).__name__}: {error}); nothing was recorded"
        ) from error
    if not isinstance(found, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise LedgerError(
            f"the redaction rule returned {type(found).__name__}, not a body; nothing was recorded"
        )
    return found


def seal(draft: Draft, index: int, previous: str) -> Row:
    """Give a draft its place: after the leaf with the hash `previous`."""
    start = f'{{"previous":"{previous}","body":"{draft.digest}","index":{index},'
    return Row(index, start.encode() + draft.header, draft.salt, draft.body)


def leaf_hashes(rows: Iterable[Row]) -> list[bytes]:
    """Return the leaf hashes of stored entries.

    Raises:
        LedgerError: one is not what a ledger writes.
    """
    try:
        return [leaf_hash(row.leaf) for row in rows]
    except TypeError as error:
        raise LedgerError(
            f"an entry has a leaf that is not bytes: {error}; run duress ledger verify"
        ) from error


def read(row: Row) -> Recorded:
    """Return a stored entry.

    Raises:
        LedgerError: it is not what a ledger writes.
    """
    try:
        leaf = _leaf.decode(row.leaf)
        body = None if row.body is None else _body.decode(row.body)
    except (DecodeError, TypeError) as error:
        raise LedgerError(
            f"entry {row.id}: not an entry of a ledger: {error}; run duress ledger verify"
        ) from error
    found = sha256(b"\0" + row.leaf).hexdigest()
    return Recorded(row.id, leaf.kind, leaf.session, leaf.agent, leaf.at, body, found)
