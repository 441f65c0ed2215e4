"""Finds quotes in a text, to mark them."""

from __future__ import annotations

from collections.abc import Iterable


def spans(text: str, quotes: Iterable[str]) -> list[tuple[int, int]]:
    """Return where the quotes stand in a text: (start, end) in order, overlapping ones merged."""
    found: list[tuple[int, int]] = []
    for quote in quotes:
        start = text.find(quote) if quote else -1
        while start >= 0:
            found.append((start, start + len(quote)))
            start = text.find(quote, start + len(quote))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def pieces(text: str, quotes: Iterable[str]) -> list[tuple[str, bool]]:
    """Split a text into (piece, whether it is quoted); joined, the pieces are the text."""
    out: list[tuple[str, bool]] = []
    last = 0
    for start, end in spans(text, quotes):
        if start > last:
            out.append((text[last:start], False))
        out.append((text[start:end], True))
        last = end
    if last < len(text):
        out.append((text[last:], False))
    return out
