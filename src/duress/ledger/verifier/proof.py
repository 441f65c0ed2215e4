"""Proofs that are checked without the ledger: of an entry (c2sp.org/tlog-proof), of a state after another."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from duress.ledger.verifier.errors import VerifierError
from duress.ledger.verifier.merkle import consistent, included
from duress.ledger.verifier.note import read_checkpoint
from duress.ledger.verifier.source import take_apart
from duress.ledger.verifier.trust import Trusted, distrust

_HEADING = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Shown:
    """What a proof shows; nothing, if there is a reason against it."""

    index: int
    origin: str
    size: int
    reason: str | None
    leaf: dict[str, Any] | None = None
    body: Any = None
    """None: it is not part of the proof."""


def check_proof(text: str, where: str, keys: Sequence[Trusted]) -> Shown:
    """Check a proof of inclusion that carries its entry.

    Raises:
        VerifierError: it is none.
    """
    index, path, extra, note = _read(text, where)
    checkpoint = read_checkpoint(note.encode(), where)
    _, leaf, salt, body = take_apart(index, extra)
    try:
        told = json.loads(leaf)
        said = None if body is None else json.loads(body)
    except (ValueError, TypeError) as error:
        raise VerifierError(f"{where}: it carries no entry of a ledger") from error
    reason = distrust(checkpoint, keys)
    hash = sha256(b"\0" + leaf).digest()
    if reason is None and not included(index, checkpoint.size, hash, path, checkpoint.root):
        reason = f"the entry is not number {index} of what was signed"
    if reason is None and body is not None:
        if not isinstance(salt, bytes) or len(salt) != 16:
            reason = "the salt of its body is not readable"
        elif sha256(salt + body).hexdigest() != told.get("body"):
            reason = "its body is not the one that was recorded"
    shown = (told, said) if reason is None else (None, None)
    return Shown(index, checkpoint.origin, checkpoint.size, reason, *shown)


def check_consistency(
    first: bytes, second: bytes, path: Sequence[bytes], keys: Sequence[Trusted], names: tuple[str, str]
) -> str | None:
    """Return what is wrong with two checkpoints and the proof between them, or None.

    Raises:
        VerifierError: one is no checkpoint.
    """
    old, new = read_checkpoint(first, names[0]), read_checkpoint(second, names[1])
    for name, one in zip(names, (old, new), strict=True):
        if reason := distrust(one, keys):
            return f"{name}: {reason}"
    if old.origin != new.origin:
        return f"they are of two ledgers, {old.origin} and {new.origin}"
    if not consistent(old.size, new.size, old.root, new.root, path):
        return f"the ledger of size {old.size} is not the beginning of that of size {new.size}"
    return None


def _read(text: str, where: str) -> tuple[int, list[bytes], bytes, str]:
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    wrong = VerifierError(
        f"{where}: not a proof; expected {_HEADING}, an entry, an index, hashes, a checkpoint"
    )
    if len(lines) < 3 or lines[0] != _HEADING or lines[1][:6] != "extra " or lines[2][:6] != "index ":
        raise wrong
    try:
        index, path = int(lines[2][6:]), [base64.b64decode(one, validate=True) for one in lines[3:]]
        extra = base64.b64decode(lines[1][6:], validate=True)
    except (ValueError, binascii.Error) as error:
        raise wrong from error
    if str(index) != lines[2][6:] or any(len(one) != 32 for one in path):
        raise wrong
    return index, path, extra, note
