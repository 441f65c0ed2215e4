"""Arguments of a tool call as logs write them: a mapping, or JSON in a string."""

from __future__ import annotations

from typing import Any, cast

import orjson


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
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {"input": read}, None
