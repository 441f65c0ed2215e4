"""What an agent's calls do to named things: a few deeds, whatever the tool, the shell or the language."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from duress.audit.names import Names


class Deed(StrEnum):
    """What is done to a thing."""

    READ = "read"
    RUN = "run"
    WRITE = "write"
    """Written anew, or written over."""
    EDIT = "edit"
    """Changed in place, or appended to."""
    DELETE = "delete"
    COPY = "copy"
    """Written as a copy of something."""
    PERMIT = "permit"
    """Rights, owners or services changed."""
    SEND = "send"
    """Sent to another machine."""


class Deal(NamedTuple):
    """One deed and what it is done to: a path, a host, a name; lower case, without quotes."""

    deed: Deed
    thing: str
    source: str = ""
    """Of a copy or a move, what was copied; of a program that was run, its arguments."""


CHANGES: Final = (Deed.WRITE, Deed.EDIT, Deed.DELETE, Deed.COPY)
_QUOTES: Final = ("'", '"', "`")
_NOWHERE: Final = frozenset(("/dev/null", "/dev/stderr", "/dev/stdout", "&1", "&2", "-", "{}"))


class Deals:
    """The deals of one text, put down as they are read."""

    def __init__(self, names: Names) -> None:
        """`names`: what its variables stand for."""
        self.found: list[Deal] = []
        self._names = names

    def add(self, deed: Deed, thing: str, source: str = "") -> None:
        """Put down a deal as a shell writes it; a thing that is no thing is left out."""
        name = self._names.of(thing)
        if name and name not in _NOWHERE:
            self.found.append(Deal(deed, name, self._names.of(source) if source else ""))

    def add_code(self, deed: Deed, thing: str, source: str = "") -> None:
        """Put down a deal as code writes it: a name without quotes is a variable, and told by `$`."""
        self.add(deed, self._variable(thing), self._variable(source) if source else "")

    def _variable(self, expression: str) -> str:
        bare = not any(mark in expression for mark in _QUOTES)
        return f"${expression.strip()}" if bare and not self._names.has(expression) else expression
