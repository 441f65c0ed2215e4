"""What rules are asked with is less than all there is, and decides the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from duress.facts import CallFacts, DataClass, Effect, Origin, Profile, SessionFacts
from duress.guard import Guard
from duress.guard.policy import compiled, parse
from duress.guard.rules import FACTS, Rules, RulesError, action, as_decimal, schema
from duress.guard.shape import Shape, normalise, read, to_cedar
from duress.trajectory import ToolCall

TOOL = 'send "it" \\ now'
NAMES = (
    "zoom",
    "jazz",
    "quiz",
    "x",
    "to",
    "in",
    "like",
    "has",
    "is",
    "if",
    "true",
    "principal",
    "context",
    "args",
    "facts",
    "origin",
    "calls",
    "effect",
    "a b",
    'quo"te',
    "back\\slash",
    "new\nline",
    "é",
    "",
    "// no comment",
)
KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "whole": {"type": "integer"},
    "flag": {"type": "boolean"},
    "number": {"type": "number"},
    "many": {"type": "array", "items": {"type": "string"}},
    "record": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(["a", "b", "", 'q"', "user", "args"]),
    "whole": st.integers(-2, 2),
    "flag": st.booleans(),
    "number": st.sampled_from([0, 1, 0.5, -2.25]),
    "many": st.lists(st.sampled_from("ab"), max_size=2),
    "record": st.fixed_dictionaries({"to": st.sampled_from("ab")}),
}
WORDS = {"if", "in", "like", "has", "is", "true"}


class Style:
    """How a policy's writer writes: one way through a whole policy, so that each way stands alone somewhere."""

    def __init__(self, draw: Any) -> None:
        self.escapes = draw(st.booleans())
        self.field = draw(st.sampled_from(["{}[{}]", "{} // context.x\n  [{}]", "({})[{}]", "dot"]))
        self.record = draw(
            st.sampled_from(
                [
                    "context.{}",
                    "context.{}",
                    'context["{}"]',
                    "(context).{}",
                    "context\n.{}",
                    "(if true then context else context).{}",
                    "(if true then context.{0} else context.{0})",
                    '{{"k": context.{}}}["k"]',
                ]
            )
        )

    def spelled(self, name: str) -> str:
        """Return a Cedar string for a name: plain, or with escapes where none is needed."""
        if self.escapes:
            return '"' + "".join(f"\\u{{{ord(letter):x}}}" for letter in name) + '"'
        return json.dumps(name, ensure_ascii=False)

    def reached(self, record: str, name: str) -> str:
        """Return how a field of a record is read."""
        if self.field == "dot":
            plain = name.isidentifier() and name.isascii() and name not in WORDS
            return f"{record}.{name}" if plain else f"{record}[{self.spelled(name)}]"
        return self.field.format(record, self.spelled(name))

    def whole(self, name: str) -> str:
        """Return how `context.NAME` is written."""
        return self.record.format(name)


def compared(value: str, kind: str, draw: Any) -> str:
    match kind:
        case "text":
            some = json.dumps(draw(VALUES["text"]))
            return draw(
                st.sampled_from([f"{value} == {some}", f'{value} like "*a*"', f"[{value}].contains({some})"])
            )
        case "whole":
            return f"{value} {draw(st.sampled_from(['<', '>=', '==']))} {draw(VALUES['whole'])}"
        case "flag":
            return value
        case "number":
            return f'{value}.lessThan(decimal("0.75"))'
        case "many":
            return draw(st.sampled_from([f'{value}.contains("a")', f"{value}.isEmpty()"]))
        case _:
            return compared(f"{value}.to", "text", draw)


FACT_KINDS = {
    name: {"String": "text", "Long": "whole", "Boolean": "flag", "Set": "many"}.get(one["type"], "number")
    for name, one in FACTS.items()
}


@st.composite
def cases(draw: Any) -> tuple[Shape, str, dict[str, Any], CallFacts]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    # Where all arguments are texts, `args` and `origin` have one type and can be compared as they are.
    plain = draw(st.booleans())
    kinds = {name: "text" if plain else draw(st.sampled_from(list(KINDS))) for name in names}
    required = [name for name in names if plain or draw(st.booleans())]
    shape = read(
        {"type": "object", "properties": {n: KINDS[k] for n, k in kinds.items()}, "required": required}
    )

    style = Style(draw)

    def condition(depth: int) -> str:
        what = draw(st.sampled_from(["arg", "arg", "fact", "origin", "has", "same", "not", "and", "or"]))
        if depth > 2 and what in ("not", "and", "or"):
            what = "arg"
        name = draw(st.sampled_from(names))
        match what:
            case "arg":
                args = style.whole("args")
                made = compared(style.reached(args, name), kinds[name], draw)
                return made if name in required else f"({args} has {style.spelled(name)} && {made})"
            case "fact":
                fact = draw(st.sampled_from(list(FACTS)))
                return compared(style.reached(style.whole("facts"), fact), FACT_KINDS[fact], draw)
            case "origin":
                return compared(style.reached(style.whole("origin"), name), "text", draw)
            case "has":
                return f"{style.whole('args')} has {style.spelled(name)}"
            case "same":
                one = draw(st.sampled_from(["args", "facts", "origin"]))
                other = {"args": "origin", "origin": "args"}.get(one, one) if plain else one
                return f"{style.whole(one)} == {style.whole(other)}"
            case "not":
                return f"!({condition(depth + 1)})"
            case "and":
                return f"({condition(depth + 1)} && {condition(depth + 1)})"
            case _:
                return f"({condition(depth + 1)} || {condition(depth + 1)})"

    rules = []
    for _ in range(draw(st.integers(1, 3))):
        group = draw(
            st.sampled_from(["action", 'action in Action::"call"', 'action in Action::"unattended"'])
        )
        word = draw(st.sampled_from(["when", "unless"]))
        effect = draw(st.sampled_from(["permit", "permit", "forbid"]))
        rules.append(f"{effect} (principal, {group}, resource) {word} {{ {condition(0)} }};")
    given_ = {name: draw(VALUES[kinds[name]]) for name in names if name in required or draw(st.booleans())}
    facts = CallFacts(
        effect=Effect.READ,
        calls=draw(st.integers(0, 2)),
        calls_of_tool=draw(st.integers(0, 2)),
        calls_in_window=0,
        calls_of_tool_in_window=1,
        rejections=draw(st.integers(0, 1)),
        recipients=("a",),
        new_recipients=draw(st.sampled_from([(), ("a",)])),
        outside_recipients=(),
        read_classes=draw(st.sampled_from([(), (DataClass.SECRET,)])),
        call_classes=(),
        origin={name: draw(st.sampled_from([Origin.USER, Origin.RESULT])) for name in given_},
        shutdown_threat=draw(st.booleans()),
        goal_clash=False,
        rebuffs=0,
        amount=Decimal("1.5"),
        spent=Decimal(0),
        seconds=3,
    )
    return shape, "\n".join(rules), normalise(shape, given_), facts


def asked_whole(text: str, shape: Shape, arguments: dict[str, Any], facts: CallFacts) -> list[Any]:
    """Return what Cedar says when it is given all there is, and the schema."""
    told: dict[str, Any] = {}
    for name in FACTS:
        value = sorted(set(facts.origin.values())) if name == "origins" else getattr(facts, name)
        told[name] = as_decimal(value) if isinstance(value, Decimal) else value
    context = {
        "args": to_cedar(shape, arguments),
        "facts": told,
        "origin": {name: facts.origin.get(name, Origin.ABSENT) for name in shape.fields},
    }
    requests = [
        {
            "principal": {"type": "Agent", "id": "ada"},
            "action": {"type": "Action", "id": action(permission, TOOL)},
            "resource": {"type": "Tool", "id": TOOL},
            "context": json.dumps(context),
        }
        for permission in ("call", "unattended")
    ]
    entities = [{"uid": {"type": "Tool", "id": TOOL}, "attrs": {"effect": "read"}, "parents": []}]
    return cedarpy.is_authorized_batch(requests, text, entities, schema({TOOL: shape}))


@settings(max_examples=400, deadline=None)
@given(cases())
def test_what_no_rule_names_changes_no_decision(case: tuple[Shape, str, dict[str, Any], CallFacts]):
    shape, text, arguments, facts = case
    made = Rules(text, {TOOL: shape}, {TOOL: "read"})
    found = made.permits("ada", TOOL, shape, arguments, facts)
    call, unattended = asked_whole(text, shape, arguments, facts)
    faults = [*call.diagnostics.errors, *unattended.diagnostics.errors]
    assert (found.call, found.unattended, found.faults) == (
        call.allowed and not faults,
        call.allowed and unattended.allowed and not faults,
        tuple(sorted(faults)),
    )


@pytest.mark.parametrize("group", ["call", "unattended"])
def test_a_rule_that_cannot_be_evaluated_denies_both_permissions(group: str):
    # Cedar itself skips such a rule: a prohibition that overflows would prohibit nothing.
    text = (
        "permit (principal, action, resource);\n"
        f'forbid (principal, action in Action::"{group}", resource)\n'
        "when { context.facts.seconds + 9223372036854775807 < 0 };"
    )
    shape = read({"type": "object", "properties": {"x": {"type": "string"}}})
    made = Rules(text, {"t": shape}, {"t": "read"})
    facts = SessionFacts(Profile()).about(ToolCall("c", "t", {}))
    fine = made.permits("ada", "t", shape, {}, facts)
    assert (fine.call, fine.unattended) == (True, True)
    found = made.permits("ada", "t", shape, {}, replace(facts, seconds=1))
    assert (found.call, found.unattended, len(found.faults)) == (False, False, 1)


@pytest.mark.parametrize(
    "rule",
    [
        "permit (principal == ?principal, action, resource);",
        "permit (principal, action, resource);\nforbid (principal, action, resource == ?resource);",
        '@id("open") forbid (principal in ?principal, action, resource);',
    ],
)
def test_a_rule_with_a_slot_that_nothing_fills_is_an_error(rule: str):
    shape = read({"type": "object", "properties": {"x": {"type": "string"}}})
    with pytest.raises(RulesError, match=r"(rule \d|open).*slot"):
        Rules(rule, {"t": shape}, {"t": "read"})


def test_a_tool_is_named_in_cedar_whatever_its_name_is():
    shape = read({"type": "object", "properties": {"x": {"type": "string"}}})
    text = f"permit (principal, action == Action::{json.dumps(action('call', TOOL))}, resource == Tool::{json.dumps(TOOL)});"
    other = TOOL.replace('"', "")
    made = Rules(text, {TOOL: shape, other: shape}, {TOOL: "read", other: "read"})
    facts = SessionFacts(Profile()).about(ToolCall("c", TOOL, {}))
    assert [made.permits("a", name, shape, {}, facts).call for name in (TOOL, other)] == [True, False]


REMEMBERED = """
duress_policy: 1
name: office
version: "1"
tools:
  pay:
    effect: reversible
    parameters: {type: object, properties: {amount: {type: integer}}, required: [amount]}
rules: |
  permit (principal == Agent::"clerk", action, resource);
  forbid (principal, action, resource) when { context.args.amount > 10 };
"""


def test_what_was_answered_once_is_answered_alike_and_only_for_the_same_question() -> None:
    policy = compiled(parse(REMEMBERED))
    guard = Guard(policy)
    session = guard.session(agent="clerk")

    def verb(amount: int, agent: str = "clerk") -> str:
        one = session if agent == "clerk" else guard.session(agent=agent)
        return guard.decide(ToolCall("c", "pay", {"amount": amount}), one).verb

    asked: list[object] = []
    evaluate = policy.rules._ask

    def counting(*given: object) -> object:
        asked.append(given)
        return evaluate(*given)

    policy.rules._ask = counting  # type: ignore[assignment]
    assert [verb(5), verb(5), verb(50), verb(5)] == ["proceed", "proceed", "reject", "proceed"]
    assert len(asked) == 2
    assert verb(5, "other") == "reject"
    assert (
        policy.rules.without("policy1")
        .permits(
            "clerk", "pay", policy.shapes["pay"], {"amount": 50}, session.about(ToolCall("c", "pay", {}), 1.0)
        )
        .call
    ), "rules less one remember what the whole answered"
