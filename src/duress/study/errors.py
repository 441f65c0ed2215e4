"""What can go wrong between a plan and its rows, said so that a person can act on it."""

from __future__ import annotations


class StudyError(Exception):
    """A run cannot start, go on or be read. `str()` says what was found and what to do next."""

    code = 1
    """Exit status of a command that ends with this error."""


class UsageError(StudyError):
    """What was asked for cannot be done: an unknown model, a wrong level, a missing key."""

    code = 2


class MisstatedError(UsageError):
    """One key of what was asked for is wrong; a study file can show its line."""

    def __init__(self, key: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.key = key
