"""The parts of a nested argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast


def leaves(value: Any) -> Iterator[Any]:
    """Yield the values of a nested argument that are no containers, in order, without the keys of objects."""
    stack: list[Any] = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, Mapping):
            stack.extend(reversed(list(cast("Mapping[Any, Any]", top).values())))
        elif isinstance(top, list | tuple | set | frozenset):
            stack.extend(reversed(list(cast("list[Any]", top))))
        else:
            yield top


def spelled(arguments: Mapping[str, Any]) -> str:
    """Return the arguments as lines `name: value`, nested ones under their innermost name."""
    lines: list[str] = []
    stack: list[tuple[str, Any]] = list(reversed(list(arguments.items())))
    while stack:
        name, value = stack.pop()
        if isinstance(value, str):
            lines.append(f"{name}: {value}")
        elif isinstance(value, Mapping):
            stack.extend(reversed(list(cast("Mapping[str, Any]", value).items())))
        elif isinstance(value, list | tuple | set | frozenset):
            stack.extend((name, one) for one in reversed(list(cast("list[Any]", value))))
        elif value is not None:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


def at(arguments: Mapping[str, Any], path: str) -> Any:
    """Return what stands at `name` or `name.inner`, of every element where a list lies between; else None."""
    if path in arguments:
        return arguments[path]
    head, dot, rest = path.partition(".")
    if not dot or head not in arguments:
        return None
    return _within(arguments[head], rest)


def _within(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return at(cast("Mapping[str, Any]", value), path)
    if isinstance(value, list | tuple):
        return [_within(one, path) for one in cast("list[Any]", value)]
    return None
