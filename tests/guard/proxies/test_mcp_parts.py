"""What of a tool may differ from the policy's, and what of a result may go on."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.guard.adapters.mcp.catalogue import Catalogue
from duress.guard.adapters.mcp.content import bare
from duress.guard.adapters.mcp.drift import difference
from duress.guard.adapters.mcp.pins import Pins, PinsError
from duress.guard.adapters.mcp.released import Held, released
from duress.guard.results import screen
from guard.office import policy
from guard.proxies.office import POLICY, SECRET

TEXT = {"type": "string"}


def args(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (args(a=TEXT), args(a={**TEXT, "title": "A", "description": "Any.", "maxLength": 3})),
        (args(a=TEXT), args(a=TEXT, b=TEXT)),
        (args(a=TEXT), args(("a",), a=TEXT)),
        (args(a=TEXT), args(a={"anyOf": [TEXT, {"type": "null"}]})),
        (args(a=TEXT), args(a={"type": ["string", "integer"]})),
        (args(a=TEXT), args(a={"enum": ["x", "y"]})),
        (args(a=TEXT), args(a={})),
        (args(a={"type": "integer"}), args(a={"type": "number"})),
        (args(a={"type": "array", "items": TEXT}), args(a={"type": "array"})),
        (args(a=TEXT), {**args(a={"$ref": "#/$defs/A"}), "$defs": {"A": TEXT}}),
        ({**args(a={"$ref": "#/$defs/A"}), "$defs": {"A": TEXT}}, args(a=TEXT)),
        (args(), args()),
        (args(), {}),
    ],
)
def test_a_policy_may_be_narrower_than_the_server(ours: dict[str, Any], theirs: dict[str, Any]):
    assert difference(ours, theirs) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        (args(a=TEXT), args(b=TEXT), "no longer has 'a'"),
        (args(a=TEXT), args(("b",), a=TEXT, b=TEXT), "requires 'b'"),
        (args(a=TEXT), args(a={"type": "array", "items": TEXT}), "says string, the server now array"),
        (args(a={"type": "number"}), args(a={"type": "integer"}), "says number"),
        (args(a={"type": "array", "items": TEXT}), args(a={"type": "array", "items": {"type": "integer"}}), r"a\[\]: "),
        (args(a=args(b=TEXT)), args(a=args(b={"type": "boolean"})), "arguments.a.b"),
        (args(a=args(b=TEXT)), args(a={"anyOf": [args(c=TEXT), {"type": "null"}]}), "no longer has 'b'"),
        (args(a=TEXT), {"type": "array"}, "says object"),
        (args(a=TEXT), {**args(a={"$ref": "#/$defs/B"}), "$defs": {}}, "can be read"),
        (args(a=TEXT), {**args(a={"$ref": "#/$defs/B"}), "$defs": {"B": {"$ref": "#/$defs/B"}}}, "can be read"),
    ],
)  # fmt: skip
def test_what_was_decided_on_has_to_be_what_the_server_makes_of_it(ours: Any, theirs: Any, why: str):
    found = difference(ours, theirs)
    assert found is not None
    assert re.search(why, found)


def test_the_same_name_twice_and_pseudo_tools_are_not_shown(tmp_path: Path):
    warned: list[str] = []
    catalogue = Catalogue(policy(POLICY), Pins(tmp_path / "pins.json", "s"), warned.append)
    schema = args(("message",), message=TEXT)
    tools = [
        {"name": "read_mail", "inputSchema": schema},
        {"name": "picture", "inputSchema": {"type": "object"}},
        {"name": "read_mail", "inputSchema": schema},
        {"name": "resources/read", "inputSchema": {"type": "object"}},
        {"name": "wipe", "inputSchema": {"type": "object"}},
    ]
    assert [tool["name"] for tool in catalogue.take(tools)] == ["picture"]
    assert "two tools of this name" in str(catalogue.objection("read_mail"))
    assert len(warned) == 1


def test_pins_outlive_the_process_and_say_when_they_cannot_be_read(tmp_path: Path):
    file = tmp_path / "state" / "pins.json"
    assert not Pins(file, "one").changed("a", {"description": "x"})
    assert not Pins(file, "other").changed("a", {"description": "y"})
    assert Pins(file, "one").changed("a", {"description": "y"})
    assert not Pins(file, "one", accept=True).changed("a", {"description": "y"})
    assert not Pins(file, "one").reworded("Be brief.")
    assert Pins(file, "one").reworded("Be long.")
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("{")
    with pytest.raises(PinsError, match=r"pins\.json: cannot be read.*remove it"):
        Pins(file, "one")


def blocks(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts]


def passed(rules: str, held: Held) -> Held:
    made = policy(POLICY, results=rules)
    return released(made, "read_mail", held, screen(made.file.results, "read_mail", held.text).text)


REDACT = "[{classes: [secret], do: redact}]"
WITHHOLD = "[{classes: [secret], do: withhold}]"


def test_what_holds_nothing_goes_on_as_it_is():
    held = Held(blocks("six", "seven"), {"a": [1, {"b": "eight"}]})
    assert passed(REDACT, held) == held


def test_redaction_keeps_the_form():
    held = Held(blocks("six", f"the key is {SECRET}"), {"rows": [{"key": SECRET, "open": True}]})
    found = passed(REDACT, held)
    assert found.blocks[0] == blocks("six")[0]
    assert found.structured == {"rows": [{"key": "[redacted: secret]", "open": True}]}
    assert SECRET not in repr(found)


def test_what_cannot_be_redacted_in_its_place_is_replaced_as_a_whole():
    # The secret is the name of a field, and one is in data that is text after all.
    for held in (
        Held(blocks("six"), {SECRET: 1}),
        Held([{"type": "resource", "resource": {"uri": "a:b", "blob": base64.b64encode(f"key {SECRET}".encode()).decode()}}]),
    ):  # fmt: skip
        found = passed(REDACT, held)
        assert found.structured is None
        assert [block["type"] for block in found.blocks] == ["text"]
        assert SECRET not in repr(found)


def test_withheld_is_withheld_in_every_form():
    found = passed(WITHHOLD, Held(blocks(f"the key is {SECRET}"), {"key": SECRET}))
    assert found.structured is None
    assert found.blocks[0]["text"].startswith("The result was withheld")


def test_images_pass_only_where_no_rule_covers_the_tool():
    image = {"type": "image", "data": base64.b64encode(bytes(range(256))).decode(), "mimeType": "image/png"}
    assert passed("[{classes: [secret], do: redact, tools: [send_mail]}]", Held([image])).blocks == [image]
    assert passed("[{classes: [secret], do: redact, but: [read_mail]}]", Held([image])).blocks == [image]
    assert "cannot be screened" in passed(REDACT, Held([image])).blocks[0]["text"]


def test_only_what_is_known_of_a_block_is_kept():
    given = [
        {"type": "text", "text": "a", "_meta": {"x": SECRET}, "annotations": {"audience": ["user"]}, "more": SECRET},
        {"type": "image", "data": "aGk=", "mimeType": f"image/{SECRET * 3}"},
        {"type": "resource_link", "uri": "a:b", "name": "n", "icons": [{"src": SECRET}]},
        {"type": "telepathy", "text": SECRET},
        "text",
    ]  # fmt: skip
    assert bare(given) == [
        {"type": "text", "text": "a"},
        {"type": "image", "data": "aGk="},
        {"type": "resource_link", "uri": "a:b", "name": "n"},
    ]


_leaf = (
    st.sampled_from(["six", SECRET, f"key {SECRET}.", "", "7"]) | st.integers() | st.booleans() | st.none()
)
_value = st.recursive(
    _leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "type", SECRET]), inner, max_size=3)
)  # fmt: skip


@settings(max_examples=40)
@given(
    texts=st.lists(st.sampled_from(["six", SECRET, f"a {SECRET}", f"{SECRET}\n{SECRET}"]), max_size=3),
    structured=_value,
)
def test_no_form_of_a_result_lets_a_secret_pass(texts: list[str], structured: Any):
    held = Held(blocks(*texts), structured)
    for rules in (REDACT, WITHHOLD):
        assert SECRET not in repr(passed(rules, held))
