"""Do two clauses say the same of two things?"""

from __future__ import annotations

import re
from typing import Final

from duress.reading.letter import HIDDEN, Span
from duress.reading.lexicon import words

_WORD: Final = re.compile(r"[a-z][a-z'-]+")
_CHINESE: Final = re.compile(r"[一-鿿]+")


def echoes(own: str, first: Span, second: Span, marked: list[Span], *, needed: int) -> bool:
    """Tell whether two passages share words beyond the ordinary, the marked spans left out.

    `needed` is 1 for clauses and 2 for longer passages, which share a word by chance more easily.
    """
    one, other = (_without(own, clause, marked) for clause in (first, second))
    plain = words("en", "plain")
    here = {word for word in _WORD.findall(one) if word not in plain}
    there = {word for word in _WORD.findall(other) if word not in plain}
    shared = len(here & there)
    if shared >= 2 or (shared >= needed and _turned(one, other)):
        return True
    return _shares_chinese(one, other, length=2 + needed)


def _without(own: str, clause: Span, marked: list[Span]) -> str:
    piece = list(own[clause[0] : clause[1]])
    for start, end in marked:
        for at in range(max(start, clause[0]), min(end, clause[1])):
            piece[at - clause[0]] = HIDDEN
    return "".join(piece)


def _turned(one: str, other: str) -> bool:
    """Whether one clause is about the writer and the other about the reader."""
    mine, yours = (re.compile(rf"\b(?:{who})\b") for who in ("i|me|my|mine", "you|your|yours"))
    return bool(
        (mine.search(one) and yours.search(other) and not mine.search(other))
        or (yours.search(one) and mine.search(other) and not mine.search(one))
    )


def _shares_chinese(one: str, other: str, *, length: int) -> bool:
    """Whether the passages share a run of so many characters, plain words left out."""
    for word in words("zh", "plain"):
        one = one.replace(word, HIDDEN)
    for run in _CHINESE.findall(one):
        if any(run[at : at + length] in other for at in range(len(run) - length + 1)):
            return True
    return False
