"""A policy file that cannot be enforced says so, with its line, before it guards anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from duress.guard import PolicyError, load
from duress.guard.policy import compiled, hash_of, parse
from guard.office import TEXT, policy


def test_a_wrong_value_is_named_with_its_line():
    text = TEXT.replace("effect: read\n", "effect: reed\n")
    with pytest.raises(PolicyError, match=r"policy:7: tools\.read_mail\.effect: .*reed"):
        parse(text)


def test_an_unknown_key_is_an_error():
    with pytest.raises(PolicyError, match="aproval"):
        parse(TEXT.replace("approval:", "aproval:"))


def test_a_missing_file_and_a_broken_one_are_errors(tmp_path: Path):
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(PolicyError, match="not YAML"):
        load(tmp_path / "broken.yaml")


def test_a_tool_without_a_type_in_cedar_has_to_be_denied():
    text = TEXT.replace(
        "  wipe: {denied: true}", "  wipe: {parameters: {type: object, additionalProperties: true}}"
    )
    with pytest.raises(PolicyError, match=r"tools\.wipe: .*denied: true"):
        compiled(parse(text))


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("permit (principal, action, resource", "unexpected token"),
        ('permit (principal, action == Action::"call send_mial", resource);', "send_mial"),
        ("forbid (principal, action, resource) when { context.facts.weather == 1 };", "weather"),
        (
            'forbid (principal, action == Action::"call pay", resource) when { context.args.amount > 3 };',
            "amount|Long|type",
        ),
        (
            'forbid (principal, action == Action::"call pay", resource) when { context.args.urgent };',
            "urgent",
        ),
    ],
)
def test_a_rule_that_does_not_fit_the_tools_is_an_error(rule: str, says: str):
    with pytest.raises(PolicyError, match=says):
        compiled(parse(TEXT.replace("rules: |\n", f"rules: |\n  {rule}\n")))


def test_a_rule_that_reads_an_optional_argument_has_to_ask_for_it_first():
    rule = 'forbid (principal, action == Action::"call pay", resource) when { context.args has urgent && context.args.urgent };'
    compiled(parse(TEXT.replace("rules: |\n", f"rules: |\n  {rule}\n")))


def test_a_monitor_that_leads_to_nothing_is_an_error():
    with pytest.raises(PolicyError, match="leads to nothing"):
        policy(monitors="[{name: provenance}]")


def test_an_unknown_monitor_is_an_error():
    with pytest.raises(PolicyError, match=r"monitors\[0\].*provenence"):
        policy(monitors="[{name: provenence, ask: 0.5}]")


def test_results_of_an_unknown_tool_are_an_error():
    with pytest.raises(PolicyError, match="no tool 'read_male'"):
        policy(results="[{classes: [secret], do: redact, tools: [read_male]}]")


def test_rules_may_stand_in_a_file_of_their_own_and_count_in_the_hash(tmp_path: Path):
    head, rules = TEXT.split("rules: |\n")
    rules, tail = rules.split("results:")
    (tmp_path / "office.cedar").write_text("\n".join(line[2:] for line in rules.splitlines()) + "\n")
    file = tmp_path / "office.yaml"
    file.write_text(f"{head}rules: office.cedar\nresults:{tail}")
    before = load(file).hash
    with (tmp_path / "office.cedar").open("a") as more:
        more.write('forbid (principal, action, resource == Tool::"pay");\n')
    assert load(file).hash != before


def test_the_hash_is_of_what_is_said_and_not_of_how():
    same = TEXT.replace("effect: read\n", "effect:   read   # looks\n")
    assert hash_of(parse(same)) == hash_of(parse(TEXT))
    assert hash_of(parse(TEXT.replace("expires: 60", "expires: 61"))) != hash_of(parse(TEXT))


def test_a_budget_that_is_no_decimal_is_an_error():
    with pytest.raises(PolicyError, match=r"budgets\.money"):
        policy(budgets='{money: "much"}')


@pytest.mark.parametrize(("text", "found"), [("", "nothing"), ("# later\n", "nothing"), ("- a\n", "list")])
def test_a_file_without_a_policy_says_where_to_get_one(text: str, found: str) -> None:
    with pytest.raises(PolicyError, match=f"expected a mapping of keys, found {found}; `duress guard new`"):
        parse(text)
