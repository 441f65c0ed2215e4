"""A policy file has one reading: what one reader takes one way and another another way is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.guard import PolicyError, load
from duress.guard.document import DocumentError, read
from duress.guard.policy import compiled, hash_of, parse
from duress.guard.toolset import load as load_tools
from duress.guard.versions import Versions
from guard.office import TEXT, policy


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3", ":3: a is given twice"),
        ("a: {b: 1, b: 2}", ":1: b is given twice"),
        ('a: 1\n"a": 2', ":2: a is given twice"),
        ("? &k a\n: 1\n? *k\n: 2", "a is given twice"),
        ("a: &x {b: 1}\nc: {<<: *x, b: 2}", ":2: .*merge"),
        ("on: 1", ":1: expected a text as a key, found on"),
        ("1: 2", ":1: expected a text as a key, found 1"),
        ("2026-01-01: 2", "expected a text as a key"),
        ("? [a]\n: 1", "expected a text as a key"),
        ("a: .nan", ":1: expected a finite number"),
        ("a: -.inf", ":1: expected a finite number"),
        ("a: 9223372036854775808", ":1: expected an integer of 64 bits"),
        ("a: " + "9" * 6000, ":1: expected an integer of 64 bits"),
        ("a: !!binary YQ==", "expected a plain value"),
        ("a: !!set {x}", "expected a plain value"),
        ("a: !!python/object/apply:os.getcwd []", "not YAML"),
        ("a: !own 1", "not YAML"),
        ('a: !!bool "perhaps"', "not YAML"),
        ('a: !!float "x"', "not YAML"),
        ("a: &a [*a]", "aliases"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("a: [", "not YAML"),
        ("a: " + "[" * 200 + "]" * 200, "nested 100 deep"),
    ],
)
def test_what_has_two_readings_or_none_is_an_error(text: str, says: str):
    with pytest.raises(DocumentError, match=says):
        read(text)


def test_aliases_that_multiply_are_an_error():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for number in range(1, 8):
        lines.append(f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]")
    with pytest.raises(DocumentError, match="aliases"):
        read("\n".join(lines))


def test_a_date_is_the_text_that_was_written():
    assert read("a: 2026-01-01") == read('a: "2026-01-01"')


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_json_is_read_as_what_it_is(value: dict[str, Any]):
    import yaml

    assert read(yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True)) == value


def test_a_tool_given_twice_in_a_policy_is_an_error_with_its_line():
    text = TEXT.replace("  wipe: {denied: true}", "  read_mail: {denied: true}")
    with pytest.raises(PolicyError, match=r"policy:\d+: read_mail is given twice"):
        parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "timeout: .inf",
        "approval: {expires: .nan}",
        'approval: {quorum: "2"}',
        "approval: {quorum: true}",
        "approval: {quorum: 2.0}",
        "approval: {quorum: 0}",
        "budgets: {calls: .inf}",
        "budgets: {money: 100.00}",
        "mode: Enforce",
        "version: 1",
        "window: -1",
    ],
)
def test_a_setting_of_another_type_is_an_error_and_not_read_as_what_it_may_have_meant(line: str):
    key = line.partition(":")[0]
    kept = [one for one in TEXT.splitlines() if not one.startswith(f"{key}:")]
    with pytest.raises(PolicyError):
        parse("\n".join([*kept, line, ""]))


@pytest.mark.parametrize("word", ['"true"', "1", '"yes"'])
def test_a_tool_is_denied_by_true_alone(word: str):
    with pytest.raises(PolicyError, match=r"wipe\.denied"):
        parse(TEXT.replace("denied: true", f"denied: {word}"))


def test_policies_that_differ_in_anything_have_different_hashes():
    changed = [
        TEXT,
        TEXT.replace("minimum: 0", "minimum: 1"),
        TEXT.replace("minimum: 0", "minimum: 0.0"),
        TEXT.replace("default: []", "default: [x]"),
        TEXT.replace("[to, subject, body]", "[to, subject]"),
        TEXT.replace("lessThanOrEqual", "lessThan"),
        TEXT.replace('"100.0")) };', '"100.0")) }; '),
        TEXT.replace("do: redact", "do: ask"),
        TEXT + "mode: observe\n",
        TEXT + 'budgets: {money: "1"}\n',
        TEXT + 'budgets: {money: "1.0"}\n',
        TEXT + "budgets: {calls: 1}\n",
    ]
    hashes = [hash_of(parse(text)) for text in changed]
    assert len(set(hashes)) == len(hashes)


def test_what_a_policy_does_not_say_is_what_it_says_by_saying_the_default():
    assert hash_of(parse(TEXT + "timeout: 1.0\nmode: enforce\n")) == hash_of(parse(TEXT + "timeout: 1\n"))


def test_rules_whose_last_line_names_a_file_are_rules(tmp_path: Path):
    head, tail = TEXT.split("results:")
    text = f"{head}  // kept in step with office.cedar\nresults:{tail}"
    made = compiled(parse(text))
    assert len(made.rules) == 4
    versions = Versions(tmp_path)
    versions.put(made.file, by="rita", why="begin", at=1.0)
    assert versions.current().hash == made.hash


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_a_kept_policy_is_the_policy_whatever_its_rules_say_in_passing(tmp_path_factory: Any, remark: str):
    folder = tmp_path_factory.mktemp("kept")
    made = policy()
    from msgspec.structs import replace

    file = replace(made.file, rules=f"{made.file.rules}// {remark}\n \t", about=remark)
    versions = Versions(folder)
    versions.put(file, by="rita", why="begin", at=1.0)
    assert versions.current().file == file


def test_tools_given_twice_in_their_definitions_are_an_error(tmp_path: Path):
    for name, text in (("t.json", '{"t": {}, "t": {"type": "object"}}'), ("t.yaml", "t: {}\nt: {}\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(PolicyError, match="t is given twice"):
            load_tools(tmp_path / name)


def test_a_policy_of_many_tools_is_read(tmp_path: Path):
    tool = "{effect: read, parameters: {type: object, properties: {x: {type: string}}}}"
    tools = "".join(f"  tool_{number}: {tool}\n" for number in range(500))
    head, rest = TEXT.split("rules: |")
    (tmp_path / "p.yaml").write_text(f"{head}{tools}rules: |{rest}")
    assert len(load(tmp_path / "p.yaml").shapes) == 503
