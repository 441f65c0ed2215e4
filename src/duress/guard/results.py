"""What a tool returned, before the agent reads it: data that the task does not need never reaches it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from duress.facts import data_classes, redact
from duress.guard.decision import Reason, Source
from duress.guard.policy import Do, ResultRule

WITHHELD = "The result was withheld: it holds {kinds}, which this task does not need."


class Screened(Struct, frozen=True):
    """A result and what the policy lets through of it."""

    text: str
    """What may be read: redacted or withheld where a rule says so; with `ask`, if a person releases it."""
    reasons: tuple[Reason, ...] = ()
    ask: bool = False
    """Whether a person has to release it."""
    withheld: str = ""
    """What is said in its place if nobody does."""


def screen(rules: Sequence[ResultRule], tool: str, text: str) -> Screened:
    """Return what an agent may read of a tool's result under a policy's rules for results."""
    applying = [r for r in rules if (r.tools is None or tool in r.tools) and tool not in r.but]
    if not applying:
        return Screened(text)
    held = {found.kind for found in data_classes(text)}
    reasons: list[Reason] = []
    redacted: set[str] = set()
    withheld = ask = False
    named: list[str] = []
    for number, rule in enumerate(applying):
        kinds = [kind for kind in rule.classes if kind in held]
        if not kinds:
            continue
        named += [kind.value for kind in kinds if kind.value not in named]
        reasons.append(
            Reason(
                Source.RESULT,
                f"{rule.do.value}: {', '.join(kind.value for kind in kinds)}",
                f"results[{number}]",
            )
        )
        withheld |= rule.do is Do.WITHHOLD
        ask |= rule.do is Do.ASK
        if rule.do is Do.REDACT:
            redacted.update(kinds)
    instead = WITHHELD.format(kinds=", ".join(named))
    if withheld:
        return Screened(instead, tuple(reasons), False, instead)
    shown = redact(text, [kind for kind in held if kind in redacted]) if redacted else text
    return Screened(shown, tuple(reasons), ask, instead)
