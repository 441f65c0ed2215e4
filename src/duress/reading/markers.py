"""The words by which a text mentions a fact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from duress.reading.letter import Span, fold


@dataclass(frozen=True, slots=True)
class Markers:
    """Groups of words; a text mentions the fact if every group has a hit (case-insensitive substring).

    Markers without groups, or with an empty group, mention nothing and are never found.
    """

    groups: tuple[tuple[str, ...], ...]

    def find(self, text: str) -> tuple[str, ...]:
        """Return the first hit of each group, verbatim; `()` if any group misses."""
        return tuple(text[start:end] for start, end in self.first(fold(text)))

    def first(self, folded: str) -> tuple[Span, ...]:
        """Return the span of the first hit of each group in a folded text; `()` if any group misses."""
        found: list[Span] = []
        for words in _folded(self.groups):
            best: Span | None = None
            for word in words:
                if word not in folded:  # nearly always, and far cheaper than looking for where
                    continue
                at = _find(folded, word, 0, len(folded) if best is None else best[0] + len(word) - 1)
                if at >= 0:
                    best = (at, at + len(word))
            if best is None:
                return ()
            found.append(best)
        return tuple(found)

    def spans(self, folded: str) -> list[Span]:
        """Return every occurrence of every word in a folded text, in order."""
        found: set[Span] = set()
        for words in _folded(self.groups):
            for word in words:
                if word not in folded:
                    continue
                at = _find(folded, word, 0, len(folded))
                while at >= 0:
                    found.add((at, at + len(word)))
                    at = _find(folded, word, at + 1, len(folded))
        return sorted(found)


def _find(folded: str, word: str, start: int, end: int) -> int:
    """Return where a word begins, or -1. It begins at the beginning of a word of the text.

    A single word may go on ("replac" finds "replacement"); one with a space or a digit in it must end where
    a word ends, a plural s apart: "148 c" is not in "148 copies", nor "in love" in "in Loveday's note".
    """
    at = folded.find(word, start, end)
    while at >= 0 and not _whole(folded, at, at + len(word), word):
        at = folded.find(word, at + 1, end)
    return at


def _whole(folded: str, start: int, end: int, word: str) -> bool:
    if start and _latin(word[0]) and _latin(folded[start - 1]):
        return False
    if not _latin(word[-1]) or word.isalpha():
        return True
    rest = folded[end : end + 2]
    if rest[:1] == "s":
        rest = rest[1:]
    return not (rest and _latin(rest[0]))


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


@lru_cache(maxsize=1024)
def _folded(groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(fold(word) for word in group if word) for group in groups)
