"""A YAML document with exactly one reading: whatever readers differ about is an error."""

from __future__ import annotations

import math
from typing import Any, cast

import yaml

_MOST = 200_000
"""Values in one document, those of aliases counted wherever they stand."""
_DEEP = 100
_ABOVE = 2**63


class DocumentError(ValueError):
    """A document that cannot be read. `str()` says where, what was found, and what to do."""


class _Loader(yaml.CSafeLoader):
    """Reads what JSON can hold, every key once."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if key.tag == "tag:yaml.org,2002:merge":
                raise _at(key, "expected keys that stand where they count, found a merge; write them out")
            if key.tag != "tag:yaml.org,2002:str":
                raise _at(key, f"expected a text as a key, found {key.value!s:.40}; put it in quotes")
            if key.value in seen:
                raise _at(key, f"{key.value} is given twice; keep one of them")
            seen.add(key.value)
        return super().construct_mapping(cast("yaml.MappingNode", node), deep)

    def construct_undefined(self, node: yaml.Node) -> Any:
        raise _at(node, f"expected a plain value, found one tagged {node.tag}")


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    found = loader.construct_yaml_float(node)
    if not math.isfinite(found):
        raise _at(node, f"expected a finite number, found {node.value}")
    return found


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    try:
        found = loader.construct_yaml_int(node)
    except ValueError:
        found = _ABOVE
    if not -_ABOVE <= found < _ABOVE:
        raise _at(node, f"expected an integer of 64 bits, found {node.value:.40}")
    return found


def _as_written(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
# A date is the text that was written: JSON has no other.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)
for _tag in ("binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_undefined)


def read(text: str) -> Any:
    """Return what a YAML document says, as JSON has it.

    Raises:
        DocumentError: it is not YAML, gives a key twice, or holds what JSON cannot hold.
    """
    try:
        found = yaml.load(text, Loader=_Loader)
    except DocumentError:
        raise
    except Exception as error:
        # Its constructors raise whatever they come upon: KeyError, ValueError, RecursionError.
        raise DocumentError(f": not YAML: {error}") from error
    _measure(found)
    return found


def _at(node: yaml.Node, text: str) -> DocumentError:
    return DocumentError(f":{node.start_mark.line + 1}: {text}")


def _measure(value: Any) -> None:
    """Refuse what aliases make endless or huge."""
    count = 0
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        one, deep = stack.pop()
        count += 1
        if deep > _DEEP or count > _MOST:
            raise DocumentError(
                f": expected at most {_MOST} values, nested {_DEEP} deep at most; found more; see its aliases"
            )
        if isinstance(one, str) and not one.isascii():
            try:
                one.encode()
            except UnicodeEncodeError:
                raise DocumentError(
                    f": expected text, found half of a surrogate pair: {one[:40]!r}"
                ) from None
        elif isinstance(one, dict):
            stack.extend((inner, deep + 1) for pair in cast("dict[Any, Any]", one).items() for inner in pair)
        elif isinstance(one, list):
            stack.extend((inner, deep + 1) for inner in cast("list[Any]", one))
