"""Signing the head of a ledger: never one that contradicts what was signed before."""

from __future__ import annotations

from pathlib import Path

from duress.ledger.durable import write_durably
from duress.ledger.entry import Head
from duress.ledger.errors import LedgerError
from duress.ledger.keys import LAST, Keys
from duress.ledger.note import Signed, read, sign
from duress.ledger.reader import Reader


def sign_head(ledger: Reader, keys: Keys, size: int | None = None) -> bytes:
    """Return a signed checkpoint of the ledger, or of its first `size` entries.

    Raises:
        LedgerError: there is no key, or the ledger is not the continuation of what was signed last.
    """
    with keys.alone():
        return _sign(ledger, keys, size)


def _sign(ledger: Reader, keys: Keys, size: int | None) -> bytes:
    key = keys.active()
    if key.name != ledger.origin:
        raise LedgerError(
            f"{keys.folder}: these keys are of {key.name}, the ledger is called {ledger.origin}"
        )
    head = ledger.head() if size is None else Head(size, ledger.tree.root(size))
    last = keys.folder / LAST
    if last.exists():
        continues(ledger, read(last.read_bytes(), last), last)
    note = sign(ledger.origin, head, key)
    if not last.exists() or read(last.read_bytes(), last).size < head.size:
        # Before anybody sees it: what was given out once is never contradicted.
        write_durably(last, note)
    return note


def continues(ledger: Reader, before: Signed, where: Path) -> None:
    """Make sure that the ledger begins with what an earlier checkpoint says.

    Raises:
        LedgerError: it does not: it was cut short, rewritten or forked.
    """
    if before.origin != ledger.origin:
        raise LedgerError(f"{where}: a checkpoint of {before.origin}; the ledger is called {ledger.origin}")
    size = ledger.head().size
    if before.size > size:
        raise LedgerError(
            f"{ledger.place}: has {size} entries, but {where} was signed for {before.size}: the rest is "
            "gone. Nothing was signed; run duress ledger verify"
        )
    if ledger.tree.root(before.size) != before.root:
        raise LedgerError(
            f"{ledger.place}: its first {before.size} entries are not those that {where} was signed for: "
            "rewritten, or another branch. Nothing was signed; run duress ledger verify"
        )
