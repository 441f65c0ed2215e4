"""What of a server's tools an agent gets to see, and which it must not use because they have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from msgspec import structs

from duress.facts import Effect
from duress.guard.adapters.mcp.drift import difference
from duress.guard.adapters.mcp.pins import Pins
from duress.guard.decision import Decision, Reason, Source, Verb
from duress.guard.monitor import Observation, Step
from duress.guard.policy import Policy

READ_RESOURCE = "resources/read"
GET_PROMPT = "prompts/get"
OTHERS = frozenset({READ_RESOURCE, GET_PROMPT})
"""What is decided on like a tool although it is none; a policy permits it by having a tool of this name."""


class Catalogue:
    """A server's tools as last listed, held against a policy."""

    def __init__(self, policy: Policy, pins: Pins, warn: Callable[[str], None]) -> None:
        self.policy = policy
        self._pins = pins
        self._warn = warn
        self._warned: set[str] = set()
        self._listed: dict[str, str | None] = {}

    def permits(self, name: str) -> bool:
        """Return whether the policy has a tool of this name and does not deny it outright."""
        tool = self.policy.file.tools.get(name)
        return tool is not None and not tool.denied

    def take(self, tools: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Take in a server's whole list of tools; return those that the agent gets to see.

        Each has the policy's schema of arguments, and no schema of results: a guard that redacts and
        withholds cannot promise one.
        """
        listed: dict[str, str | None] = {}
        seen: list[dict[str, Any]] = []
        for tool in tools:
            name = str(tool["name"])
            if name in OTHERS or not self.permits(name):
                continue
            if name in listed:
                listed[name] = "the server lists two tools of this name"
                seen = [one for one in seen if one["name"] != name]
            else:
                listed[name] = self._objection(name, tool)
                if listed[name] is None:
                    parameters = self.policy.file.tools[name].parameters or {"type": "object"}
                    shown = {key: value for key, value in tool.items() if key not in _NOT_SHOWN}
                    seen.append({**shown, "inputSchema": parameters})
            if (why := listed[name]) is not None:
                self._tell(f"{name}: {why}; it is denied until the policy or the server is put right")
        self._listed = listed
        return seen

    def instructions(self, text: str | None) -> str | None:
        """Return a server's instructions to the model if they are what they were when first seen."""
        if text is None or not self._pins.reworded(text):
            return text
        self._tell("the server's instructions to the model have changed; they are not passed on")
        return None

    def objection(self, name: str) -> str | None:
        """Return why a tool must not be used now: the server does not list it, or lists it as another."""
        if name in OTHERS:
            return None
        why = self._listed.get(name, "the server does not list it")
        return None if why is None else f"{name}: {why}"

    def object(self, step: Step, made: Decision, observed: Mapping[str, Observation]) -> Decision | None:
        """Reject a call that there is an objection to. A `ControlProtocol`."""
        why = self.objection(step.call.tool)
        if why is None:
            return None
        reason = Reason(Source.PROTOCOL, why)
        return structs.replace(made, verb=Verb.REJECT, reasons=(*made.reasons, reason))

    def _objection(self, name: str, tool: Mapping[str, Any]) -> str | None:
        ours = self.policy.file.tools[name]
        hints = cast("Mapping[str, Any]", tool.get("annotations") or {})
        if ours.effect is Effect.READ and hints.get("destructiveHint") is True:
            self._tell(f"{name}: the policy says it only reads, the server that it is destructive")
        if found := difference(ours.parameters or {}, tool.get("inputSchema") or {}):
            return f"its schema has changed: {found}"
        definition = {key: value for key, value in tool.items() if key not in ("_meta", "icons")}
        if self._pins.changed(name, definition):
            return "the server describes it in other words than before"
        return None

    def _tell(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


_NOT_SHOWN = frozenset({"outputSchema", "_meta", "icons", "execution"})
