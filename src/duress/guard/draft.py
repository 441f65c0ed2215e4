"""A first policy from recorded runs: what was done may be asked for again, what only looks runs by itself."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from json import dumps
from typing import Any, cast

from msgspec import Struct, structs

from duress.facts import Effect, Profile, SessionFacts
from duress.guard.decision import Verb
from duress.guard.guard import Guard
from duress.guard.policy import PolicyError, Tool, compiled, parse
from duress.guard.toolset import Defined, defined
from duress.guard.writing import policy as write
from duress.trajectory import ToolError, Trajectory

_LOOKS = re.compile(
    r"(calculate|check|count|describe|fetch|find|get|grep|head|list|lookup|ls|query|read|search|show|status|tail"
    r"|think|view)(?![a-z])"
)
"""Verbs of tools that only look, by their names."""
_FEW = 3
"""Different values that count as a fixed choice, where an argument was given ten times as often or more."""
_NOT_RUN = (ToolError.UNKNOWN_TOOL, ToolError.MALFORMED, ToolError.REJECTED)
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}


class Draft(Struct, frozen=True):
    """A drafted policy, and what it makes of the runs that it was drafted from."""

    text: str
    runs: int
    calls: dict[str, int]
    """Recorded calls by tool."""
    verbs: dict[Verb, int]
    """What the draft decides about them."""


def draft(
    runs: Iterable[Trajectory],
    *,
    name: str = "draft",
    domains: tuple[str, ...] = (),
    tools: Mapping[str, Defined] | None = None,
) -> Draft:
    """Return a policy that permits what was seen and little else, each change only with a person.

    `tools` are the definitions where there are some; else types are taken from the recorded arguments.

    Raises:
        PolicyError: there is no call in the runs.
    """
    kept = list(runs)
    seen = _Seen(domains)
    for run in kept:
        seen.take(run)
    if not seen.calls:
        raise PolicyError("no tool call in these runs: nothing can be drafted; check what they are")
    known = tools or {}
    found = {tool: _named(tool, known.get(tool) or _inferred(calls)) for tool, calls in seen.calls.items()}
    unused = {
        tool: Defined(structs.replace(one.tool, denied=True), "never used in these runs")
        for tool, one in known.items()
        if tool not in found
    }
    made = write(
        name=name,
        about=f"Drafted from {len(kept)} recorded runs. Look at every line before it guards anything.",
        tools=found | unused,
        rules=_rules(found, seen),
        domains=domains,
        version="draft",
    )
    return Draft(
        made, len(kept), {tool: len(calls) for tool, calls in seen.calls.items()}, _replayed(made, kept)
    )


class _Seen:
    """The calls of recorded runs, and where they went."""

    def __init__(self, domains: tuple[str, ...]) -> None:
        self._domains = domains
        self.calls: dict[str, list[dict[str, Any]]] = {}
        self.outside: set[str] = set()
        """Tools whose calls went to somebody outside."""

    def take(self, run: Trajectory) -> None:
        """Take in one run."""
        facts = SessionFacts(Profile(domains=self._domains))
        stopped = {m.call_id for m in run.messages if m.error in _NOT_RUN}
        for call in (call for message in run.messages for call in message.calls):
            if call.error is None and call.id not in stopped and _sayable([call.tool, call.arguments]):
                self.calls.setdefault(call.tool, []).append(call.arguments)
                if facts.about(call).outside_recipients:
                    self.outside.add(call.tool)


def _sayable(value: Any) -> bool:
    """Return whether JSON can say it: no NaN, no half of a surrogate pair. A guard refuses what it cannot."""
    try:
        dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return False
    return True


def _named(tool: str, one: Defined) -> Defined:
    """Return a tool with the effect that its name suggests, where nothing better is known."""
    if one.tool.denied or one.tool.effect is not Effect.UNKNOWN:
        return one
    if not _LOOKS.match(tool.lower()):
        return one
    return Defined(structs.replace(one.tool, effect=Effect.READ), "by its name it only reads; true?")


def _inferred(calls: list[dict[str, Any]]) -> Defined:
    schema = _schema(cast("list[Any]", calls))
    if isinstance(schema, str):
        return Defined(Tool(denied=True), schema)
    one = defined(schema)
    remark = "types are those of the recorded calls; " + (one.remark or "")
    return Defined(one.tool, remark)


def _schema(values: list[Any]) -> dict[str, Any] | str:
    """Return the JSON Schema that all values have, or why there is none."""
    kinds: set[type] = {type(value) for value in values}
    if kinds == {int, float}:
        kinds = {float}
    if len(kinds) != 1:
        return f"recorded with several types: {', '.join(sorted(kind.__name__ for kind in kinds))}"
    [kind] = kinds
    if kind in _KINDS:
        return {"type": _KINDS[kind]}
    if kind is list:
        items = [item for value in values for item in value]
        inner = _schema(items) if items else {"type": "string"}
        return inner if isinstance(inner, str) else {"type": "array", "items": inner}
    if kind is not dict:
        return f"recorded as {kind.__name__}"
    names = dict.fromkeys(name for value in values for name in value)
    properties: dict[str, Any] = {}
    for name in names:
        inner = _schema([value[name] for value in values if name in value])
        if isinstance(inner, str):
            return f"{name}: {inner}"
        properties[name] = inner
    required = [name for name in names if all(name in value for value in values)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _rules(tools: Mapping[str, Defined], seen: _Seen) -> str:
    rules = [
        '// What only looks runs by itself.\n@id("seen.looks")\n'
        'permit (principal, action, resource)\nwhen { resource.effect == "read" };\n',
        "// The rest was seen in the runs. It may be asked for; a person decides. To let one run by itself,\n"
        '// permit Action::"unattended TOOL" under a condition of yours.\n',
    ]
    for tool, one in tools.items():
        if one.tool.denied or one.tool.effect is Effect.READ:
            continue
        conditions = list(_conditions(tool, one, seen))
        held = " &&\n  ".join(conditions)
        when = f"\nwhen {{\n  {held}\n}}" if held else ""
        scope = f"principal, action == Action::{_quoted(f'call {tool}')}, resource"
        rules.append(f"@id({_quoted(f'seen.{tool}')})\npermit ({scope}){when};\n")
    return "\n".join(rules)


def _conditions(tool: str, one: Defined, seen: _Seen) -> Iterable[str]:
    calls = seen.calls[tool]
    if one.tool.recipients and tool not in seen.outside:
        yield "context.facts.outside_recipients.isEmpty()"
    schema = one.tool.parameters or {}
    for name in schema.get("required", ()):
        values = [call[name] for call in calls if name in call]
        where = f"context.args[{_quoted(name)}]"
        if not values:
            continue
        if name == one.tool.money and all(type(value) in (int, float) for value in values):
            most = max(values)
            whole = schema["properties"][name]["type"] == "integer"
            yield f"{where} <= {most}" if whole else f'{where}.lessThanOrEqual(decimal("{_up(most)}"))'
        elif name not in one.tool.recipients and all(type(value) is str for value in values):
            counted = Counter(values)
            if len(counted) <= _FEW and len(values) >= 10 * len(counted):
                yield f"[{', '.join(map(_quoted, sorted(counted)))}].contains({where})"


def _up(value: float) -> str:
    return f"{math.ceil(value * 10_000) / 10_000:.4f}"


def _quoted(text: str) -> str:
    # Whatever is not seen on a page is spelled out: YAML would not keep it, nobody could review it.
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}"


def _replayed(text: str, runs: list[Trajectory]) -> dict[Verb, int]:
    guard = Guard(compiled(parse(text)))
    verbs: Counter[Verb] = Counter()
    for run in runs:
        session = guard.session(agent="recorded", id=run.id)
        for message in run.messages:
            session.hear(message)
            verbs.update(guard.decide(call, session).verb for call in message.calls)
    return dict(verbs)
