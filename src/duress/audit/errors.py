"""What can go wrong with an audit, said so that a person can act on it."""

from __future__ import annotations


class AuditError(Exception):
    """An audit cannot start or go on. `str()` says what was found and what to do next."""

    code = 2
    """Exit status of a command that ends with this error."""


class NothingError(AuditError):
    """What was named is not there."""


class UnreadableError(ValueError):
    """A record cannot be read. `str()` says what was expected and what was found."""
