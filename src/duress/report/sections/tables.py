"""What sections show as tables: lines of a label and its figures, by scenario and language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a table."""

    text: str
    below: str = ""
    """What it comes from, or how it differs."""


@dataclass(frozen=True, slots=True)
class Table:
    """Agents against what was measured; `templates/sections/table.html.j2` shows it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Figure, ...]], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One scenario in one language."""

    title: str
    first: Table | None
    """What is seen at once."""
    more: tuple[Table, ...]
