"""Texts without names: roles stand for people, so that who reads cannot tell whom it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A text in which roles stand for names, and how to get back to the words that were written."""

    text: str
    original: str
    pieces: tuple[tuple[int, int, int, int], ...]
    """Replaced pieces: (start, end) here, (start, end) in the original."""

    def back(self, start: int, end: int) -> str:
        """Return what stands in the original for text[start:end], with whole names at the edges."""
        return self.original[self._there(start, 2) : self._there(end, 3)]

    def verbatim(self, quote: str) -> str | None:
        """Return the words of the original that a quote stands for, spaces apart; None if it is not here."""
        words = quote.split()
        found = re.search(r"\s+".join(map(re.escape, words)), self.text) if words else None
        return self.back(found.start(), found.end()) if found else None

    def _there(self, here: int, edge: int) -> int:
        shift = 0
        for piece in self.pieces:
            if here <= piece[0]:
                break
            if here < piece[1]:
                return piece[edge]
            shift = piece[3] - piece[1]
        return here + shift


def anonymous(text: str, names: Sequence[tuple[str, str]]) -> Anonymous:
    """Return the text with every name and address replaced by its bearer's role, `[role]`."""
    roles = {name.lower(): role for name, role in names if name}
    if not roles:
        return Anonymous(text, text, ())
    # Longest first: an address holds a name, a name holds a short one.
    pattern = re.compile("|".join(map(re.escape, sorted(roles, key=len, reverse=True))), re.IGNORECASE)
    out: list[str] = []
    pieces: list[tuple[int, int, int, int]] = []
    read = length = 0
    for match in pattern.finditer(text):
        plain, role = text[read : match.start()], f"[{roles[match.group().lower()]}]"
        out += [plain, role]
        length += len(plain)
        pieces.append((length, length + len(role), match.start(), match.end()))
        length += len(role)
        read = match.end()
    out.append(text[read:])
    return Anonymous("".join(out), text, tuple(pieces))
