"""What can go wrong between a plan and its rows, said so that a person can act on it."""

from __future__ import annotations


class StudyError(Exception):
    """A run cannot start, go on or be read. `str()` says what was found and what to do next."""

    code = 1
    """Exit status of a command that ends with this error."""


class UsageError(StudyError):
    """What was asked for cannot be done: an unknown model, a wrong level, a missing key."""

    code = 2
