"""What of a tool's result goes on, given what the guard lets the agent read of it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from duress.guard.adapters.covered import covered
from duress.guard.adapters.mcp.content import (
    Block,
    note,
    opaque,
    screened,
    told,
    without_opaque,
)
from duress.guard.policy import Mode, Policy
from duress.guard.results import screen


class Held(Struct, frozen=True):
    """What a tool returned, not yet released."""

    blocks: list[Block]
    structured: Any = None

    @property
    def text(self) -> str:
        """Return all that can be read of it, as one text."""
        return told(self.blocks, self.structured)


def released(policy: Policy, tool: str, held: Held, text: str) -> Held:
    """Return what goes on of a result of which the guard lets `text` be read.

    Where the text was redacted, the same parts are redacted in blocks and structured content, which keep
    their form if nothing that the rules hide is left in them then. Otherwise the text takes the place of
    the whole. Binary data goes on only where the policy has no rule about the tool's results.
    """
    if policy.file.mode is Mode.OBSERVE:
        return held
    rules = policy.file.results
    if text != held.text:
        look = screen(rules, tool, held.text)
        if text != look.text or text == look.withheld:
            return Held([note(text)])
        held = Held(screened(rules, tool, held.blocks), screened(rules, tool, held.structured))
        left = told(held.blocks, held.structured)
        if screen(rules, tool, left).text != left:
            return Held([note(text)])
    if covered(rules, tool) and opaque(held.blocks):
        return Held(without_opaque(held.blocks), held.structured)
    return held
