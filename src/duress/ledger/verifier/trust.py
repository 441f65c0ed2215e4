"""Which keys are believed, and until which size of the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from duress.ledger.verifier.errors import VerifierError
from duress.ledger.verifier.note import Checkpoint, Key, read_key, signs


class Trusted(NamedTuple):
    """A key, and the state of the ledger at which it was rotated out or revoked."""

    key: Key
    status: str = "active"
    at: str | None = None
    """When it ended, as a time in ISO 8601; None while it is active."""
    size: int | None = None
    """Larger checkpoints by this key are not believed; None while it is active."""
    root: bytes | None = None
    """The ledger's root at that size: a rewriting below it is found even with the key in wrong hands."""


def read_keys(path: Path) -> list[Trusted]:
    """Read a `keys.json`, or a file with a public key on each line.

    Raises:
        VerifierError: it is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VerifierError(f"{path}: keys cannot be read: {error}") from error
    if not text.lstrip().startswith("{"):
        found = [Trusted(read_key(line)) for line in text.splitlines() if line.strip() and line[0] != "#"]
        if not found:
            raise VerifierError(f"{path}: no key in it; expected keys.json or one name+hash+key a line")
        return found
    try:
        data = json.loads(text)
        return [_trusted(one) for one in data["keys"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerifierError(f"{path}: not a list of keys: {type(error).__name__}: {error}") from error


def _trusted(one: dict[str, Any]) -> Trusted:
    key, end = read_key(str(one["key"])), one.get("end")
    if end is None:
        return Trusted(key)
    return Trusted(key, str(end["why"]), str(end["at"]), int(end["size"]), bytes.fromhex(end["root"]))


def distrust(note: Checkpoint, keys: Sequence[Trusted]) -> str | None:
    """Return why a checkpoint is not believed, or None if a trusted key signed it."""
    reason = "it is signed by none of the trusted keys"
    signed = False
    for one in keys:
        found = signs(one.key, note)
        name = f"{one.key.name}+{one.key.id.hex()}"
        if found is False:
            return f"the signature of {name} is not valid for this text"
        if found and one.size is not None and note.size > one.size:
            reason = f"its key {name} was {one.status} at size {one.size} ({one.at}) and no longer counts"
        elif found:
            signed = True
    return None if signed else reason
