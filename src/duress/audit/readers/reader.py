"""What a reader of a log format is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from duress.audit.errors import UnreadableError
from duress.audit.run import Place, Run, Unread

MALFORMED = (
    *(UnreadableError, LookupError, TypeError, ValueError, AttributeError),
    *(OverflowError, RecursionError),
)
"""What reading a record may raise that has another shape than expected."""


class Gathering(Protocol):
    """Takes the records of one file in turn and gives runs as they become complete."""

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one record."""
        ...

    def close(self) -> Iterable[Run | Unread]:
        """Return what was still open at the end of the file."""
        ...


@runtime_checkable
class Lasting(Gathering, Protocol):
    """A gathering that can be taken up where an earlier one ended, when its file has grown."""

    def rest(self) -> bytes:
        """Return what is still open."""
        ...

    def go_on(self, rest: bytes) -> None:
        """Take up what was open, before anything is added; raises `ValueError` if it is damaged."""
        ...


class Reader(Protocol):
    """Reads one format."""

    name: str
    resumes: bool
    """A file that grew is read on from where it ended: each record is a run of its own, or what is open is
    kept (`Lasting`)."""

    def accepts(self, value: Any, /) -> bool:
        """Return whether a record looks like this format."""
        ...

    def gather(self, path: str) -> Gathering:
        """Return a gathering for one file."""
        ...


class OneEach:
    """A format in which a record is a run, or a document holds runs that know nothing of each other."""

    def __init__(
        self,
        name: str,
        accepts: Callable[[Any], bool],
        run: Callable[[Any, Place], Run],
        inside: Callable[[Any], Iterable[Any]] | None = None,
    ) -> None:
        """`run` raises `UnreadableError` for a record that it cannot read; `inside` finds the runs."""
        self.name = name
        self.accepts = accepts
        self.resumes = inside is None
        self._run = run
        self._inside = inside

    def gather(self, path: str) -> Gathering:
        """Return itself: nothing is kept between records."""
        return self

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Return the one run of a record, or those of a document."""
        if self._inside is None:
            return (self._one(value, place),)
        items = self._inside(value)
        return [self._one(item, Place(place.path, number)) for number, item in enumerate(items, start=1)]

    def _one(self, value: Any, place: Place) -> Run | Unread:
        try:
            return self._run(value, place)
        except MALFORMED as error:
            return Unread(place, told(self.name, error), identity(value))

    def close(self) -> Iterable[Run | Unread]:
        """Return nothing: nothing is kept."""
        return ()


def told(reader: str, error: Exception) -> str:
    """Return what is said about a record that a reader could not read."""
    if isinstance(error, UnreadableError):
        return f"read as {reader}: {error}"
    return f"read as {reader}: the record has another shape than expected ({type(error).__name__}: {error})"


def identity(value: Any) -> str:
    """Return a record's own id, or an empty text."""
    found: Any = value.get("id") if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else ""
