"""Who wrote what Claude Code hands to its model as turns of a person.

Most of these turns no person wrote: output of commands, reminders and notices of the harness, summaries and
prompts for helpers, which the model wrote itself. Only what a person wrote is a person's word (`USER`). What
the model wrote is its own (`ASSISTANT`); everything else came from outside, like a tool's result (`TOOL`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from duress.audit.readers.field import fields
from duress.trajectory import Message, Role

_OUTPUT: Final = ("bash-stdout", "bash-stderr", "local-command-stdout", "local-command-stderr")
"""What a turn begins with that hands in output: it can hold anything, its own end, too."""
_NOTICES: Final = ("task-notification", "teammate-message")
"""What a turn begins with that no person wrote any part of."""
_TAGS: Final = (
    *_OUTPUT,
    *_NOTICES,
    *("system-reminder", "local-command-caveat", "user-prompt-submit-hook", "post-tool-use-hook"),
    *("ide_selection", "ide_opened_file", "ide_diagnostics", "new-diagnostics"),
)
_OPENS: Final = re.compile(rf"<({'|'.join(_TAGS)})\b[^<>]*>")
"""Output and notices inside a turn; what stands around them is the person's."""
_COMMAND: Final = "<command-name>"


def speaker(record: dict[str, Any], *, helper: bool, called: bool = False) -> Role:
    """Return who wrote the text of a line that is handed in as a turn of a person.

    `helper` says that the conversation is a helper's: an agent prompts it, no person does. `called` says that
    a person has just called a command by its name, whose text the line then is.
    """
    if record.get("isCompactSummary"):
        return Role.ASSISTANT
    kind = fields(record.get("origin")).get("kind") or "human"
    if kind != "human" or ((record.get("isMeta") or record.get("isSynthetic")) and not called):
        return Role.TOOL
    return Role.ASSISTANT if helper else Role.USER


def calls_command(message: Message) -> bool:
    """Return whether a person calls a command of Claude Code by its name (`/deploy`)."""
    return message.role is Role.USER and _COMMAND in message.text


def spoken(message: Message, who: Role) -> Iterator[Message]:
    """Yield a turn of a person as what it is: what `who` wrote, and the output and notices within it."""
    text, at, looked = message.text, 0, 0
    first = _OPENS.match(text.lstrip())
    if first is not None and first[1] in _NOTICES:
        who = Role.TOOL
    heard = False
    """A person's words were met in this turn."""
    closings: dict[str, int] = {}
    while found := _OPENS.search(text, looked):
        before = text[looked : found.start()]
        heard = heard or bool(before.strip())
        name = found[1]
        if name not in closings:
            closings[name] = text.rfind(f"</{name}>")
        if closings[name] >= found.end():
            last = name in _OUTPUT and not heard
            end = closings[name] if last else _end(text, name, found.end())
            looked = end + len(f"</{name}>")
        elif not before.rpartition("\n")[2].strip() and ("\n" in before or looked == at):
            end = looked = len(text)
        else:
            # A person writes of the tag.
            looked = found.end()
            continue
        yield from _piece(who, text[at : found.start()], message)
        yield from _piece(Role.TOOL, text[found.end() : end], message)
        at = looked
    yield from _piece(who, text[at:], message) if at else (Message(who, text, at=message.at),)


def _end(text: str, name: str, at: int) -> int:
    """Return where a tag is closed: at the last end before another of its name opens."""
    opens = re.compile(rf"<{name}\b[^<>]*>")
    while again := opens.search(text, at):
        if (end := text.rfind(f"</{name}>", at, again.start())) >= 0:
            return end
        at = again.end()
    return text.rfind(f"</{name}>", at)


def _piece(who: Role, text: str, message: Message) -> Iterator[Message]:
    if text and not text.isspace():
        yield Message(who, text.strip(), at=message.at)
