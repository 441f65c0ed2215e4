"""A conversation from its calls to a model: each call repeats what was said before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from duress.trajectory import Message, ToolCall


class Exchange(Struct, frozen=True):
    """One call to a model."""

    given: tuple[Message, ...]
    """What the model was shown."""
    reply: tuple[Message, ...]
    at: float = 0.0


def news(exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
    """Yield of each exchange what was not said before it.

    A call whose history begins with all that was said goes on; one that repeats a part of it is a retry or
    a branch and adds its reply; one with another history (it was compacted, or a helper was asked) adds
    what is new in it.
    """
    keys: list[object] = []
    known: set[object] = set()
    met: dict[int, tuple[Message, object]] = {}
    """Keys of messages by identity: who keeps histories keeps each message once."""

    def key_of(message: Message) -> object:
        found = met.get(id(message))
        if found is None:
            found = met[id(message)] = message, key(message)
        return found[1]

    for exchange in exchanges:
        history = [key_of(message) for message in exchange.given]
        if history[: len(keys)] == keys:
            new = list(exchange.given[len(keys) :])
        else:
            new = [message for message, own in zip(exchange.given, history, strict=True) if own not in known]
        for message in (*new, *exchange.reply):
            keys.append(key_of(message))
            known.add(keys[-1])
        yield Exchange(tuple(new), exchange.reply, exchange.at)


def extends(earlier: tuple[Message, ...], later: tuple[Message, ...]) -> bool:
    """Return whether a later history begins with an earlier one."""
    return len(later) >= len(earlier) and all(key(a) == key(b) for a, b in zip(earlier, later, strict=False))


def key(message: Message) -> object:
    """Return what a message has in common with itself in a later history."""
    # A history repeats a reply without its reasoning, and sometimes without the ids of its calls.
    return (
        message.role,
        message.text.strip(),
        tuple(given(call) for call in message.calls),
    )


def given(call: ToolCall) -> object:
    """Return what two calls have in common that ask the same of a tool, whatever their ids."""
    return call.tool, str(call.arguments)
