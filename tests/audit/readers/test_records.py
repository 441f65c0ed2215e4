"""Records come out of a log whole, whatever their size, and damage stays where it is."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.audit import parts as splitting
from duress.audit import records as module
from duress.audit.records import Record, decode, records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=8), JSON, min_size=1, max_size=4)


def values(text: bytes) -> list[Any]:
    found = list(records(io.BytesIO(text)))
    assert all(record.fault is None for record in found), found
    return [record.value for record in found]


@settings(max_examples=30)
@given(st.lists(OBJECTS, min_size=1, max_size=6), st.booleans())
def test_lines_are_records(items: list[Any], ascii: bool):
    text = "\n".join(json.dumps(item, ensure_ascii=ascii) for item in items) + "\n"
    assert values(text.encode("utf-8", "surrogatepass")) == items


@settings(max_examples=30)
@given(st.lists(OBJECTS, min_size=1, max_size=6), st.integers(1, 40), st.booleans())
def test_lines_are_the_same_whatever_the_blocks(items: list[Any], block: int, ends: bool):
    lines = [json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass") for item in items]
    text = b"\n\n".join(lines) + b"\n" * ends
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        found = list(module._lines(io.BytesIO(text), 0, 0))
    assert [record.value for record in found] == items
    assert [record.line for record in found] == list(range(1, 2 * len(items), 2))
    assert found[-1].end == (len(text) if ends else 0)


@settings(max_examples=30)
@given(st.lists(OBJECTS, min_size=2, max_size=6), st.sampled_from([None, 2]))
def test_an_array_holds_records(items: list[Any], indent: int | None):
    assert values(json.dumps(items, indent=indent).encode()) == items


@settings(max_examples=30)
@given(st.lists(OBJECTS, min_size=1, max_size=6), st.sampled_from([None, 1]), st.integers(1, 40))
def test_a_long_array_gives_the_same_records_in_pieces(items: list[Any], indent: int | None, block: int):
    text = json.dumps(items, indent=indent, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PEEK", block)
        found = list(module._elements(module._Joined(b"", io.BytesIO(text))))
    assert [record.value for record in found] == items
    assert [record.line for record in found] == list(range(1, len(items) + 1))


@settings(max_examples=30)
@given(st.lists(OBJECTS, min_size=1, max_size=5), st.text(max_size=5), st.integers(1, 40))
def test_a_long_object_gives_its_runs_one_by_one(items: list[Any], task: str, block: int):
    text = json.dumps({"eval": {"task": task}, "samples": items, "reductions": [1, {"a": [2]}]}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PEEK", block)
        found = [record.value for record in module._elements(module._Joined(b"", io.BytesIO(text)))]
    head = {"eval": {"task": task}} if block >= len(json.dumps({"task": task})) else {}
    assert found == [{**head, "samples": [item]} for item in items]


@settings(max_examples=30)
@given(st.lists(OBJECTS, min_size=1, max_size=6), st.data())
def test_a_damaged_line_is_counted_and_the_others_are_read(items: list[Any], data: st.DataObject):
    lines = [json.dumps(item) for item in items]
    at = data.draw(st.integers(0, len(lines)))
    lines.insert(at, '{"messages": [{"role"')
    found = list(records(io.BytesIO(("\n".join(lines) + "\n").encode())))
    if len(items) == 1 and at == 0 and len(lines) == 2:
        # A damaged line and one more may as well be a damaged document: the damage is told either way.
        assert any(record.fault for record in found)
        return
    assert [record.line for record in found if record.fault] == [at + 1]
    assert [record.value for record in found if not record.fault] == items


def test_a_last_line_that_is_not_complete_is_not_behind_us():
    text = b'{"a": 1}\n{"a": 2}\n{"a": '
    found = list(records(io.BytesIO(text)))
    assert [record.value for record in found[:2]] == [{"a": 1}, {"a": 2}]
    assert found[2].fault is not None
    assert "not complete" in found[2].fault
    assert found[2].end == 0
    assert found[1].end == text.index(b'{"a": ', 15)


def test_reading_goes_on_where_it_ended():
    text = b'{"a": 1}\n{"a": 2}\n'
    more = text + b'{"a": 3}\n'
    last = list(records(io.BytesIO(text)))[-1]
    assert list(records(io.BytesIO(more), offset=last.end, line=last.line)) == [Record(3, {"a": 3}, None, 27)]


def test_a_document_that_was_cut_off_gives_what_is_whole():
    items = [{"n": number} for number in range(5)]
    text = json.dumps(items)[:-4].encode()
    found = list(records(io.BytesIO(text)))
    assert [record.value for record in found[:-1]] == items[:-1]
    assert found[-1].fault


def test_a_line_that_is_too_long_is_dropped_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LONGEST", 100)
    monkeypatch.setattr(module, "_PEEK", 16)
    monkeypatch.setattr(module, "_BLOCK", 16)
    lines = [b'{"a": 1}', b'{"a": "%s"}' % (b"x" * 500), b'{"a": 3}']
    found = list(records(io.BytesIO(b"\n".join(lines) + b"\n")))
    assert [(record.line, record.value) for record in found] == [(1, {"a": 1}), (2, None), (3, {"a": 3})]
    assert [record.end for record in found][-1] == sum(map(len, lines)) + 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": NaN}', None),
        (b'{"a": Infinity}', None),
        (b'{"a": "\\ud83d"}', "\N{REPLACEMENT CHARACTER}"),
        (b'{"a": "\xff"}', "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_what_python_and_javascript_write_though_it_is_no_json_is_read(text: bytes, value: Any):
    found = decode(text)["a"]
    assert found == value if value is not None else isinstance(found, float)


@given(st.binary(max_size=200))
def test_any_bytes_end_in_records_or_faults(text: bytes):
    for record in records(io.BytesIO(text)):
        assert record.fault is None or record.value is None


@pytest.mark.parametrize(
    "value", [{"messages": [{"role": "user", "content": "x"}] * 40}, [{"role": "user", "content": "x"}] * 40]
)
def test_one_long_conversation_is_one_record(monkeypatch: pytest.MonkeyPatch, value: Any):
    monkeypatch.setattr(module, "WHOLE", 64)
    monkeypatch.setattr(module, "_PEEK", 16)
    assert values(json.dumps(value, indent=1).encode()) == [value]


def test_a_long_document_of_runs_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "WHOLE", 64)
    monkeypatch.setattr(module, "_PEEK", 16)
    document = {"v": 1, "runs": [{"n": number} for number in range(40)]}
    assert values(json.dumps(document, indent=1).encode()) == [
        {"v": 1, "runs": [run]} for run in document["runs"]
    ]


# ---- Long batches of spans -------------------------------------------------------------------------

SPANS = st.lists(OBJECTS, max_size=5)
NESTED = st.fixed_dictionaries(
    {
        "resourceSpans": st.lists(
            st.fixed_dictionaries(
                {"scopeSpans": st.lists(st.fixed_dictionaries({"scope": JSON, "spans": SPANS}), max_size=3)},
                optional={"resource": JSON},
            ),
            max_size=3,
        )
    },
    optional={"x": JSON},
)


def spans(values: list[Any]) -> list[Any]:
    """Each span with what it lies in."""
    return [
        (value.get("x"), resource.get("resource"), scope["scope"], span)
        for value in values
        for resource in value["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


@settings(max_examples=60)
@given(st.lists(NESTED, min_size=1, max_size=3), st.integers(0, 200), st.sampled_from(["lines", "document"]))
def test_a_long_batch_of_spans_comes_in_parts_and_whole(batches: list[Any], part: int, form: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONG", 0)
        patch.setattr(splitting, "PART", part)
        if form == "lines":
            text = "".join(json.dumps(batch) + "\n" for batch in batches).encode()
        else:
            # What stands behind an array is not known yet while that is read.
            batches = [{"resourceSpans": batches[0]["resourceSpans"]}]
            text = json.dumps(batches[0], indent=1).encode()
            patch.setattr(module, "WHOLE", 0)
        found = list(records(io.BytesIO(text)))
    assert all(record.fault is None for record in found)
    assert spans([record.value for record in found]) == spans(batches)
    if form == "lines":
        assert list(dict.fromkeys(record.line for record in found)) == list(range(1, len(batches) + 1))
        assert found[-1].end == len(text)


def test_no_part_of_a_long_batch_holds_much_more_than_it_may(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LONG", 1_000)
    monkeypatch.setattr(splitting, "PART", 500)
    batch = {"resourceSpans": [{"scopeSpans": [{"spans": [{"n": number} for number in range(1_000)]}]}]}
    found = values(json.dumps(batch).encode() + b"\n")
    assert len(found) > 15
    assert max(len(json.dumps(value)) for value in found) < 800


def test_a_long_record_of_another_kind_stays_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LONG", 0)
    monkeypatch.setattr(splitting, "PART", 0)
    lines: list[Any] = [
        {"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]},
        {"spans": [1, 2], "data": [3, 4]},
        {"resourceSpans": None},
        {"resourceSpans": [{"scopeSpans": 7}, None, 3]},
        [1, 2],
        "x",
    ]
    found = values(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert found[:3] == lines[:3]
    assert [value["resourceSpans"] for value in found[3:6]] == [[{"scopeSpans": 7}], [None], [3]]
    assert found[6:] == lines[4:]


def test_damage_in_a_long_batch_is_told_and_what_python_writes_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LONG", 0)
    monkeypatch.setattr(splitting, "PART", 0)
    text = b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"n": 1}, {"n": NaN}, {"n": 2}'
    (record,) = records(io.BytesIO(text + b"\n"))
    assert record.fault
    (record,) = records(io.BytesIO(text + b"]}]}]}\n"))
    assert len(record.value["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 3


# ---- Records that are nested too deeply ------------------------------------------------------------

DEEP = b'{"a": %s}' % (b"[" * 5_000 + b"]" * 5_000)


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("form", ["lines", "array", "long array"])
def test_a_record_that_is_nested_too_deeply_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, at: int, form: str
):
    items = [b'{"n": 0}', b'{"n": 1}']
    items.insert(at, DEEP)
    if form == "long array":
        monkeypatch.setattr(module, "WHOLE", 64)
    text = b"\n".join(items) + b"\n" if form == "lines" else b"[" + b", ".join(items) + b"]"
    found = list(records(io.BytesIO(text)))
    assert [record.value for record in found if record.fault is None] == [{"n": 0}, {"n": 1}]
    assert [(record.line, record.value) for record in found if record.fault] == [(at + 1, None)]


def test_a_long_line_that_is_nested_too_deeply_stops_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LONG", 0)
    found = list(records(io.BytesIO(b'{"n": 0}\n' + DEEP + b'\n{"n": 1}\n')))
    assert [record.value for record in found] == [{"n": 0}, None, {"n": 1}]
    assert found[1].fault


def test_an_element_that_is_damaged_leaves_the_others():
    found = list(records(io.BytesIO(b'[{"n": 0}, {"n": oops}, {"n": 1}]')))
    assert [(record.line, record.value) for record in found] == [(1, {"n": 0}), (2, None), (3, {"n": 1})]
