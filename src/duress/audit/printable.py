"""Text out of logs as people are shown it: what steers a terminal or turns the reading order is spelt out."""

from __future__ import annotations

import re

_STEERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\u00ad\u034f\u115f\u1160\u180e\u2800\u3164"
    "\ud800-\udfff\U000e0000-\U000e007f]"
    # They choose the form of a sign of Chinese or an emoji; behind a letter they only hide.
    "|(?<![^\x00-\x7f])[\ufe00-\ufe0f]+(?![^\x00-\x7f])"
)
"""Controls but for tabs and line breaks, marks of direction, and what is invisible or no character."""
_BREAKS = re.compile("[\t\n]")


def printable(text: str) -> str:
    """Return a text with every character that steers written as Python writes it: `\\x1b`, `\\u202e`."""
    return _STEERS.sub(_spelt, text)


def in_line(text: str) -> str:
    """Return a text in one line: printable, and line breaks and tabs are spelt out, too."""
    return _BREAKS.sub(_spelt, printable(text))


def in_json(text: str) -> str:
    """Return a JSON text that says the same with escapes in place of what steers."""
    return text if text.isascii() else _STEERS.sub(_escaped, text)


def _spelt(found: re.Match[str]) -> str:
    return "".join(f"\\u{ord(sign):04x}" if sign.isprintable() else repr(sign)[1:-1] for sign in found[0])


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
