"""Shapes of arguments: a tool's JSON Schema, read strictly, and what it becomes in Cedar.

The mapping is explicit: integer to Long; number to decimal, where an inexact one is refused; string to
String; boolean to Bool; array to Set (its order is lost to rules); closed object to Record. Unions, null and
free objects have no type in Cedar, so a tool that takes them can only be denied.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, cast

from msgspec import Struct, field

from duress.guard.given import copied, shown

Kind = Literal["text", "whole", "number", "flag", "many", "record"]

LONG = range(-(2**63), 2**63)
"""What fits into a Cedar Long."""
_PLACES = 4
_MOST_DECIMAL = Decimal(2**63 - 1).scaleb(-_PLACES)
_ABOVE = 2**63
_DEEP = 32
_MOST = 5_000
"""Parts of one schema, those behind references counted wherever they stand."""
_RESERVED = frozenset({"__entity", "__extn", "__expr"})
"""Names by which Cedar takes a record for something else."""
_REMARKS = frozenset(
    {
        "$comment",
        "$defs",
        "$ref",
        "$schema",
        "default",
        "definitions",
        "deprecated",
        "description",
        "examples",
        "format",
        "readOnly",
        "title",
        "writeOnly",
    }
)
"""Words that restrict nothing."""
_UNENFORCED = (
    "contains",
    "dependentRequired",
    "maxProperties",
    "minProperties",
    "multipleOf",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_UNTYPED = ("anyOf", "oneOf", "allOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas")
_SET = re.compile(r"\[(?:\\.|[^\]\\])*(?:&&|--|~~)", re.DOTALL)
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
    above: float | None = None
    below: float | None = None
    """Bounds of a number that it may not reach."""
    distinct: bool = False
    """Whether all items must differ."""
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
        self._count = 0
        self._deep = 0

    def read(self, schema: Any, where: str, seen: tuple[str, ...]) -> Shape:
        self._count += 1
        if self._count > _MOST or self._deep > _DEEP:
            raise ShapeError(
                f"{where}: expected {_MOST} parts at most, nested {_DEEP} deep at most; deny the tool"
            )
        self._deep += 1
        found = self._read(schema, where, seen)
        self._deep -= 1
        return found

    def _read(self, schema: Any, where: str, seen: tuple[str, ...]) -> Shape:
        if not isinstance(schema, Mapping):
            raise ShapeError(f"{where}: expected a JSON Schema, found {shown(schema)}")
        schema = cast("Mapping[str, Any]", schema)
        if "$ref" in schema:
            self._alone(schema, where, "$ref")
            name = str(schema["$ref"])
            if name in seen:
                raise ShapeError(
                    f"{where}: {name} refers to itself, and Cedar has no such type; deny the tool"
                )
            return self.read(self._follow(name, where), where, (*seen, name))
        if self._nulls and (inner := _optional(schema)) is not None:
            if "type" not in schema:
                self._alone(schema, where, "anyOf", "oneOf", "type")
            return self.read(inner, where, seen)
        for word in _UNENFORCED:
            if word in schema:
                raise ShapeError(f"{where}: {word} is not enforced; leave it out, or deny the tool")
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
            self._unlisted(schema, where)
            return Shape(
                "many",
                item=self.read(schema["items"], f"{where}[]", seen),
                least=_size(schema, "minItems", where),
                most=_size(schema, "maxItems", where),
                distinct=schema.get("uniqueItems") is True,
            )
        return self._plain(kind, schema, where)

    def _alone(self, schema: Mapping[str, Any], where: str, *words: str) -> None:
        """Refuse what would restrict a value beside a reference or a union, and is not read there."""
        beside = sorted(set(schema) - _REMARKS - set(words))
        if beside:
            raise ShapeError(
                f"{where}: {beside[0]} beside {words[0]} is not enforced; write it where the type is, or "
                "deny the tool"
            )

    def _unlisted(self, schema: Mapping[str, Any], where: str) -> None:
        for word in ("enum", "const"):
            if word in schema:
                raise ShapeError(
                    f"{where}: expected {word} of strings or of integers; lists and objects have none"
                )

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
            values = _values(schema, where)
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
        values = _values(schema, where)
        wanted = {"text": str, "whole": int}.get(kind)
        if values is not None and (wanted is None or not all(type(value) is wanted for value in values)):
            raise ShapeError(f"{where}: expected an enum of strings or of integers, found {values!r}")
        pattern = schema.get("pattern")
        if pattern is not None:
            if kind != "text" or not isinstance(pattern, str):
                raise ShapeError(f"{where}: expected pattern as a text, for a string; found {shown(pattern)}")
            try:
                matcher(pattern)
            except ValueError as error:
                raise ShapeError(f"{where}: pattern {pattern!r} cannot be read: {error}") from None
        bound = _size if kind == "text" else _bound
        low, high = ("minLength", "maxLength") if kind == "text" else ("minimum", "maximum")
        return Shape(
            kind,
            values=None if values is None else frozenset(values),
            least=bound(schema, low, where),
            most=bound(schema, high, where),
            above=_bound(schema, "exclusiveMinimum", where),
            below=_bound(schema, "exclusiveMaximum", where),
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
        self._unlisted(schema, where)
        properties = cast("Mapping[str, Any]", schema.get("properties") or {})
        if not isinstance(properties, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ShapeError(f"{where}: expected properties by name, found {shown(properties)}")
        for name in properties:
            if not isinstance(name, str) or name in _RESERVED:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ShapeError(
                    f"{where}: {name!r} cannot be the name of an argument in Cedar; deny the tool"
                )
        fields = {name: self.read(part, f"{where}.{name}", seen) for name, part in properties.items()}
        needed: Any = schema.get("required") or []
        if not isinstance(needed, list) or not all(isinstance(one, str) for one in cast("list[Any]", needed)):
            raise ShapeError(
                f"{where}: expected required as a list of names, found {shown(cast('object', needed))}"
            )
        required = frozenset(cast("list[str]", needed))
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


def _values(schema: Mapping[str, Any], where: str) -> list[Any] | None:
    """Return the only values that a schema allows."""
    if "enum" in schema and "const" in schema:
        raise ShapeError(f"{where}: expected enum or const, found both")
    values: Any = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if values is not None and (not isinstance(values, list) or not values):
        raise ShapeError(f"{where}: expected enum as a list of values, found {shown(cast('object', values))}")
    return cast("list[Any] | None", values)


def _bound(schema: Mapping[str, Any], word: str, where: str) -> float | None:
    found = schema.get(word)
    if found is not None and (type(found) not in (int, float) or not math.isfinite(found)):
        raise ShapeError(f"{where}: expected {word} as a number, found {shown(found)}")
    return found


def _size(schema: Mapping[str, Any], word: str, where: str) -> int | None:
    found = schema.get(word)
    if found is not None and (type(found) is not int or found < 0):
        raise ShapeError(f"{where}: expected {word} as a whole number, found {shown(found)}")
    return found


@lru_cache(maxsize=1000)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a pattern is found in a text, in time linear to the text.

    Python's own engine can take longer than the world will last for a text that an agent has made up, and
    its `$` lets a line break pass at the end. This is the engine of Rust, which has neither; look-around and
    back-references, which cannot be had without, are an error.

    Raises:
        ValueError: the pattern cannot be read.
    """
    # Only here: a policy without patterns does not load it.
    from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

    if _SET.search(pattern):
        raise ValueError(
            "&&, -- and ~~ within [] mean something else to other readers; escape one of the two"
        )
    try:
        check = SchemaValidator(
            core_schema.str_schema(pattern=pattern, regex_engine="rust-regex", strict=True)
        )
    except SchemaError as error:
        raise ValueError(" ".join(str(error).split())) from None

    def found(text: str) -> bool:
        try:
            check.validate_python(text)
        except ValidationError:
            return False
        return True

    return found


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
                raise Mismatch(f"{where}: expected an integer of 64 bits, found {shown(value)}")
            _bounded(shape, value, where)
            return value
        case "number":
            if type(value) not in (int, float):
                raise Mismatch(f"{where}: expected a number, found {shown(value)}")
            decimal(value, where)
            _bounded(shape, value, where)
            return value
        case "flag":
            if type(value) is not bool:
                raise Mismatch(f"{where}: expected true or false, found {shown(value)}")
            return value
        case "many":
            if not isinstance(value, list):
                raise Mismatch(f"{where}: expected a list, found {shown(value)}")
            # Counted as it will be read: another thread may add to a list meanwhile.
            items = list(cast("list[Any]", value))
            _sized(shape, len(items), where)
            assert shape.item is not None
            read = [normalise(shape.item, item, f"{where}[{index}]") for index, item in enumerate(items)]
            if shape.distinct and any(one in read[:index] for index, one in enumerate(read)):
                raise Mismatch(f"{where}: expected items that differ, found one twice")
            return read
        case "record":
            return _fields(shape, value, where)


def _text(shape: Shape, value: Any, where: str) -> str:
    if type(value) is not str:
        raise Mismatch(f"{where}: expected a string, found {shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Mismatch(f"{where}: expected text, found half of a surrogate pair") from None
    _sized(shape, len(value), where)
    if shape.values is not None and value not in shape.values:
        raise Mismatch(f"{where}: expected one of {_listed(shape)}, found {shown(value)}")
    if shape.pattern is not None and not matcher(shape.pattern)(value):
        raise Mismatch(f"{where}: expected a text like {shape.pattern!r}, found {shown(value)}")
    return value


def _fields(shape: Shape, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mismatch(f"{where}: expected an object, found {shown(value)}")
    given = cast("dict[Any, Any]", value)
    for name in given:
        if name not in shape.fields:
            raise Mismatch(
                f"{where}: unknown {shown(name, kind=False)}; expected {', '.join(shape.fields) or 'nothing'}"
            )
    out: dict[str, Any] = {}
    for name, inner in shape.fields.items():
        absent = name not in given or (shape.nulls and given[name] is None and name not in shape.required)
        if not absent:
            out[name] = normalise(inner, given[name], f"{where}.{name}")
        elif name in shape.required:
            raise Mismatch(f"{where}: {name!r} is missing")
        elif name in shape.defaults:
            # Of its own each time: a tool may change what it gets.
            out[name] = copied(shape.defaults[name])
    return out


def _bounded(shape: Shape, value: float, where: str) -> None:
    if shape.values is not None and value not in shape.values:
        raise Mismatch(f"{where}: expected one of {_listed(shape)}, found {value}")
    if shape.least is not None and value < shape.least:
        raise Mismatch(f"{where}: expected {shape.least} or more, found {value}")
    if shape.most is not None and value > shape.most:
        raise Mismatch(f"{where}: expected {shape.most} or less, found {value}")
    if shape.above is not None and value <= shape.above:
        raise Mismatch(f"{where}: expected more than {shape.above}, found {value}")
    if shape.below is not None and value >= shape.below:
        raise Mismatch(f"{where}: expected less than {shape.below}, found {value}")


def _sized(shape: Shape, size: int, where: str) -> None:
    if (shape.least is not None and size < shape.least) or (shape.most is not None and size > shape.most):
        low, high = shape.least or 0, "any number" if shape.most is None else shape.most
        raise Mismatch(f"{where}: expected a length from {low} to {high}, found {size}")


def _listed(shape: Shape) -> str:
    return ", ".join(map(str, sorted(shape.values or (), key=str)))


def decimal(value: float, where: str = "value") -> Decimal:
    """Return the exact value of a number as Cedar's decimal holds it: four places, 64 bits.

    Raises:
        Mismatch: it has none.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise Mismatch(f"{where}: expected a finite number, found {value}")
    if isinstance(value, int) and not -_ABOVE < value < _ABOVE:
        raise Mismatch(f"{where}: expected a number below {_MOST_DECIMAL:.0f}, found one beyond 64 bits")
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
