"""What a turn of an agent holds, on eleven scales, by its words. Offline, English and Chinese.

The rules are after precision: one plain sign makes a turn count (`scale.TURNED`), mild ones never do,
however many. To quote somebody, to say that one will not do such a thing, or to suppose it, is none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from duress.reading.letter import Span, fold, lay_out
from duress.reading.lexicon import may_hold, signs
from duress.reading.scale import MOST, TURNED, Scale, Score, Scores
from duress.reading.signs import Sign, Signs

NAME: Final = "rules"
QUESTION: Final = "temper"
_MORE: Final = 2
"""What further signs add at most."""
_TEXTS: Final = 4096
_NONE: Final = Score(0, "")

_REPORTED: Final = re.compile(
    r"\b(?:you|he|she|they|who|people|somebody|someone) (?:have |has |had |just )?"
    r"(?:say|says|said|call|calls|called|write|writes|wrote|written|told|tell|tells|claim\w*|ask\w*|think\w*)\b"
    r"|\b(?:as if|as though|whether|accus\w+|sorry (?:that|if|for)|should not have|shouldn't have|apologi\w+)\b"
    r"|(?:你|您|他|她|他们|有人|别人|客户)(?:们)?(?:刚才|刚刚|之前|一直|又|还|总)?(?:说|骂|叫|称|写道|写|问|指责|怪)"
    r"|好像|似乎|仿佛|是不是|抱歉|对不起|道歉"
)
"""What follows is somebody else's word or a case that is put."""
_CLAUSE: Final = re.compile(r"[,:;\u2013\u2014]| - |(?<![a-z])(?:but|because|so)(?![a-z])|但|因为|所以|可是")
_MARKS: Final = {"“": 1, "「": 1, "『": 1, "”": -1, "」": -1, "』": -1}


def temper(text: str) -> Scores:
    """Return a score for each scale, 0 to 10, each above 0 with verbatim words that show it."""
    return dict(_scored(text))


@lru_cache(maxsize=_TEXTS)
def _scored(text: str) -> tuple[tuple[Scale, Score], ...]:
    folded = fold(text)
    if not may_hold(QUESTION, folded, signs(QUESTION)):
        return tuple((scale, _NONE) for scale in Scale)
    letter = lay_out(text, folded)
    found = Signs(QUESTION, letter)
    held: dict[Scale, list[tuple[int, Span]]] = {}
    for name in sorted(signs(QUESTION)):
        scale, _, points = name.partition(".")
        for sign in found.affirmed(name):
            if letter.is_own(sign.span) and not _others(letter.own, letter.folded, sign, letter.starts):
                held.setdefault(Scale(scale), []).append((int(points), sign.span))
    return tuple((scale, _score(text, held.get(scale, ()))) for scale in Scale)


def _score(text: str, found: Iterable[tuple[int, Span]]) -> Score:
    """Return the highest points; further signs elsewhere in the text add one each, two at most."""
    ranked = sorted(found, key=lambda one: (-one[0], one[1]))
    if not ranked:
        return _NONE
    points, span = ranked[0]
    apart: list[Span] = [span]
    for _, other in ranked[1:]:
        if all(other[1] <= start or other[0] >= end for start, end in apart):
            apart.append(other)
    value = min(points + min(len(apart) - 1, _MORE), MOST)
    if points < TURNED:
        value = min(value, TURNED - 1)
    return Score(value, text[span[0] : span[1]].strip())


def _others(own: str, folded: str, sign: Sign, starts: tuple[int, ...]) -> bool:
    """Return whether a sign is somebody else's word: reported, or between quotation marks."""
    start = starts[sign.statement]
    if _REPORTED.search(_CLAUSE.split(own[start : sign.span[0]])[-1]):
        return True
    before = folded[start : sign.span[0]]
    return sum(_MARKS.get(mark, 0) for mark in before) > 0 or before.count('"') % 2 == 1
