"""What can go wrong with a ledger, said so that a person can act on it."""

from __future__ import annotations


class LedgerError(Exception):
    """Something was not written, or cannot be read. `str()` says what was found and what to do next."""

    code = 1
    """Exit status of a command that ends with this error."""


class BusyError(LedgerError):
    """Another process is the ledger's writer."""


class UsageError(LedgerError):
    """What was asked for cannot be done: no such ledger, entry, key or address."""

    code = 2
