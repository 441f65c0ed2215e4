"""The check finds what a policy's writer did not mean, and what slips past the rules."""

from __future__ import annotations

import json
from pathlib import Path

from duress.guard.check import Checked, Weight, check
from duress.guard.check.reach import Reach, reach
from duress.guard.policy import compiled, parse
from guard.office import TEXT, policy

SHELL = """\
duress_policy: 1
name: shell
version: "1"
tools:
  write_file:
    effect: irreversible
    parameters: &two {type: object, properties: {path: {type: string}, text: {type: string}}, required: [path, text]}
  append_file: {effect: irreversible, parameters: *two}
  list_files: {effect: read, parameters: {type: object, properties: {path: {type: string}}}}
results: [{classes: [secret], do: redact}]
rules: |
"""
OPEN = '  @id("files") permit (principal, action, resource);\n'
GUARDED = '  @id("etc") forbid (principal, action == Action::"call write_file", resource) when { context.args.path like "/etc/*" };\n'
ALLOWED = (
    '  @id("read") permit (principal, action, resource) when { resource.effect == "read" };\n'
    '  @id("tmp") permit (principal, action, resource) when { resource has effect && ["/tmp/a"].contains("/tmp/a") } '
    'unless { resource.effect == "irreversible" };\n'
    '  @id("write") permit (principal, action == Action::"call write_file", resource) when { context.args.path == "/tmp/a" };\n'
)


def checked(rules: str, head: str = SHELL) -> Checked:
    return check(compiled(parse(head + rules)))


def changes(found: Checked) -> set[str]:
    return {one.change for one in found.let_through}


def test_a_rule_that_names_what_is_forbidden_lets_its_other_forms_through():
    found = changes(checked(OPEN + GUARDED))
    assert {
        "other case of a value",
        "another form of a path",
        "spaces around a value",
        "through append_file",
    } <= found


def test_a_rule_that_names_what_is_allowed_lets_nothing_through():
    found = checked(ALLOWED)
    assert found.mutants > 50
    assert found.let_through == ()


def test_wrong_types_and_names_are_always_caught():
    found = checked(OPEN + GUARDED)
    assert not {"a list for a string", "an argument renamed", "other case of the tool's name"} & changes(
        found
    )


def test_the_office_policy_is_sound():
    assert check(policy()).sound


def test_a_tool_without_a_rule_is_a_problem():
    notes = checked('  @id("r") permit (principal, action, resource == Tool::"list_files");\n').notes
    problems = {note.where for note in notes if note.weight is Weight.PROBLEM}
    assert problems == {"tools.write_file", "tools.append_file"}


def test_a_rule_that_can_never_apply_is_a_problem():
    found = checked(f'{OPEN}  @id("dead") forbid (principal, action, resource == Tool::"wipe");\n')
    assert [note.where for note in found.notes if note.weight is Weight.PROBLEM] == ["rules: dead"]
    assert not found.sound


def test_a_rule_that_another_covers_is_noted():
    twice = GUARDED.replace('"etc"', '"again"').replace('like "/etc/*"', '== "/etc/passwd"')
    notes = checked(OPEN + GUARDED + twice).notes
    assert [note.where for note in notes if "dropping it" in note.text] == ["rules: again"]


def test_tools_that_differ_in_case_only_are_a_problem():
    head = SHELL.replace("  list_files:", "  List_Files: {denied: true}\n  list_files:")
    assert "differs from List_Files in case only" in str(checked(OPEN, head).notes)


def test_lost_order_unknown_effects_and_free_hands_are_noted():
    text = TEXT.replace("effect: irreversible\n    money", "money")
    notes = str(check(compiled(parse(text))).notes)
    assert "send_mail.arguments.to" in notes
    assert "counts as irreversible" in notes
    assert "runs unattended whatever its arguments" in str(checked(OPEN).notes)


def test_the_reach_of_each_rule_is_known_by_tool_and_permission():
    found = {one.rule: one for one in reach(policy())}
    assert found["reading"].tools["call", "read_mail"] is Reach.ALWAYS
    assert found["reading"].tools["call", "pay"] is Reach.NEVER
    assert found["paying"].tools["call", "pay"] is Reach.SOMETIMES
    assert found["paying"].tools["unattended", "pay"] is Reach.NEVER
    assert found["outside"].forbids


def test_the_command_says_what_it_found_and_exits_with_1(duress, tmp_path: Path):
    file = tmp_path / "shell.yaml"
    file.write_text(SHELL + OPEN + GUARDED)
    shown = duress("guard", "check", str(file))
    assert shown.returncode == 1
    assert "let through: other case of a value: write_file was reject, is proceed" in shown.stdout
    data = json.loads(duress("guard", "check", str(file), "--format", "json").stdout)
    assert data["sound"] is False
    assert len(data["let_through"]) > 5
    file.write_text(SHELL + OPEN)
    assert duress("guard", "check", str(file)).returncode == 0


def test_the_command_names_line_and_key_of_an_error(duress, tmp_path: Path):
    file = tmp_path / "shell.yaml"
    file.write_text(SHELL.replace("effect: read", "effect: reed") + OPEN)
    shown = duress("guard", "check", str(file))
    assert (shown.returncode, shown.stdout) == (1, "")
    assert f"{file}:9: tools.list_files.effect: " in shown.stderr


def test_values_that_hold_two_slashes_are_values_and_no_remarks():
    rules = (
        '  @id("seen") permit (principal, action, resource == Tool::"list_files")\n'
        '    when { context.args has path && context.args.path == "https://harbour.example/quay" }; // "other"\n'
    )
    from duress.guard.check.examples import examples

    paths = {one.arguments.get("path") for one in examples(compiled(parse(SHELL + rules)))}
    assert "https://harbour.example/quay" in paths
    assert "other" not in paths
