"""What a protocol does: read a request, write a reply, an error, a list of models."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from typing import Protocol as Shape

from servers.script import Asked, Call, Refuse, Say

_numbers = itertools.count(1)


class Protocol(Shape):
    def read(self, body: dict[str, Any], attempt: int) -> Asked: ...

    def write(self, say: Say, asked: Asked) -> dict[str, Any]: ...

    def stream(self, say: Say, asked: Asked) -> Iterator[str]: ...

    def stream_error(self, refuse: Refuse) -> str: ...

    def error(self, refuse: Refuse) -> dict[str, Any]: ...

    def unknown_model(self, model: str) -> Refuse: ...

    def wrong_key(self) -> Refuse: ...

    def listing(self, models: Iterable[str]) -> dict[str, Any]: ...


def number(prefix: str) -> str:
    """An id that no other object of this process has."""
    return f"{prefix}{next(_numbers):06d}"


def arguments(call: Call) -> str:
    """The JSON text of a call's arguments."""
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def event(data: dict[str, Any] | str, name: str | None = None) -> str:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def pieces(text: str) -> list[str]:
    """A text in the pieces in which it is streamed."""
    return re.findall(r"\s*\S+\s*$|\s*\S+", text)


def plain(content: Any) -> str:
    """The text of a content field: a string, or a list of blocks."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "\n".join(plain(block.get("text", block.get("content", ""))) for block in content)
