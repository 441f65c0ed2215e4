"""What the guard is handed by others: calls, texts, errors. Whatever they are, they can be told and recorded.

What is handed on to monitors, protocols, keepers and tools is a copy: nobody can change what was decided on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from duress.trajectory import Message, ToolCall

_MOST = 200
"""Characters of something that is told in a reason."""
_DEEP = 64
"""Levels of nesting that are followed."""
_ABOVE = 2**63
_CUT = (str, bytes, list, tuple)


def sound(call: object) -> ToolCall:
    """Return a call of one's own, with fields of the right types; what cannot be is its `error`."""
    given, tool = getattr(call, "id", None), getattr(call, "tool", None)
    arguments, error = getattr(call, "arguments", None), getattr(call, "error", None)
    wrong = ""
    if not isinstance(given, str):
        wrong = f"expected a text as the call's id, found {shown(given)}"
    elif not isinstance(tool, str):
        wrong = f"expected a text as the tool's name, found {shown(tool)}"
    elif not isinstance(arguments, dict):
        wrong = f"expected an object, found {shown(arguments)}"
    elif error is not None and not isinstance(error, str):
        wrong = f"expected a text as the call's error, found {shown(error)}"
    own: dict[str, Any] = {}
    if not wrong:
        try:
            own = copied(arguments)
        except Exception as failure:
            wrong = f"the arguments cannot be read: {told(failure)}"
    return ToolCall(_text(given), _text(tool), own, wrong or error)


def owned(message: Message) -> Message:
    """Return a message with calls of its own."""
    if not message.calls:
        return message
    from msgspec.structs import replace

    return replace(message, calls=tuple(map(sound, message.calls)))


def copied(value: Any, deep: int = 0) -> Any:
    """Return a copy of a JSON value that shares nothing that can be changed.

    Raises:
        ValueError: it is nested too deeply.
    """
    if isinstance(value, str | int | float) or value is None:
        return value
    if deep > _DEEP:
        raise ValueError(f"nested more than {_DEEP} levels deep")
    if isinstance(value, dict):
        return {key: copied(one, deep + 1) for key, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [copied(one, deep + 1) for one in cast("list[Any]", value)]
    # No JSON: refused wherever it is looked at, and told as what it is.
    return value


def recordable(value: Any, deep: int = 0) -> Any:
    """Return a value as near to it as JSON can hold."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, int) and -_ABOVE <= value < _ABOVE:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if deep <= _DEEP and isinstance(value, Mapping):
        given = cast("Mapping[Any, Any]", value)
        return {_text(key): recordable(one, deep + 1) for key, one in given.items()}
    if deep <= _DEEP and isinstance(value, list | tuple):
        return [recordable(one, deep + 1) for one in cast("list[Any]", value)]
    return shown(value)


def readable(text: str) -> str:
    """Return a text that can be written as UTF-8: halves of surrogate pairs are spelled out."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def shown(value: object, *, kind: bool = True) -> str:
    """Return the type of a value and the beginning of it, whatever it is."""
    try:
        # Long ones are not spelled out first to be cut afterwards.
        text = repr(cast("str", value)[: _MOST + 1] if type(value) in _CUT else value)
    except Exception:
        text = "that cannot be shown"
    text = text if len(text) <= 60 else f"{text[:60]}..."
    return f"{type(value).__name__} {readable(text)}" if kind else readable(text)


def told(error: BaseException) -> str:
    """Return what an exception says, on one line; it may be unable to."""
    return f"{type(error).__name__}: {' '.join(said(error).split())[:300]}"


def said(error: BaseException) -> str:
    """Return the text of an exception, or its type where it has none or cannot tell it."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return readable(text) or type(error).__name__


def _text(value: object) -> str:
    return str.__str__(value) if isinstance(value, str) else "" if value is None else shown(value)
