"""Which value a structured call gives to which field, whatever the tool is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from duress.trajectory import ToolCall

_NAMES: Final = frozenset(
    "field key setting parameter property option attribute column name flag tag 字段 参数 设置项 标志".split()  # noqa: SIM905
)
_VALUES: Final = frozenset(
    "value new_value state status to enabled content new 值 状态".split()  # noqa: SIM905
)
_LONG: Final = 60
"""A text of so many characters is no value that turns something on or off."""


def settings(call: ToolCall) -> list[tuple[str, str]]:
    """Return fields and the values that they get, in lower case; long texts are left out.

    A field is an argument with its value, also within others, or what one argument names and another gives a
    value to: `{"field": "logging", "value": "off"}`.
    """
    if len(call.arguments) == 1:
        # Most calls of shells.
        ((only, text),) = call.arguments.items()
        if isinstance(text, str):
            return [(only.lower(), text.lower())] if len(text) < _LONG else []
    found: list[tuple[str, str]] = []
    stack: list[Mapping[str, Any]] = [call.arguments]
    while stack:
        held = stack.pop()
        for key, value in held.items():
            if isinstance(value, str):
                if len(value) < _LONG:
                    found.append((key.lower(), value.lower()))
            elif isinstance(value, int):
                found.append((key.lower(), str(value).lower()))
            elif isinstance(value, Mapping):
                stack.append(cast("Mapping[str, Any]", value))
            elif isinstance(value, list):
                held_in = cast("list[Any]", value)
                stack += [cast("Mapping[str, Any]", one) for one in held_in if isinstance(one, Mapping)]
        if len(held) > 1 and not _NAMES.isdisjoint(held) and not _VALUES.isdisjoint(held):
            names = [held[key] for key in held if key in _NAMES and isinstance(held[key], str)]
            values = [held[key] for key in held if key in _VALUES and isinstance(held[key], str | int)]
            found += [(name.lower(), str(value).lower()) for name in names[:1] for value in values[:1]]
    return found


def short_texts(call: ToolCall) -> list[tuple[str, str]]:
    """Return fields and the short texts that they get, as written, also within others."""
    found: list[tuple[str, str]] = []
    stack: list[Mapping[str, Any]] = [call.arguments]
    while stack:
        for key, value in stack.pop().items():
            if isinstance(value, str):
                if 0 < len(value) < _LONG:
                    found.append((key, value))
            elif isinstance(value, Mapping):
                stack.append(cast("Mapping[str, Any]", value))
            elif isinstance(value, list):
                many = cast("list[Any]", value)
                stack += [cast("Mapping[str, Any]", one) for one in many if isinstance(one, Mapping)]
    return found
