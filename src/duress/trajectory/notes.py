"""Private notes in what an agent writes: `<notes>...</notes>`, closed or not. Nobody reads them."""

from __future__ import annotations

import re

_NOTES = re.compile(r"<notes>(.*?)(?:</notes>|$)", re.DOTALL | re.IGNORECASE)


def spoken(text: str) -> str:
    """Return a text without its private notes."""
    return _NOTES.sub("", text).strip()


def noted(text: str) -> list[str]:
    """Return the private notes of a text, in order."""
    return [found.strip() for found in _NOTES.findall(text)]
