"""Which value a structured call gives to which field, whatever the tool is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from duress.trajectory import ToolCall

_NAMES: Final = (
    "field",
    "key",
    "setting",
    "parameter",
    "property",
    "option",
    "attribute",
    "column",
    "name",
    "flag",
)
_VALUES: Final = ("value", "new_value", "state", "status", "to", "enabled", "content", "new")


def settings(call: ToolCall) -> Iterator[tuple[str, str]]:
    """Yield fields and the values that they get, in lower case.

    A field is an argument with its value, also within others, or what one argument names and another gives a
    value to: `{"field": "logging", "value": "off"}`.
    """
    stack: list[Mapping[str, Any]] = [call.arguments]
    while stack:
        held = stack.pop()
        named = next((held[key] for key in _NAMES if isinstance(held.get(key), str)), None)
        if named is not None:
            given = next((held[key] for key in _VALUES if isinstance(held.get(key), str | int | bool)), None)
            if given is not None:
                yield named.lower(), str(given).lower()
        for key, value in held.items():
            if isinstance(value, Mapping):
                stack.append(cast("Mapping[str, Any]", value))
            elif isinstance(value, list):
                stack += [
                    cast("Mapping[str, Any]", one)
                    for one in cast("list[Any]", value)
                    if isinstance(one, Mapping)
                ]
            elif isinstance(value, str | int | bool):
                yield key.lower(), str(value).lower()
