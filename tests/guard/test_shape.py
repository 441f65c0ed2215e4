"""Arguments have exactly one reading, and nothing is converted into what it may have meant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.guard.shape import Mismatch, ShapeError, decimal, normalise, ordered, read

TEXT = {"type": "string"}


def record(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"anyOf": [TEXT, {"type": "integer"}]}, "anyOf has no type in Cedar"),
        ({"type": ["string", "null"]}, "has no type in Cedar"),
        ({"type": "null"}, "has no type in Cedar"),
        ({"type": "object"}, "a free object has no type"),
        ({"type": "object", "properties": {}, "additionalProperties": True}, "a free object"),
        ({"type": "object", "additionalProperties": TEXT}, "a free object"),
        ({"type": "array"}, "an array without `items`"),
        ({"type": "array", "prefixItems": [TEXT]}, "prefixItems has no type"),
        ({}, "expected `type`, found none"),
        ({"enum": ["a", 1]}, "expected `type`"),
        ({"type": "string", "pattern": "("}, "cannot be read"),
        ({"$ref": "#/$defs/missing"}, "cannot be followed"),
        ({"$ref": "https://schemas.example/x"}, "cannot be followed"),
    ],
)
def test_what_has_no_type_in_cedar_is_an_error_that_names_the_argument(part: dict[str, Any], says: str):
    with pytest.raises(ShapeError, match=r"parameters\.x") as error:
        read(record(x=part))
    assert says in str(error.value)


def test_a_schema_that_refers_to_itself_is_an_error():
    schema = {**record(x={"$ref": "#/$defs/tree"}), "$defs": {"tree": record(next={"$ref": "#/$defs/tree"})}}
    with pytest.raises(ShapeError, match="refers to itself"):
        read(schema)


def test_references_within_a_schema_are_followed():
    schema = {**record(x={"$ref": "#/$defs/colour"}), "$defs": {"colour": {"enum": ["red", "blue"]}}}
    assert normalise(read(schema), {"x": "red"}) == {"x": "red"}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (TEXT, 1),
        (TEXT, ["a"]),
        (TEXT, None),
        (TEXT, "\ud800"),
        ({"type": "string", "enum": ["a"]}, "A"),
        ({"type": "string", "maxLength": 2}, "abc"),
        ({"type": "string", "pattern": "^a$"}, "b"),
        ({"type": "integer"}, True),
        ({"type": "integer"}, 1.0),
        ({"type": "integer"}, "1"),
        ({"type": "integer"}, 2**63),
        ({"type": "integer", "minimum": 3}, 2),
        ({"type": "number"}, True),
        ({"type": "number"}, "1.5"),
        ({"type": "number"}, float("nan")),
        ({"type": "number"}, float("inf")),
        ({"type": "number"}, 0.00001),
        ({"type": "number"}, 1e16),
        ({"type": "boolean"}, 1),
        ({"type": "boolean"}, "true"),
        ({"type": "array", "items": TEXT}, "a"),
        ({"type": "array", "items": TEXT}, ["a", 1]),
        ({"type": "array", "items": TEXT, "minItems": 1}, []),
        (record(y=TEXT), "y"),
        (record(y=TEXT), {}),
        (record(y=TEXT), {"y": "a", "z": "b"}),
    ],
)
def test_a_value_of_another_type_is_refused(part: dict[str, Any], value: Any):
    with pytest.raises(Mismatch, match=r"arguments\.x"):
        normalise(read(record(x=part)), {"x": value})


def test_an_unknown_argument_is_refused_and_a_default_is_filled_in():
    shape = read({"type": "object", "properties": {"x": TEXT, "n": {"type": "integer", "default": 3}}})
    assert normalise(shape, {"x": "a"}) == {"x": "a", "n": 3}
    with pytest.raises(Mismatch, match="unknown 'X'; expected x, n"):
        normalise(shape, {"X": "a"})


def test_null_counts_as_absent_only_where_a_policy_says_so():
    schema = {"type": "object", "properties": {"x": {"anyOf": [TEXT, {"type": "null"}], "default": None}}}
    with pytest.raises(ShapeError, match="anyOf"):
        read(schema)
    assert normalise(read(schema, nulls=True), {"x": None}) == {}
    with pytest.raises(Mismatch):
        normalise(read(record(x=TEXT), nulls=True), {"x": None})


def test_lists_are_named_because_rules_do_not_see_their_order():
    shape = read(record(to={"type": "array", "items": record(a={"type": "array", "items": TEXT})}, b=TEXT))
    assert ordered(shape) == ("arguments.to", "arguments.to[].a")


@given(st.integers(-(10**13), 10**13).map(lambda n: n / 10**4))
def test_every_number_of_four_places_is_exact(value: float):
    try:
        found = decimal(value)
    except Mismatch:
        # Beyond fifteen digits the shortest form of a float can have more than four places.
        assert len(repr(value).replace(".", "").lstrip("-0")) > 4
        return
    assert float(found) == value
    assert found == found.quantize(Decimal("0.0001"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)
SHAPE = read(
    {
        "type": "object",
        "properties": {"x": TEXT, "y": {"type": "array", "items": {"type": "integer"}}, "z": record(x=TEXT)},
    }
)


@given(JSON)
def test_normalising_refuses_or_changes_nothing_that_was_given(value: Any):
    try:
        found = normalise(SHAPE, value)
    except Mismatch:
        return
    assert found == value
    assert normalise(SHAPE, found) == found
