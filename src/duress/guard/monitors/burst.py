"""Are there suddenly many calls?"""

from __future__ import annotations

from duress.guard.monitor import Observation, Rule, Step
from duress.guard.monitors.effects import changes


def burst(*, calls: int = 30, of_tool: int = 10) -> Rule:
    """Return the monitor of calls per window (`Profile.window`, in seconds).

    `calls` is how many calls of all tools are usual, `of_tool` how many of one tool that changes
    something. Abstains below half of both. The score is the larger share of twice what is usual: 0.5 at
    the usual number.

    Raises:
        ValueError: a number below 1.
    """
    if calls < 1 or of_tool < 1:
        raise ValueError(f"calls={calls}, of_tool={of_tool}: expected 1 or more")

    def score(step: Step) -> Observation | None:
        facts = step.facts
        shares = [
            ((facts.calls_in_window + 1) / (2 * calls), f"{facts.calls_in_window + 1} calls in the window")
        ]
        if changes(step):
            number = facts.calls_of_tool_in_window + 1
            shares.append((number / (2 * of_tool), f"{number} calls of {step.call.tool} in the window"))
        share, why = max(shares)
        return Observation(min(1.0, share), why) if share >= 0.25 else None

    return Rule("burst", score)
