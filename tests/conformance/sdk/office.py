"""A guard for tests of single SDKs, and tools that say what ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duress.guard import Answer, Guard, Request, Said, Session
from duress.guard.policy import compiled, parse

from ..keepers import RecordingKeeper

TEXT = "{type: object, properties: {%s: {type: string}}, required: [%s]}"
KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"


def policy(**tools: str) -> str:
    """Return a policy that permits these tools, each with one argument of that name, a text."""
    listed = "".join(
        f"  {name}: {{effect: read, parameters: {TEXT % (one, one)}}}\n" for name, one in tools.items()
    )
    return (
        'duress_policy: 1\nname: test\nversion: "1"\ntools:\n'
        f"{listed}rules: permit (principal, action, resource);\n"
        "results: [{classes: [secret], do: redact}]\n"
    )


def guarding(text: str) -> tuple[Guard, Session, RecordingKeeper]:
    """Return a guard, a session and the keeper that has all that was recorded."""
    keeper = RecordingKeeper()
    guard = Guard(compiled(parse(text)), keeper)
    return guard, guard.session(agent="clerk", user="ada"), keeper


def asking(text: str) -> str:
    """Return a policy under which every call has to be approved."""
    return text.replace("permit (principal, action,", 'permit (principal, action in Action::"call",')


def edited(**arguments: Any) -> Callable[[Request], Answer]:
    """Return people who change every call."""
    return lambda request: Answer(request.id, request.binding, Said.EDIT, ("rita",), arguments=arguments)
