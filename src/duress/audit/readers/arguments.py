"""Arguments of a tool call as logs write them: a mapping, or JSON in a string."""

from __future__ import annotations

import json
from typing import Any, cast

import orjson

DEEP = 100
"""So deeply nested arguments are kept as a text: what reads them further on goes into them level by level."""
_TOO_DEEP = f"nested more than {DEEP} levels deep"


def arguments(value: Any) -> tuple[dict[str, Any], str | None]:
    """Return the arguments, and what the parser said if they could not be read.

    What is no mapping is kept under `input`: what an agent asked for must not be lost.
    """
    read: Any = value
    if isinstance(value, str) and value:
        try:
            read = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            return {"input": value}, str(error)
    elif value is None or value == "":
        read = {}
    if not isinstance(read, dict):
        read = {"input": read}
    given = cast("dict[str, Any]", read)
    for held in given.values():
        if isinstance(held, dict | list) and _is_deep(cast("Any", held)):
            return {"input": value if isinstance(value, str) else _text(value)}, _TOO_DEEP
    return given, None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEP):
        level = [
            inner
            for held in level
            if isinstance(held, dict | list)
            for inner in cast("list[Any]", held.values() if isinstance(held, dict) else held)
        ]
        if not level:
            return False
    return True


def _text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return f"[{_TOO_DEEP}]"
