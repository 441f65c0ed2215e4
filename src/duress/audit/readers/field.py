"""Fields of JSON objects."""

from __future__ import annotations

from typing import Any, cast


def fields(value: Any) -> dict[str, Any]:
    """Return an object's fields; anything else has none."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list's items; anything else has none."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def string(value: Any) -> str | None:
    """Return a text; anything else is none."""
    return value if isinstance(value, str) else None


def label(value: Any) -> str | None:
    """Return by what something is known, also where that is a number; what is empty is none."""
    return str(value) if value else None
