"""Server-sent events, read and written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from json import dumps

from duress.guard.adapters.model_api.wire import Event

KEEP = b": waiting for a decision\n\n"
"""A comment: clients skip it, and know that the connection lives."""


async def read(chunks: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """Return name and data of each event; one that was cut off is none."""
    name, data = "", list[str]()
    async for line in _lines(chunks):
        if line == "":
            if data:
                yield name, "\n".join(data)
            name, data = "", []
        elif line.startswith(":"):
            continue
        else:
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                name = value
            elif key == "data":
                data.append(value)


async def _lines(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    # Only these three end a line; `splitlines` knows more, some of which JSON has within texts.
    rest = ""
    async for chunk in chunks:
        rest += chunk
        held = rest.endswith("\r")
        ready = (rest[:-1] if held else rest).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        rest = ready.pop() + ("\r" if held else "")
        for line in ready:
            yield line
    if rest:
        yield rest.rstrip("\r")


def write(event: Event) -> bytes:
    """Return an event as it is sent."""
    name, data = event
    text = data if isinstance(data, str) else dumps(data, separators=(",", ":"))
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()
