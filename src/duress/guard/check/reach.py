"""Which rule can apply to which tool, by partial evaluation: the tool is known, the call is not."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from typing import Any, cast

from msgspec import Struct

from duress.guard.policy import Policy
from duress.guard.rules import CALL, UNATTENDED, action, numbered


class Reach(StrEnum):
    """Whether a rule applies to calls of a tool."""

    NEVER = "never"
    ALWAYS = "always"
    SOMETIMES = "sometimes"
    """It depends on the call or the session."""


class RuleReach(Struct, frozen=True):
    """Where one rule applies."""

    rule: str
    """Its `@id`, or its number."""
    key: str
    """Cedar's own name of it."""
    forbids: bool
    tools: dict[tuple[str, str], Reach]
    """By permission and tool."""

    @property
    def never(self) -> bool:
        """Return whether it applies to nothing."""
        return all(reach is Reach.NEVER for reach in self.tools.values())


def reach(policy: Policy) -> tuple[RuleReach, ...]:
    """Return where each rule applies, in the order of the rules.

    Method: Cedar's partial evaluation (experimental in Cedar 4); a condition that contradicts itself stays
    `sometimes`.
    """
    cedar: Any = import_module("cedarpy")
    found: dict[str, dict[tuple[str, str], Reach]] = {}
    names: dict[str, str] = {}
    forbids: dict[str, bool] = {}
    entities = policy.rules.entities
    for tool in policy.shapes:
        for permission in (CALL, UNATTENDED):
            request = {
                "principal": None,
                "action": f"Action::{_quoted(action(permission, tool))}",
                "resource": f"Tool::{_quoted(tool)}",
            }
            answer = cedar.is_authorized_partial(request, policy.rules.text, entities)
            for key, left in cast("dict[str, Any]", answer.residuals).items():
                found.setdefault(key, {})[permission, tool] = _reach(left)
                names[key] = left.get("annotations", {}).get("id") or numbered(key)
                forbids[key] = left["effect"] == "forbid"
    order = sorted(found, key=lambda key: (len(key), key))
    return tuple(RuleReach(names[key], key, forbids[key], found[key]) for key in order)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _reach(residual: dict[str, Any]) -> Reach:
    conditions = [one["body"] for one in residual["conditions"]]
    if {"Value": False} in conditions:
        return Reach.NEVER
    return Reach.ALWAYS if all(one == {"Value": True} for one in conditions) else Reach.SOMETIMES
