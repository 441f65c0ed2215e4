"""Cedar rules: which tool calls are permitted, and which of them unattended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from copy import copy
from importlib import import_module
from typing import Any

from msgspec import Struct
from msgspec.json import encode

from duress.facts import CallFacts, Origin
from duress.guard.shape import LONG, Shape, as_decimal, cedar_type, to_cedar

CALL = "call"
UNATTENDED = "unattended"
"""The two permissions that every tool has."""

_WHOLE = re.compile(r"\b(?:args|facts|origin)\b(?!\s*(?:\.|\[|has\b))|\bcontext\b(?!\s*(?:\.|\[))")
_REMEMBER = 2048
"""Questions whose answers are remembered."""
_REMEMBERED = 1024
"""Bytes of a question's context up to which it is."""

_STRING = {"type": "String"}
_LONG = {"type": "Long"}
_FLAG = {"type": "Boolean"}
_STRINGS = {"type": "Set", "element": _STRING}
_DECIMAL = {"type": "Extension", "name": "decimal"}

FACTS: dict[str, dict[str, Any]] = {
    "effect": _STRING,
    "calls": _LONG,
    "calls_of_tool": _LONG,
    "calls_in_window": _LONG,
    "calls_of_tool_in_window": _LONG,
    "rejections": _LONG,
    "recipients": _STRINGS,
    "new_recipients": _STRINGS,
    "outside_recipients": _STRINGS,
    "read_classes": _STRINGS,
    "call_classes": _STRINGS,
    "origins": _STRINGS,
    "shutdown_threat": _FLAG,
    "goal_clash": _FLAG,
    "rebuffs": _LONG,
    "amount": _DECIMAL,
    "spent": _DECIMAL,
    "seconds": _LONG,
}
"""What rules can read of a session, in `context.facts`; never missing."""


class RulesError(ValueError):
    """Rules that cannot be used. `str()` lists every fault."""


class Permission(Struct, frozen=True):
    """What the rules say about one call."""

    call: bool
    unattended: bool
    rules: tuple[str, ...]
    """`@id`s of the rules that decided; a rule without one goes by its number, `rule 1` being the first."""
    faults: tuple[str, ...] = ()
    """What Cedar reported. Any fault denies."""


def action(permission: str, tool: str) -> str:
    """Return the id of the action that stands for a permission on a tool."""
    return f"{permission} {tool}"


def schema(tools: Mapping[str, Shape]) -> dict[str, Any]:
    """Return the Cedar schema, in its JSON format, of a set of tools."""
    actions: dict[str, Any] = {CALL: {}, UNATTENDED: {}}
    for name, shape in tools.items():
        context = {
            "type": "Record",
            "attributes": {
                "args": cedar_type(shape),
                "facts": {"type": "Record", "attributes": FACTS},
                "origin": {"type": "Record", "attributes": dict.fromkeys(shape.fields, _STRING)},
            },
        }
        for permission in (CALL, UNATTENDED):
            actions[action(permission, name)] = {
                "memberOf": [{"id": permission}],
                "appliesTo": {"principalTypes": ["Agent"], "resourceTypes": ["Tool"], "context": context},
            }
    entities = {
        "Agent": {},
        "Tool": {"shape": {"type": "Record", "attributes": {"effect": _STRING}}},
    }
    return {"": {"entityTypes": entities, "actions": actions}}


class Rules:
    """Rules that are valid for a set of tools, ready to be asked."""

    def __init__(self, text: str, tools: Mapping[str, Shape], effects: Mapping[str, str]) -> None:
        """Read Cedar rules.

        Raises:
            RulesError: they cannot be parsed, or do not fit the tools.
        """
        # Its own annotations leave most open.
        cedar: Any = import_module("cedarpy")

        self.text = text
        self.schema = schema(tools)
        # Where every tool is denied there is nothing that a rule could apply to.
        found = cedar.validate_policies(text, self.schema) if tools else None
        if found is not None and not found.validation_passed:
            faults = [_explain(error.policy_id, error.error) for error in found.errors]
            raise RulesError("\n".join(faults) or "the rules cannot be read")
        if templates := _templates(cedar, text):
            raise RulesError(
                f"{', '.join(templates)}: a rule with a slot such as ?principal applies to nothing until it "
                "is filled, and nothing fills it here; write out whom it is about"
            )
        try:
            schema_read = cedar.Schema.from_json_str(json.dumps(self.schema))
            self._rules = cedar.PolicySet.from_str(text)
            self.entities = cedar.Entities.from_json_str(
                json.dumps(
                    [
                        {
                            "uid": {"type": "Tool", "id": name},
                            "attrs": {"effect": effects[name]},
                            "parents": [],
                        }
                        for name in tools
                    ]
                ),
                schema_read,
            )
        except ValueError as error:
            raise RulesError(str(error)) from error
        # Rules answer equal questions alike: they see nothing but the question.
        self._answered: dict[tuple[str, str, bytes], Permission] = {}
        self._ask: Callable[..., tuple[Any, Any]] = cedar.is_authorized_batch
        # Cedar reads a context in time with its size: what no rule names is left out. A name may stand in a
        # rule in another form only with an escape, or where a record is taken whole.
        whole = "\\" in text or _WHOLE.search(text) is not None
        self._facts = tuple(name for name in FACTS if whole or name in text)
        self.reads = frozenset(self._facts) | ({"origin"} if whole or "origin" in text else frozenset[str]())
        """Facts that some rule may read; whatever the others are, decisions are the same."""
        self._fields = {
            tool: frozenset(name for name in shape.fields if whole or name in text)
            for tool, shape in tools.items()
        }

    def __len__(self) -> int:
        """Return how many rules there are."""
        return len(self._rules)

    def without(self, key: str) -> Rules:
        """Return these rules less one, by Cedar's own name of it (`policy0` is the first)."""
        cedar: Any = import_module("cedarpy")
        left = json.loads(cedar.policies_to_json_str(self.text))
        del left["staticPolicies"][key]
        made = copy(self)
        made._rules = cedar.PolicySet.from_json_str(json.dumps(left))
        made._answered = {}
        return made

    def permits(
        self, agent: str, tool: str, shape: Shape, arguments: Mapping[str, Any], facts: CallFacts
    ) -> Permission:
        """Return whether a call is permitted, and whether unattended.

        `arguments` are normalised. Their types are right by that, so Cedar is not given the schema once more
        (it takes three times as long); rules were checked against it.
        """
        named = self._fields[tool]
        context = encode(
            {
                "args": {
                    name: to_cedar(shape.fields[name], value)
                    for name, value in arguments.items()
                    if name in named
                },
                "facts": {name: _fact(name, facts) for name in self._facts},
                "origin": {name: facts.origin.get(name, Origin.ABSENT) for name in named},
            }
        )
        asked = (agent, tool, context)
        if (known := self._answered.get(asked)) is None:
            known = self._evaluate(agent, tool, context.decode())
            if len(context) <= _REMEMBERED and not known.faults:
                if len(self._answered) >= _REMEMBER:
                    # All at once: which of them go does not matter, and others may be reading.
                    self._answered = {}
                self._answered[asked] = known
        return known

    def _evaluate(self, agent: str, tool: str, context: str) -> Permission:
        both = [
            {
                "principal": {"type": "Agent", "id": agent},
                "action": {"type": "Action", "id": action(permission, tool)},
                "resource": {"type": "Tool", "id": tool},
                "context": context,
            }
            for permission in (CALL, UNATTENDED)
        ]
        call, unattended = self._ask(both, self._rules, self.entities)
        faults = (*call.diagnostics.errors, *unattended.diagnostics.errors)
        deciding = call if not call.allowed else unattended
        names = deciding.diagnostics.id_annotations_by_reason
        return Permission(
            call=call.allowed and not faults,
            unattended=call.allowed and unattended.allowed and not faults,
            # Cedar tells them in any order; equal decisions must read the same (`policy2` before `policy10`).
            rules=tuple(
                names.get(one) or numbered(one)
                for one in sorted(deciding.diagnostics.reasons, key=lambda one: (len(one), one))
            ),
            faults=tuple(sorted(faults)),
        )


def _templates(cedar: Any, text: str) -> list[str]:
    """Return the names of rules that have open slots."""
    try:
        found = json.loads(cedar.policies_to_json_str(text))["templates"]
    except ValueError as error:
        raise RulesError(str(error)) from error
    return sorted(one.get("annotations", {}).get("id") or numbered(key) for key, one in found.items())


def _fact(name: str, facts: CallFacts) -> Any:
    """Return a fact as Cedar reads it in JSON; raises `OverflowError` for a number that Cedar cannot hold."""
    if name == "origins":
        return sorted(set(facts.origin.values()))
    value = getattr(facts, name)
    kind = FACTS[name]
    if kind is _LONG and value not in LONG:
        raise OverflowError(f"{name} is too large: {value}")
    return as_decimal(value) if kind is _DECIMAL else value


def numbered(policy: str) -> str:
    """Return what a rule without an `@id` is called: `rule 1` for the first."""
    # Cedar numbers rules from 0, people from 1.
    number = policy.removeprefix("policy")
    return f"rule {int(number) + 1}" if number.isdigit() else policy


def _explain(policy: str, error: str) -> str:
    return f"{numbered(policy)}: {error}" if policy else error
