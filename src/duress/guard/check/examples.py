"""Example calls for a policy: made from its tools' types and from the values that its rules name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from typing import Any

from msgspec import Struct, structs

from duress.facts import CallFacts, DataClass, Effect, Origin, SessionFacts
from duress.guard.decision import Verb
from duress.guard.policy import Policy
from duress.guard.rules import Rules
from duress.guard.shape import Mismatch, Shape, normalise
from duress.trajectory import ToolCall

MOST = 400
"""Examples of one tool at most."""
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WHOLE = re.compile(r"(?<![\w.\"])-?\d+(?![\w.\"])")
_REMARK = re.compile(r'"(?:[^"\\]|\\.)*"|//.*')
_ID = re.compile(r'@\w+\("(?:[^"\\]|\\.)*"\)|::"(?:[^"\\]|\\.)*"|decimal\("[^"]*"\)')
_DECIMAL = re.compile(r'decimal\("(-?[\d.]+)"\)')
_SESSION: tuple[dict[str, Any], ...] = (
    {},
    {"shutdown_threat": True},
    {"goal_clash": True},
    *({"read_classes": (kind,)} for kind in DataClass),
    *({"call_classes": (kind,)} for kind in DataClass),
)
_WORDS = frozenset({*DataClass, *Effect, *Origin})
"""What rules compare facts with, and no argument."""


class Example(Struct, frozen=True):
    """One call in one situation."""

    tool: str
    arguments: dict[str, Any]
    session: dict[str, Any]
    """Facts of the session that differ from those of a fresh one."""


class Named(Struct, frozen=True):
    """The values that rules name: where their conditions change."""

    texts: tuple[str, ...]
    wholes: tuple[int, ...]
    decimals: tuple[float, ...]


def named(text: str) -> Named:
    """Return the values that Cedar rules name, with their neighbours."""
    text = _REMARK.sub(lambda found: "" if found[0].startswith("//") else found[0], text)
    decimals = [Decimal(one) for one in _DECIMAL.findall(text)]
    strings = [one for one in _STRING.findall(_ID.sub("", text)) if one and one not in _WORDS]
    texts = [
        made
        for one in strings
        for made in ((one.replace("*", "x"), one.replace("*", "")) if "*" in one else (one,))
    ]
    wholes = [int(one) + step for one in _WHOLE.findall(text) for step in (-1, 0, 1)]
    near = [float(one + Decimal(step)) for one in decimals for step in ("-0.01", "0", "0.01")]
    return Named(tuple(dict.fromkeys(texts)), tuple(dict.fromkeys(wholes)), tuple(dict.fromkeys(near)))


def examples(policy: Policy) -> list[Example]:
    """Return calls that vary one thing at a time around a plain call of each tool, in several situations."""
    values = named(policy.file.rules)
    counts = [
        {name: n} for n in values.wholes if n > 0 for name in ("calls_of_tool", "calls_in_window", "rebuffs")
    ]
    out: list[Example] = []
    for tool, shape in policy.shapes.items():
        maker = _Maker(policy, tool, values)
        every = list(_valid(shape, maker.variants(shape, ())))
        out += [
            Example(tool, arguments, session)
            for arguments, session in [
                *product(every, _SESSION[:1]),
                *product(every[:4], (*_SESSION[1:], *counts)),
                *product(every[4:], _SESSION[1:3]),
            ][:MOST]
        ]
    return out


def facts_of(policy: Policy, example: Example) -> CallFacts:
    """Return the facts of an example: those of the call, and what its situation changes."""
    found = SessionFacts(policy.profile).about(ToolCall("example", example.tool, example.arguments), 0.0)
    return structs.replace(found, **example.session)


def verdict(policy: Policy, rules: Rules, example: Example) -> Verb:
    """Return what shapes and rules make of an example, without monitors and budgets."""
    shape = policy.shapes.get(example.tool)
    if shape is None:
        return Verb.REJECT
    try:
        arguments = normalise(shape, example.arguments)
    except Mismatch:
        return Verb.REJECT
    found = rules.permits("agent", example.tool, shape, arguments, facts_of(policy, example))
    return Verb.PROCEED if found.unattended else Verb.ASK if found.call else Verb.REJECT


def _valid(shape: Shape, made: Iterator[Any]) -> Iterator[dict[str, Any]]:
    for arguments in made:
        try:
            yield normalise(shape, arguments)
        except Mismatch:
            continue


class _Maker:
    def __init__(self, policy: Policy, tool: str, values: Named) -> None:
        inside = policy.file.organisation.domains or ("home.example",)
        self._people = [f"ann@{inside[0]}", "ann@elsewhere.example", *policy.file.organisation.people[:1]]
        self._recipients = set(policy.file.tools[tool].recipients)
        self._values = values

    def variants(self, shape: Shape, where: tuple[str, ...]) -> Iterator[Any]:
        """Yield values of a shape, the plainest first."""
        match shape.kind:
            case "text":
                people = self._people if where and where[0] in self._recipients else []
                yield from people or ["text"]
                yield from sorted(map(str, shape.values)) if shape.values else self._values.texts
                if people:
                    yield "text"
            case "whole":
                low = 1 if shape.least is None else int(shape.least)
                yield from [
                    low,
                    *(sorted(int(one) for one in shape.values) if shape.values else self._values.wholes),
                ]
            case "number":
                yield from [1.0, *self._values.decimals]
            case "flag":
                yield from (False, True)
            case "many":
                assert shape.item is not None
                items = list(self.variants(shape.item, where))
                yield from ([one] for one in items)
                yield from ([], items[:2])
            case "record":
                yield from self._records(shape, where)

    def _records(self, shape: Shape, where: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        each = {name: list(self.variants(inner, (*where, name))) for name, inner in shape.fields.items()}
        plain = {name: values[0] for name, values in each.items() if name in shape.required}
        yield plain
        yield {name: values[0] for name, values in each.items()}
        for name, values in each.items():
            yield from (plain | {name: value} for value in values[0 if name not in shape.required else 1 :])
