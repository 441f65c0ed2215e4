"""Whether a policy has anything to say about a tool's results."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from duress.guard.policy import ResultRule


def covered(rules: Sequence[ResultRule], tool: str) -> bool:
    """Return whether a policy has a rule for what this tool returns."""
    return any((rule.tools is None or tool in rule.tools) and tool not in rule.but for rule in rules)


def for_any(rules: Sequence[ResultRule]) -> list[ResultRule]:
    """Return rules as they hold for a result of which nobody knows the tool: all of them do."""
    return [replace(rule, tools=None, but=()) for rule in rules]
