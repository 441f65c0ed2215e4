"""Parts of a long batch of spans: read whole, its objects take many times as much memory as its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

PART = 1 << 20
"""Bytes of the spans of a part, if it is not a longer one alone."""
_WITHIN = {
    "resourceSpans": ("scopeSpans", "scope_spans"),
    "resource_spans": ("scopeSpans", "scope_spans"),
    "scopeSpans": ("spans",),
    "scope_spans": ("spans",),
    "spans": (),
}
"""Arrays of an OTLP document, and those that lie within their elements."""
_OUTER = ("resourceSpans", "resource_spans", "scopeSpans", "scope_spans")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])


def parts(
    text: bytes | memoryview, decode: Callable[[bytes], Any], arrays: tuple[str, ...] = _OUTER
) -> Iterator[dict[str, Any]]:
    """Yield an OTLP document as several, each with some of its spans; any other record is yielded whole.

    `decode` reads a JSON text; what it raises comes behind the parts that could be read.
    """
    try:
        fields = _object.decode(text)
        key = next((key for key in arrays if key in fields), None)
        held = None if key is None else _array.decode(fields.pop(key))
    except (msgspec.DecodeError, RecursionError):
        # It is for `decode` to say what is wrong with it, or to read what is no JSON all the same.
        fields, key, held = {}, None, None
    if key is None or held is None:
        yield decode(bytes(text))
        return
    head = {name: decode(bytes(value)) for name, value in fields.items()}
    chunk: list[Any] = []
    size = 0
    # Views: of a text of many megabytes, no copy is made at each level.
    for item in map(memoryview, held):
        if chunk and size + len(item) > PART:
            yield {**head, key: chunk}
            chunk, size = [], 0
        if len(item) > PART:
            yield from ({**head, key: [part]} for part in parts(item, decode, _WITHIN[key]))
        else:
            chunk.append(decode(bytes(item)))
            size += len(item)
    if chunk or not held:
        yield {**head, key: chunk}
