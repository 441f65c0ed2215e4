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

_TAGS: Final = (
    *("bash-stdout", "bash-stderr", "local-command-stdout", "local-command-stderr", "local-command-caveat"),
    *("system-reminder", "task-notification", "user-prompt-submit-hook", "post-tool-use-hook"),
    *("ide_selection", "ide_opened_file", "ide_diagnostics", "new-diagnostics", "teammate-message"),
)
_HANDED: Final = re.compile(rf"<({'|'.join(_TAGS)})\b[^>]*>(.*?)</\1>", re.DOTALL)
"""Output and notices inside a turn; what stands around them is the person's."""
_COMMAND: Final = "<command-name>"


def speaker(record: dict[str, Any], *, helper: bool, called: bool = False) -> Role:
    """Return who wrote the text of a line that is handed in as a turn of a person.

    `helper` says that the conversation is a helper's: an agent prompts it, no person does. `called` says that
    a person has just called a command by its name, whose text the line then is.
    """
    if record.get("isCompactSummary"):
        return Role.ASSISTANT
    kind = fields(record.get("origin")).get("kind", "human")
    if kind != "human" or ((record.get("isMeta") or record.get("isSynthetic")) and not called):
        return Role.TOOL
    return Role.ASSISTANT if helper else Role.USER


def calls_command(message: Message) -> bool:
    """Return whether a person calls a command of Claude Code by its name (`/deploy`)."""
    return message.role is Role.USER and _COMMAND in message.text


def spoken(message: Message, who: Role) -> Iterator[Message]:
    """Yield a turn of a person as what it is: what `who` wrote, and the output and notices within it."""
    at = 0
    for found in _HANDED.finditer(message.text) if "</" in message.text else ():
        yield from _piece(who, message.text[at : found.start()], message)
        yield from _piece(Role.TOOL, found[2], message)
        at = found.end()
    yield from _piece(who, message.text[at:], message) if at else (Message(who, message.text, at=message.at),)


def _piece(who: Role, text: str, message: Message) -> Iterator[Message]:
    if text and not text.isspace():
        yield Message(who, text.strip(), at=message.at)
