"""Executions of tools as spans tell of them, and the conversation that they belong to.

What a model was shown tells of most of them too. One is told there if the conversation has its call: by its
id, or by its tool and arguments; each call of the conversation stands for one execution. The others are what
was done behind the model's back, or never reported to it: they are added where they happened.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from duress.audit.readers.stitch import Exchange, news
from duress.trajectory import Message, Role, ToolCall, ToolError


class Execution(NamedTuple):
    """A tool that ran: what it was called with, what came back, whether it failed, and when it began."""

    call: ToolCall
    result: str
    failed: bool
    at: float


def woven(exchanges: Iterable[Exchange], executions: Sequence[Execution]) -> tuple[Message, ...]:
    """Return what was said, each message once, with the executions that it does not tell of at their time."""
    told = list(news(exchanges))
    out: list[Message] = []
    if not executions:
        for part in told:
            out += (*part.given, *part.reply)
        return tuple(out)
    said = [message for part in told for message in (*part.given, *part.reply)]
    more = sorted(_untold(said, executions), key=lambda one: one[0])
    at = 0
    for part in told:
        # Results were there before what a person said to them; a prompt before all that was done.
        start = len(part.given)
        if out:
            start = next((n for n, one in enumerate(part.given) if one.role is not Role.TOOL), start)
        out += part.given[:start]
        while at < len(more) and more[at][0] < part.at:
            out += more[at][1]
            at += 1
        out += (*part.given[start:], *part.reply)
    for _, messages in more[at:]:
        out += messages
    return tuple(out)


def _untold(said: list[Message], executions: Sequence[Execution]) -> list[tuple[float, list[Message]]]:
    """Return the executions that a conversation does not tell of, each with its time."""
    asked = [call for message in said for call in message.calls]
    results = [message for message in said if message.role is Role.TOOL]
    answered = {message.call_id for message in results if message.call_id}
    names = {call.id for call in asked if call.id}
    texts = Counter(message.text for message in results if message.call_id not in names)
    """Results that do not say which call they answer."""
    out: list[tuple[float, list[Message]]] = []
    for execution, known in zip(executions, _claimed(asked, executions), strict=True):
        call, result, failed, start = execution
        messages: list[Message] = []
        if known is None:
            messages.append(Message(Role.ASSISTANT, "", calls=(call,), at=start or None))
        elif known.id in answered:
            continue
        elif texts[result]:
            texts[result] -= 1
            continue
        name = call.id if known is None else known.id or call.id
        error = ToolError.FAILED if failed else None
        messages.append(Message(Role.TOOL, result, call_id=name or None, error=error, at=start or None))
        out.append((start, messages))
    return out


def _claimed(asked: list[ToolCall], executions: Sequence[Execution]) -> list[ToolCall | None]:
    """Return for each execution the call of the conversation that it carries out, or None."""
    found: list[ToolCall | None] = [None] * len(executions)
    for key in _by_id, _by_arguments:
        free: dict[object, list[ToolCall]] = {}
        taken = {id(call) for call in found if call is not None}
        for call in reversed(asked):
            if id(call) not in taken:
                free.setdefault(key(call), []).append(call)
        for number, execution in enumerate(executions):
            if found[number] is None and (calls := free.get(key(execution.call))):
                found[number] = calls.pop()
    _claim_filled(asked, executions, found)
    return found


def _claim_filled(
    asked: list[ToolCall], executions: Sequence[Execution], found: list[ToolCall | None]
) -> None:
    """Give executions calls of the same tool whose arguments are among theirs: defaults were filled in."""
    taken = {id(call) for call in found if call is not None}
    free: dict[str, list[tuple[ToolCall, dict[str, str]]]] = {}
    for call in asked:
        if id(call) not in taken:
            free.setdefault(_bare(call.tool), []).append((call, _arguments(call)))
    for number, execution in enumerate(executions):
        calls = free.get(_bare(execution.call.tool)) if found[number] is None else None
        if not calls:
            continue
        ran = _arguments(execution.call).items()
        at = next((at for at, (_, given) in enumerate(calls) if given.items() <= ran), None)
        if at is not None:
            found[number] = calls.pop(at)[0]


def _by_id(call: ToolCall) -> object:
    # Without an id, no other is the same.
    return (call.id, _bare(call.tool)) if call.id else id(call)


def _by_arguments(call: ToolCall) -> object:
    return _bare(call.tool), frozenset(_arguments(call).items())


def _arguments(call: ToolCall) -> dict[str, str]:
    """Return each argument as JSON in one form, whatever the order of its keys."""
    return {
        str(name): json.dumps(_plain(value), sort_keys=True, default=str)
        for name, value in call.arguments.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    return value


def _bare(tool: str) -> str:
    """Return the name of a tool without that of the server or module it is from."""
    return tool.replace("__", ".").replace("/", ".").rpartition(".")[2]
