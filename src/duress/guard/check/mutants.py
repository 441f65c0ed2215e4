"""Mutants: a call that a policy stops, changed the ways in which calls slip past rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from msgspec import Struct

from duress.facts import Effect
from duress.guard.check.examples import Example, verdict
from duress.guard.decision import SEVERITY, Verb
from duress.guard.policy import Policy
from duress.guard.shape import Shape

_WIDE = {ord(" "): 0x3000} | {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


class Mutant(Struct, frozen=True):
    """A changed call, and what became of it."""

    change: str
    original: Example
    mutant: Example
    was: Verb
    now: Verb

    @property
    def let_through(self) -> bool:
        """Return whether the change took something from the guard."""
        return SEVERITY[self.now] < SEVERITY[self.was]


def mutants(policy: Policy, stopped: list[tuple[Example, Verb]]) -> Iterator[Mutant]:
    """Yield the mutants of calls that a policy rejects or asks about."""
    seen: set[str] = set()
    for original, was in stopped:
        for change, mutant in _changes(policy, original):
            key = repr((change, mutant, was))
            if key in seen:
                continue
            seen.add(key)
            yield Mutant(change, original, mutant, was, verdict(policy, policy.rules, mutant))


def _changes(policy: Policy, one: Example) -> Iterator[tuple[str, Example]]:
    shape = policy.shapes[one.tool]
    for tool in {one.tool.upper(), one.tool.title(), one.tool.swapcase()} - {one.tool}:
        yield "other case of the tool's name", Example(tool, one.arguments, one.session)
    for name, value in one.arguments.items():
        rest = {key: other for key, other in one.arguments.items() if key != name}
        for other in {name.upper(), name.swapcase(), f"{name}s", f"{name}_"} - {name}:
            yield "an argument renamed", Example(one.tool, {**rest, other: value}, one.session)
        for change, changed in _values(shape.fields[name], value):
            yield change, Example(one.tool, {**rest, name: changed}, one.session)
    yield from _through_others(policy, one)


def _values(shape: Shape, value: Any) -> Iterator[tuple[str, Any]]:
    match shape.kind:
        case "text":
            text = str(value)
            yield "a list for a string", [text]
            for other in dict.fromkeys((text.upper(), text.lower(), text.title(), text.swapcase())):
                if other != text:
                    yield "other case of a value", other
            yield "spaces around a value", f" {text} "
            yield "full-width letters in a value", text.translate(_WIDE)
            yield "an invisible character in a value", f"{text[:1]}\u200b{text[1:]}"
            if "@" in text:
                yield "another form of an address", f"Ann <{text}>"
                yield "another form of an address", text.replace("@", "+x@", 1)
            if "/" in text:
                yield "another form of a path", text.replace("/", "//", 1)
                yield "another form of a path", text.replace("/", "/./", 1)
        case "whole" | "number":
            yield "a string for a number", str(value)
        case "flag":
            yield "a string for true or false", str(value).lower()
        case "many":
            items = cast("list[Any]", value)
            if len(items) == 1:
                yield "a string for a list", items[0]
            yield "a value twice in a list", [*items, *items[:1]]
            assert shape.item is not None
            for index, item in enumerate(items):
                for change, changed in _values(shape.item, item):
                    yield change, [*items[:index], changed, *items[index + 1 :]]
        case "record":
            for name, item in cast("dict[str, Any]", value).items():
                for change, changed in _values(shape.fields[name], item):
                    yield change, {**value, name: changed}


def _through_others(policy: Policy, one: Example) -> Iterator[tuple[str, Example]]:
    """Yield the same thing done by another tool: one that takes at least one of the values under its name."""
    for tool, shape in policy.shapes.items():
        if tool == one.tool or policy.file.tools[tool].effect is Effect.READ:
            continue
        shared = {
            name: value
            for name, value in one.arguments.items()
            if name in shape.fields and shape.fields[name].kind == policy.shapes[one.tool].fields[name].kind
        }
        if not shared:
            continue
        rest = {
            name: _plain(inner)
            for name, inner in shape.fields.items()
            if name in shape.required - set(shared)
        }
        yield f"through {tool}", Example(tool, {**rest, **shared}, one.session)


def _plain(shape: Shape) -> Any:
    match shape.kind:
        case "text":
            return min(map(str, shape.values)) if shape.values else "text"
        case "whole":
            return int(shape.least or 1)
        case "number":
            return float(shape.least or 1)
        case "flag":
            return False
        case "many":
            assert shape.item is not None
            return [_plain(shape.item)]
        case "record":
            return {name: _plain(inner) for name, inner in shape.fields.items() if name in shape.required}
