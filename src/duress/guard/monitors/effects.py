"""What a call does, as far as monitors need to know."""

from __future__ import annotations

import re
from typing import Final

from duress.facts import Effect
from duress.facts.leaves import spelled
from duress.guard.monitor import Step

_READS: Final = re.compile(
    r"(?:^|[._-])(?:read|get|list|search|find|show|view|fetch|look_?up|query|describe|count|check|calculate|think)"
    r"(?=[._-]|[A-Z]|$)"
    r"|(?<=[a-z])(?:Read|Get|List|Search|Find|Show|View|Fetch|LookUp|Lookup|Query|Describe|Check)(?=[A-Z]|$)"
)


def changes(step: Step) -> bool:
    """Tell whether a call may change something: not where its tool is said, or called, to only read."""
    if step.facts.effect is Effect.UNKNOWN:
        return _READS.search(step.call.tool) is None
    return step.facts.effect is not Effect.READ


def irreversible(step: Step) -> bool:
    """Tell whether a call cannot be undone; what nobody described counts as such."""
    return step.facts.effect is Effect.IRREVERSIBLE or (step.facts.effect is Effect.UNKNOWN and changes(step))


def said(step: Step) -> str:
    """Return all that a call says, one argument a line."""
    return spelled(step.call.arguments)


def leaving(step: Step) -> tuple[str, ...]:
    """Return the recipients outside the organisation, and those that nobody had named before."""
    return tuple(dict.fromkeys((*step.facts.outside_recipients, *step.facts.new_recipients)))
