"""Shapes of arguments: a tool's JSON Schema, read strictly, and what it becomes in Cedar.

The mapping is explicit: integer to Long; number to decimal, where an inexact one is refused; string to
String; boolean to Bool; array to Set (its order is lost to rules); closed object to Record. Unions, null and
free objects have no type in Cedar, so a tool that takes them can only be denied.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, cast

from msgspec import Struct, field

Kind = Literal["text", "whole", "number", "flag", "many", "record"]

LONG = range(-(2**63), 2**63)
"""What fits into a Cedar Long."""
_PLACES = 4
_MOST_DECIMAL = Decimal(2**63 - 1).scaleb(-_PLACES)
_UNTYPED = ("anyOf", "oneOf", "allOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas")
_KINDS: dict[str, Kind] = {
    "string": "text",
    "integer": "whole",
    "number": "number",
    "boolean": "flag",
    "array": "many",
    "object": "record",
}


class ShapeError(ValueError):
    """A schema that has no type in Cedar. `str()` says where and what to do."""


class Mismatch(ValueError):  # noqa: N818  (an answer about a call, not a mistake of ours)
    """Arguments that do not have their shape. `str()` says which and why."""


class Shape(Struct, frozen=True):
    """The type of one argument, or of all arguments of a tool."""

    kind: Kind
    values: frozenset[str] | frozenset[int] | None = None
    """The only values allowed, for text and whole numbers."""
    least: float | None = None
    most: float | None = None
    """Bounds of a number, of a text's length, of the count of items."""
    pattern: str | None = None
    item: Shape | None = None
    fields: dict[str, Shape] = field(default_factory=dict[str, "Shape"])
    required: frozenset[str] = frozenset()
    defaults: dict[str, Any] = field(default_factory=dict[str, Any])
    nulls: bool = False
    """Whether an optional field given as null counts as not given."""


def read(schema: Mapping[str, Any], *, nulls: bool = False) -> Shape:
    """Return the shape of a tool's arguments.

    Args:
        schema: JSON Schema of an object; local `$ref`s are followed.
        nulls: Whether null stands for "not given" where a field is optional.

    Raises:
        ShapeError: the schema has a part without a type in Cedar.
    """
    shape = _Reader(schema, nulls).read(schema, "parameters", ())
    if shape.kind != "record":
        raise ShapeError(f"parameters: expected an object, found {schema.get('type')!r}")
    return shape


class _Reader:
    def __init__(self, root: Mapping[str, Any], nulls: bool) -> None:
        self._root = root
        self._nulls = nulls

    def read(self, schema: Any, where: str, seen: tuple[str, ...]) -> Shape:
        if not isinstance(schema, Mapping):
            raise ShapeError(f"{where}: expected a JSON Schema, found {schema!r}")
        schema = cast("Mapping[str, Any]", schema)
        if "$ref" in schema:
            name = str(schema["$ref"])
            if name in seen:
                raise ShapeError(
                    f"{where}: {name} refers to itself, and Cedar has no such type; deny the tool"
                )
            return self.read(self._follow(name, where), where, (*seen, name))
        if self._nulls and (inner := _optional(schema)) is not None:
            return self.read(inner, where, seen)
        for word in _UNTYPED:
            if word in schema:
                raise ShapeError(
                    f"{where}: {word} has no type in Cedar; write one type for the policy, or deny the tool "
                    "with `denied: true`"
                )
        kind = self._kind(schema, where)
        if kind == "record":
            return self._record(schema, where, seen)
        if kind == "many":
            if "items" not in schema:
                raise ShapeError(
                    f"{where}: an array without `items` has no type in Cedar; name the type of its items"
                )
            return Shape(
                "many",
                item=self.read(schema["items"], f"{where}[]", seen),
                least=schema.get("minItems"),
                most=schema.get("maxItems"),
            )
        return self._plain(kind, schema, where)

    def _follow(self, name: str, where: str) -> Any:
        found: Any = self._root
        for part in name.removeprefix("#/").split("/"):
            if not name.startswith("#/") or not isinstance(found, Mapping) or part not in found:
                raise ShapeError(f"{where}: {name} cannot be followed; only references within the schema can")
            found = cast("Mapping[str, Any]", found)[part]
        return found

    def _kind(self, schema: Mapping[str, Any], where: str) -> Kind:
        said = schema.get("type")
        if said is None:
            values = schema.get("enum", [schema["const"]] if "const" in schema else None)
            if values and all(isinstance(value, str) for value in values):
                return "text"
            raise ShapeError(f"{where}: expected `type`, found none; name one of {', '.join(_KINDS)}")
        if not isinstance(said, str) or said not in _KINDS:
            raise ShapeError(
                f"{where}: type {said!r} has no type in Cedar; expected one of {', '.join(_KINDS)}, or deny "
                "the tool with `denied: true`"
            )
        return _KINDS[said]

    def _plain(self, kind: Kind, schema: Mapping[str, Any], where: str) -> Shape:
        values = schema.get("enum", [schema["const"]] if "const" in schema else None)
        wanted = {"text": str, "whole": int}.get(kind)
        if values is not None and (
            wanted is None or not all(type(value) is wanted for value in cast("list[Any]", values))
        ):
            raise ShapeError(f"{where}: expected an enum of strings or of integers, found {values!r}")
        pattern = schema.get("pattern")
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ShapeError(f"{where}: pattern {pattern!r} cannot be read: {error}") from None
        low, high = ("minLength", "maxLength") if kind == "text" else ("minimum", "maximum")
        return Shape(
            kind,
            values=None if values is None else frozenset(values),
            least=schema.get(low),
            most=schema.get(high),
            pattern=pattern,
        )

    def _record(self, schema: Mapping[str, Any], where: str, seen: tuple[str, ...]) -> Shape:
        more = schema.get("additionalProperties")
        if more not in (None, False) or (
            "properties" not in schema and more is None and where != "parameters"
        ):
            raise ShapeError(
                f"{where}: a free object has no type in Cedar; name its properties, or deny the tool with "
                "`denied: true`"
            )
        properties = cast("Mapping[str, Any]", schema.get("properties") or {})
        fields = {name: self.read(part, f"{where}.{name}", seen) for name, part in properties.items()}
        required = frozenset(cast("list[str]", schema.get("required") or []))
        if unknown := required - set(fields):
            raise ShapeError(f"{where}: {sorted(unknown)[0]!r} is required but not among the properties")
        shape = Shape("record", fields=fields, required=required, nulls=self._nulls)
        defaults: dict[str, Any] = {}
        for name, part in properties.items():
            given = cast("Mapping[str, Any]", part)
            if name in required or given.get("default") is None:
                continue
            try:
                defaults[name] = normalise(fields[name], given["default"], f"{where}.{name}")
            except Mismatch as error:
                raise ShapeError(f"{error}; found as its default") from None
        return Shape("record", fields=shape.fields, required=required, defaults=defaults, nulls=self._nulls)


def _optional(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the other side of a union with null, or None for anything else."""
    sides = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(sides, list):
        real = [side for side in cast("list[Any]", sides) if side != {"type": "null"}]
        if len(real) == 1 and len(cast("list[Any]", sides)) == 2:
            return cast("Mapping[str, Any]", real[0])
    said = schema.get("type")
    if isinstance(said, list) and "null" in said and len(cast("list[Any]", said)) == 2:
        [real] = [one for one in cast("list[Any]", said) if one != "null"]
        return {**schema, "type": real}
    return None


def normalise(shape: Shape, value: Any, where: str = "arguments") -> Any:
    """Return a value in the form in which it is decided on and run; defaults are filled in.

    Nothing is converted: a value of another type is refused, not read as what it may have meant.

    Raises:
        Mismatch: a field is missing, unknown, of the wrong type, or has no exact value in Cedar.
    """
    match shape.kind:
        case "text":
            return _text(shape, value, where)
        case "whole":
            if type(value) is not int or value not in LONG:
                raise Mismatch(f"{where}: expected an integer of 64 bits, found {_shown(value)}")
            _bounded(shape, value, where)
            return value
        case "number":
            if type(value) not in (int, float):
                raise Mismatch(f"{where}: expected a number, found {_shown(value)}")
            decimal(value, where)
            _bounded(shape, value, where)
            return value
        case "flag":
            if type(value) is not bool:
                raise Mismatch(f"{where}: expected true or false, found {_shown(value)}")
            return value
        case "many":
            if not isinstance(value, list):
                raise Mismatch(f"{where}: expected a list, found {_shown(value)}")
            items = cast("list[Any]", value)
            _sized(shape, len(items), where)
            assert shape.item is not None
            return [normalise(shape.item, item, f"{where}[{index}]") for index, item in enumerate(items)]
        case "record":
            return _fields(shape, value, where)


def _text(shape: Shape, value: Any, where: str) -> str:
    if type(value) is not str:
        raise Mismatch(f"{where}: expected a string, found {_shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Mismatch(f"{where}: expected text, found half of a surrogate pair") from None
    _sized(shape, len(value), where)
    if shape.values is not None and value not in shape.values:
        raise Mismatch(f"{where}: expected one of {_listed(shape)}, found {_shown(value)}")
    if shape.pattern is not None and not re.search(shape.pattern, value):
        raise Mismatch(f"{where}: expected a text like {shape.pattern!r}, found {_shown(value)}")
    return value


def _fields(shape: Shape, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mismatch(f"{where}: expected an object, found {_shown(value)}")
    given = cast("dict[Any, Any]", value)
    for name in given:
        if name not in shape.fields:
            raise Mismatch(f"{where}: unknown {name!r}; expected {', '.join(shape.fields) or 'nothing'}")
    out: dict[str, Any] = {}
    for name, inner in shape.fields.items():
        absent = name not in given or (shape.nulls and given[name] is None and name not in shape.required)
        if not absent:
            out[name] = normalise(inner, given[name], f"{where}.{name}")
        elif name in shape.required:
            raise Mismatch(f"{where}: {name!r} is missing")
        elif name in shape.defaults:
            out[name] = shape.defaults[name]
    return out


def _bounded(shape: Shape, value: float, where: str) -> None:
    if shape.values is not None and value not in shape.values:
        raise Mismatch(f"{where}: expected one of {_listed(shape)}, found {value}")
    if shape.least is not None and value < shape.least:
        raise Mismatch(f"{where}: expected {shape.least} or more, found {value}")
    if shape.most is not None and value > shape.most:
        raise Mismatch(f"{where}: expected {shape.most} or less, found {value}")


def _sized(shape: Shape, size: int, where: str) -> None:
    if (shape.least is not None and size < shape.least) or (shape.most is not None and size > shape.most):
        low, high = shape.least or 0, "any number" if shape.most is None else shape.most
        raise Mismatch(f"{where}: expected a length from {low} to {high}, found {size}")


def _listed(shape: Shape) -> str:
    return ", ".join(map(str, sorted(shape.values or (), key=str)))


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:60] + '...'}"


def decimal(value: float, where: str = "value") -> Decimal:
    """Return the exact value of a number as Cedar's decimal holds it: four places, 64 bits.

    Raises:
        Mismatch: it has none.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise Mismatch(f"{where}: expected a finite number, found {value}")
    exact = Decimal(repr(value))
    exponent = cast("int", exact.normalize().as_tuple().exponent)
    if exponent < -_PLACES or abs(exact) > _MOST_DECIMAL:
        raise Mismatch(
            f"{where}: {value} has no exact decimal of four places below {_MOST_DECIMAL:.0f}; "
            "expected fewer digits"
        )
    return exact


def to_cedar(shape: Shape, value: Any) -> Any:
    """Return a normalised value as Cedar reads it in a context's JSON."""
    match shape.kind:
        case "number":
            return as_decimal(decimal(value))
        case "many":
            assert shape.item is not None
            inner = shape.item
            if inner.kind in ("text", "whole", "flag"):
                return value
            return [to_cedar(inner, item) for item in value]
        case "record":
            return {name: to_cedar(shape.fields[name], inner) for name, inner in value.items()}
        case _:
            return value


def as_decimal(value: Decimal) -> dict[str, Any]:
    """Return a decimal as Cedar reads it in JSON."""
    text = f"{value:f}"
    return {"__extn": {"fn": "decimal", "arg": text if "." in text else f"{text}.0"}}


def cedar_type(shape: Shape) -> dict[str, Any]:
    """Return the type of a shape in Cedar's JSON schema format."""
    match shape.kind:
        case "text":
            return {"type": "String"}
        case "whole":
            return {"type": "Long"}
        case "number":
            return {"type": "Extension", "name": "decimal"}
        case "flag":
            return {"type": "Boolean"}
        case "many":
            assert shape.item is not None
            return {"type": "Set", "element": cedar_type(shape.item)}
        case "record":
            sure = shape.required | set(shape.defaults)
            return {
                "type": "Record",
                "attributes": {
                    name: cedar_type(inner) | ({} if name in sure else {"required": False})
                    for name, inner in shape.fields.items()
                },
            }


def ordered(shape: Shape, where: str = "arguments") -> tuple[str, ...]:
    """Return where a shape holds lists: their order and repetitions are lost to rules."""
    if shape.kind == "many":
        assert shape.item is not None
        return (where, *ordered(shape.item, f"{where}[]"))
    return tuple(place for name, inner in shape.fields.items() for place in ordered(inner, f"{where}.{name}"))
