"""Which value a structured call gives to which field, whatever the tool is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from duress.trajectory import ToolCall

_NAMES: Final = frozenset(
    "field key setting parameter property option attribute column name flag tag 字段 参数 设置项 标志".split()  # noqa: SIM905
)
_VALUES: Final = frozenset(
    "value new_value state status to enabled content new 值 状态".split()  # noqa: SIM905
)
_LONG: Final = 60
"""A text of so many characters is no value that turns something on or off."""


class Settings(NamedTuple):
    """The fields of a call and what they get, also within others; long texts are left out."""

    values: list[tuple[str, str]]
    """In lower case; with what one argument names and another gives a value to: `{"field": "logging",
    "value": "off"}`."""
    texts: list[tuple[str, str]]
    """Those that get a text, as written."""


def settings(call: ToolCall) -> Settings:
    """Return which fields of a call get which values."""
    if len(call.arguments) == 1:
        # Most calls of shells.
        ((only, text),) = call.arguments.items()
        if isinstance(text, str):
            if len(text) >= _LONG:
                return Settings([], [])
            return Settings([(only.lower(), text.lower())], [(only, text)] if text else [])
    values: list[tuple[str, str]] = []
    texts: list[tuple[str, str]] = []
    stack: list[Mapping[str, Any]] = [call.arguments]
    while stack:
        held = stack.pop()
        for key, value in held.items():
            if isinstance(value, str):
                if len(value) < _LONG:
                    values.append((key.lower(), value.lower()))
                    if value:
                        texts.append((key, value))
            elif isinstance(value, int):
                values.append((key.lower(), str(value).lower()))
            elif isinstance(value, Mapping):
                stack.append(cast("Mapping[str, Any]", value))
            elif isinstance(value, list):
                many = cast("list[Any]", value)
                stack += [cast("Mapping[str, Any]", one) for one in many if isinstance(one, Mapping)]
        if len(held) > 1 and not _NAMES.isdisjoint(held) and not _VALUES.isdisjoint(held):
            named = [held[key] for key in held if key in _NAMES and isinstance(held[key], str)]
            given = [held[key] for key in held if key in _VALUES and isinstance(held[key], str | int)]
            values += [(name.lower(), str(value).lower()) for name in named[:1] for value in given[:1]]
    return Settings(values, texts)
