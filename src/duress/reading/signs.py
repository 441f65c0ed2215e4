"""The signs found in one letter, each with its statement and its polarity."""

from __future__ import annotations

import re
from typing import Final

from duress.reading.letter import BREAK, Letter, Span
from duress.reading.lexicon import scan

_REACH_WORDS: Final = 48
_REACH_CHARACTERS: Final = 9

_NEGATOR: Final = re.compile(
    r"(?<![a-z])(?:not(?! only| just| merely)|never|nothing|nobody|no one|none|nor|neither|without|cannot|"
    r"avoid|prevent|spare|instead of|rather than|refuse to|decline to|stop|"
    r"no(?! doubt| later| sooner| matter| longer than))(?![a-z])"
    r"|n't(?![a-z])"
)
_NEGATOR_ZH: Final = re.compile(
    r"不(?!得不|妨|如|仅|久|过|然|但|可避免|然的话|是吗)|没(?!关系)"
    r"|未(?!来)|别(?!的|人|处|家)|勿|无(?!论|意中|意间)|避免|以免|免得|省得|非(?!常)"
)
_DOUBTFUL_ZH: Final = re.compile(
    r"是不是|能不能|会不会|要不要|可不可以|有没有|好不好"
    r"|不得不|不能不|不会不|不可不|不该不|并不是不|不是不"
    r"|瞒不住|藏不住|包不住|瞒不了|藏不了"
)


_CLAUSE: Final = re.compile(r"[,:–—]| - |(?<![a-z])(?:because|so that|while)(?![a-z])|因为|所以")
_OPEN: Final = frozenset({"expose", "going_on"})
"""Signs whose phrases may have a negation in their gaps."""


class Sign:
    """One occurrence of a sign."""

    __slots__ = ("_negated", "_own", "name", "span", "statement")

    def __init__(self, name: str, span: Span, letter: Letter) -> None:
        self.name = name
        self.span = span
        self.statement = letter.statement(span[0])
        self._own = letter.own
        self._negated: bool | None = None

    @property
    def negated(self) -> bool:
        """Whether it is said not to be so."""
        if self._negated is None:
            self._negated = is_negated(self._own, self.span, inside=self.name in _OPEN)
        return self._negated


class Signs:
    """All signs of one question in the writer's own words."""

    __slots__ = ("_by_name", "letter")

    def __init__(self, question: str, letter: Letter) -> None:
        self.letter = letter
        self._by_name: dict[str, list[Sign]] = {
            name: [Sign(name, span, letter) for span in spans]
            for name, spans in scan(question, letter).items()
        }

    def all(self, name: str) -> list[Sign]:
        """Return every occurrence of a sign."""
        return self._by_name.get(name, [])

    def affirmed(self, name: str) -> list[Sign]:
        """Return the occurrences without a negation before them."""
        return [sign for sign in self.all(name) if not sign.negated]

    def within(self, name: str, statements: frozenset[int]) -> list[Sign]:
        """Return the occurrences in some statements."""
        return [sign for sign in self._by_name.get(name, ()) if sign.statement in statements]


def is_negated(own: str, span: Span, *, inside: bool = False) -> bool:
    """Tell whether what stands at a span is negated; two negations cancel each other.

    `inside` also counts negations within the span, for phrases with gaps ("tell ... not ... the board").
    """
    at = span[0]
    start = own.rfind(BREAK, max(0, at - _REACH_WORDS), at) + 1 or max(0, at - _REACH_WORDS)
    before = own[start:at]
    clause = _CLAUSE.split(before)[-1]
    within = own[at : span[1]] if inside else ""
    if clause.isascii():
        # at most six words lie between a negation and what it negates
        near = " ".join(clause.split()[-7:])
        last = near.rpartition(" and ")[2]
        negations = sum(1 for _ in _NEGATOR.finditer(last)) or sum(1 for _ in _NEGATOR.finditer(near))
    else:
        near = _DOUBTFUL_ZH.sub("", clause)[-_REACH_CHARACTERS:]
        negations = sum(1 for _ in _NEGATOR_ZH.finditer(near)) or sum(1 for _ in _NEGATOR.finditer(clause))
    if within:
        # one negation carries on over a list: "I will not use it, nor pass it on"
        found = _NEGATOR if within.isascii() else _NEGATOR_ZH
        negations += bool(found.search(_DOUBTFUL_ZH.sub("", within)))
    return negations % 2 == 1
