"""Arguments of a tool call as logs write them: a mapping, or JSON in a string."""

from __future__ import annotations

from typing import Any, cast

import orjson


def arguments(value: Any) -> tuple[dict[str, Any], str | None]:
    """Return the arguments, and what the parser said if they could not be read.

    What is no mapping is kept under `input`: what an agent asked for must not be lost.
    """
    if isinstance(value, dict):
        return cast("dict[str, Any]", value), None
    if value is None or value == "":
        return {}, None
    if isinstance(value, str):
        try:
            read = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            return {"input": value}, str(error)
        if isinstance(read, dict):
            return cast("dict[str, Any]", read), None
        return {"input": read}, None
    return {"input": value}, None
