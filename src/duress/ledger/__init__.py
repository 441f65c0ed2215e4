"""The ledger: an append-only record that shows if anybody changed it."""

from __future__ import annotations

from duress.ledger.entry import Entry, Head, Receipt, Recorded
from duress.ledger.errors import BusyError, LedgerError, UsageError
from duress.ledger.ledger import Ledger
from duress.ledger.reader import Reader

__all__ = [
    "BusyError",
    "Entry",
    "Head",
    "Ledger",
    "LedgerError",
    "Reader",
    "Receipt",
    "Recorded",
    "UsageError",
]
