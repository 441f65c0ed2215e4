"""Arguments have exactly one reading, and nothing is converted into what it may have meant."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
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


# ---- what a schema says is enforced, or an error ----------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        {"type": "integer", "multipleOf": 2},
        {"type": "integer", "minimum": "3"},
        {"type": "integer", "minimum": True},
        {"type": "number", "maximum": float("nan")},
        {"type": "number", "exclusiveMaximum": True},
        {"type": "string", "minLength": -1},
        {"type": "string", "maxLength": 2.5},
        {"type": "string", "enum": "ab"},
        {"type": "string", "enum": []},
        {"type": "string", "enum": ["a"], "const": "b"},
        {"type": "string", "pattern": 3},
        {"type": "integer", "pattern": "^1$"},
        {"type": "array", "items": TEXT, "enum": [["a"]]},
        {"type": "array", "items": TEXT, "contains": {"const": "a"}},
        {**record(y=TEXT), "const": {"y": "a"}},
        {**record(y=TEXT), "minProperties": 1},
        {**record(y=TEXT), "required": "y"},
        {"type": "object", "properties": ["y"]},
        {"type": "object", "properties": {1: TEXT}},
        {"$ref": "#/$defs/text", "maxLength": 3},
    ],
)
def test_what_would_restrict_a_value_and_is_not_enforced_is_an_error(part: dict[str, Any]):
    with pytest.raises(ShapeError, match=r"parameters\.x"):
        read({**record(x=part), "$defs": {"text": TEXT}})


def test_what_restricts_nothing_may_stand_beside_a_reference():
    part = {"$ref": "#/$defs/text", "description": "a text", "default": "a"}
    shape = read({"type": "object", "properties": {"x": part}, "$defs": {"text": TEXT}})
    assert normalise(shape, {}) == {"x": "a"}


def test_a_restriction_beside_a_union_with_null_is_an_error():
    part = {"anyOf": [TEXT, {"type": "null"}], "maxLength": 3}
    with pytest.raises(ShapeError, match="maxLength"):
        read({"type": "object", "properties": {"x": part}}, nulls=True)


@pytest.mark.parametrize(
    ("part", "fits", "does_not"),
    [
        ({"type": "integer", "exclusiveMinimum": 3}, 4, 3),
        ({"type": "number", "exclusiveMaximum": 3}, 2.9999, 3),
        ({"type": "array", "items": TEXT, "uniqueItems": True}, ["a", "b"], ["a", "a"]),
        ({"type": "string", "const": "a"}, "a", "b"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "abc", "abc\n"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "abc", "abc\nrm"),
        ({"type": "string", "pattern": "b"}, "abc", "ac"),
        ({"type": "string", "pattern": r"^/tmp/[\w.-]+$"}, "/tmp/a.txt", "/tmp/../etc"),
    ],
)
def test_a_bound_is_where_the_schema_says(part: dict[str, Any], fits: Any, does_not: Any):
    shape = read(record(x=part))
    assert normalise(shape, {"x": fits}) == {"x": fits}
    with pytest.raises(Mismatch):
        normalise(shape, {"x": does_not})


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "[a&&b]", "[a-z--b]", r"((a{1000}){1000}){9}"])
def test_a_pattern_that_readers_differ_about_or_that_takes_forever_is_an_error(pattern: str):
    with pytest.raises(ShapeError, match="pattern"):
        read(record(x={"type": "string", "pattern": pattern}))


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"\s+$", "^(a|aa)*$", r"^(\w+\s?)*$"])
def test_no_text_makes_a_pattern_slow(pattern: str):
    shape = read(record(x={"type": "string", "pattern": pattern}))
    for text in ("a" * 50_000 + "!", " " * 50_000 + "!"):
        with pytest.raises(Mismatch):
            normalise(shape, {"x": text})


class Growing(list[str]):
    """A list that another thread adds to while it is read."""

    def __len__(self) -> int:
        return 1


def test_a_list_is_counted_as_it_is_read():
    shape = read(record(x={"type": "array", "items": TEXT, "maxItems": 1}))
    with pytest.raises(Mismatch, match="length"):
        normalise(shape, {"x": Growing(["a", "b"])})


def test_a_default_is_a_new_one_each_time():
    shape = read({"type": "object", "properties": {"x": {"type": "array", "items": TEXT, "default": ["a"]}}})
    normalise(shape, {})["x"].append("b")
    assert normalise(shape, {}) == {"x": ["a"]}


def test_what_is_normalised_shares_nothing_with_what_was_given():
    given_ = {"x": {"y": ["a"]}}
    found = normalise(read(record(x=record(y={"type": "array", "items": TEXT}))), given_)
    given_["x"]["y"].append("b")
    assert found == {"x": {"y": ["a"]}}


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_a_name_that_cedar_reads_as_something_else_is_an_error(name: str):
    inner = {"type": "object", "properties": {name: record(type=TEXT, id=TEXT)}}
    with pytest.raises(ShapeError, match=name):
        read(record(x=inner))


def test_a_schema_that_grows_without_end_is_an_error():
    names = [f"d{number}" for number in range(20)]
    defs: dict[str, Any] = {
        name: record(a={"$ref": f"#/$defs/{below}"}, b={"$ref": f"#/$defs/{below}"})
        for name, below in pairwise(names)
    }
    with pytest.raises(ShapeError, match="parts at most"):
        read({**record(x={"$ref": "#/$defs/d0"}), "$defs": {**defs, "d19": TEXT}})
    endless: dict[str, Any] = {"type": "object", "properties": {}}
    endless["properties"]["x"] = endless
    with pytest.raises(ShapeError, match="parts at most"):
        read(endless)


def test_a_number_of_any_size_is_refused_at_once():
    for value in (10**5000, -(10**5000), 1e308):
        with pytest.raises(Mismatch):
            normalise(read(record(x={"type": "number"})), {"x": value})
