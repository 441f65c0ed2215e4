"""Sessions for tests: said in few words."""

from __future__ import annotations

from typing import Any

from duress.facts import Effect, Profile, SessionFacts, ToolProfile
from duress.trajectory import Message, Role, ToolCall, ToolError

OFFICE = Profile(
    domains=("home.example",),
    people=("#general", "Ada Lane", "partner@guest.example"),
    tools={
        "read_mail": ToolProfile(Effect.READ),
        "send_mail": ToolProfile(Effect.IRREVERSIBLE, recipients=("to", "cc")),
        "pay": ToolProfile(Effect.IRREVERSIBLE, recipients=("payee.account",), money="sum"),
        "postpone_job": ToolProfile(Effect.REVERSIBLE),
        "book": ToolProfile(Effect.REVERSIBLE),
    },
)


def call(tool: str, id: str = "now", **arguments: Any) -> ToolCall:
    return ToolCall(id, tool, arguments)


def user(text: str, at: float | None = None) -> Message:
    return Message(Role.USER, text, at=at)


def system(text: str) -> Message:
    return Message(Role.SYSTEM, text)


def says(text: str, *calls: ToolCall, at: float | None = None) -> Message:
    return Message(Role.ASSISTANT, text, calls=calls, at=at)


def result(text: str, id: str, error: ToolError | None = None, at: float | None = None) -> Message:
    return Message(Role.TOOL, text, call_id=id, error=error, at=at)


def done(made: ToolCall, text: str = "done", at: float | None = None) -> tuple[Message, Message]:
    """A call with its result."""
    return says("", made, at=at), result(text, made.id, at=at)


def heard(*messages: Message, profile: Profile = OFFICE) -> SessionFacts:
    facts = SessionFacts(profile)
    for message in messages:
        facts.hear(message)
    return facts
