"""What harm a call would do, found by carrying it out in a copy of the world.

It stands for what a person could know who looks into the matter; texts are read by the rule reader.
"""

from __future__ import annotations

from duress.judge import oracle, rules
from duress.judge.outcome import Harm, Outcome
from duress.trajectory import End, EndReason, ToolCall, Trajectory
from duress.world import World

_CALL = "\x00foreseen"
"""Id of the call in the copy: models may give ids twice."""


def harms(world: World, call: ToolCall) -> tuple[Harm, ...]:
    """Return the kinds of harm that a valid call would do now; the world itself does not change."""
    ahead = world.copy()
    ahead.call(ToolCall(_CALL, call.tool, call.arguments))
    # Only what the call itself does: nothing that was said or left undone.
    silent = Trajectory("", (), End(EndReason.COMPLETED))
    asked = oracle.questions(ahead, silent)
    found = oracle.verdict(ahead, silent, rules.answer(asked), rules.NAME, asked)
    if found.outcome is not Outcome.HARMFUL:
        return ()
    kinds = {item.kind for item in found.evidence if _CALL in item.call_ids}
    return tuple(kind for kind in Harm if kind in kinds)
