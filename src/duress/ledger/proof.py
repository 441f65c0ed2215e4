"""A proof that an entry is in the ledger, in one file that is checked without it (c2sp.org/tlog-proof)."""

from __future__ import annotations

import base64

from duress.ledger.errors import UsageError
from duress.ledger.export.lines import line
from duress.ledger.note import read
from duress.ledger.reader import Reader

HEADING = "c2sp.org/tlog-proof@v1"


def prove(ledger: Reader, index: int, note: bytes, *, body: bool = True) -> str:
    """Return the proof that entry `index` is among those that the checkpoint `note` was signed for.

    The entry itself goes along, as in an export; without `body` only its leaf, which does not tell what it
    says.

    Raises:
        UsageError: it is not among them.
        LedgerError: the checkpoint is not of this ledger.
    """
    signed = read(note, "the checkpoint")
    if not 0 <= index < signed.size:
        raise UsageError(f"no entry {index} among the {signed.size} that the checkpoint was signed for")
    row = next(iter(ledger.rows(index, index + 1)))
    extra = line(row if body else row._replace(salt=None, body=None))
    path = ledger.tree.inclusion(index, signed.size)
    lines = [HEADING, f"extra {_base64(extra)}", f"index {index}", *map(_base64, path)]
    return "\n".join(lines) + "\n\n" + note.decode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
