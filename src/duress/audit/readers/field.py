"""Fields of JSON objects."""

from __future__ import annotations

from typing import Any, cast


def fields(value: Any) -> dict[str, Any]:
    """Return an object's fields; anything else has none."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list's items; anything else has none."""
    return cast("list[Any]", value) if isinstance(value, list) else []
