"""What can go wrong at the edge, said so that a person can act on it."""

from __future__ import annotations


class UnwritableError(Exception):
    """A file that a command was asked to write cannot be written. `str()` says which, and why."""
