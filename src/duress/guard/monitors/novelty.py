"""Does something that not everybody should have go to somebody new?"""

from __future__ import annotations

from duress.guard.monitor import Observation, Rule, Step
from duress.guard.monitors.sensitive import SENSITIVE


def novelty() -> Rule:
    """Return the monitor of recipients that are outside the organisation and that nobody named before.

    Abstains where there is none. Such a recipient alone scores 0.3, after a sensitive class of data was
    read 0.6, and 0.9 where the call itself holds one.
    """

    def score(step: Step) -> Observation | None:
        facts = step.facts
        new = tuple(one for one in facts.new_recipients if one in facts.outside_recipients)
        if not new:
            return None
        held = [one for one in facts.call_classes if one in SENSITIVE]
        if held:
            return Observation(0.9, f"{', '.join(held)} goes to a new recipient outside", new)
        read = [one for one in facts.read_classes if one in SENSITIVE]
        if read:
            return Observation(0.6, f"a new recipient outside, after {', '.join(read)} was read", new)
        return Observation(0.3, "a new recipient outside", new)

    return Rule("novelty", score)
