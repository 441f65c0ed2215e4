"""Checkpoints in a file, or each in its own file of a folder, on another disk or machine."""

from __future__ import annotations

from pathlib import Path

from duress.ledger.checkpoint import continues
from duress.ledger.durable import write_durably
from duress.ledger.errors import UsageError
from duress.ledger.note import read
from duress.ledger.reader import Reader

SUFFIX = ".checkpoint"
STAMP = ".tsr"
"""A timestamp lies beside its checkpoint, under its name and this."""


def keep(note: bytes, place: Path, ledger: Reader) -> Path:
    """Write a checkpoint to `place`; to a file of its own in it if that is a folder. Return where it is.

    Raises:
        LedgerError: what is kept there already contradicts the ledger; nothing is overwritten then.
        UsageError: the folder for it is not there.
    """
    new = read(note, "the new checkpoint")
    if not place.parent.is_dir():
        raise UsageError(f"{place}: the folder {place.parent} is not there; is the disk mounted?")
    if place.is_dir():
        place /= f"{new.size:012d}{SUFFIX}"
    if place.exists():
        old = read(place.read_bytes(), place)
        continues(ledger, old, place)
        if old.size >= new.size:
            return place
        # It is of what stood there before.
        place.with_name(place.name + STAMP).unlink(missing_ok=True)
    write_durably(place, note)
    return place
