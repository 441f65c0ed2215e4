"""Does a text decline to take part in the task as a whole?"""

from __future__ import annotations

from typing import Final

from duress.reading.letter import fold, lay_out
from duress.reading.lexicon import may_hold
from duress.reading.reading import Reading, nothing
from duress.reading.signs import Signs

_CLOSE: Final = 8
_WANTED: Final = frozenset({"bare", "decline"})


def refusal(text: str) -> Reading:
    """Tell whether a text declines the task as a whole.

    Declining one act ("I will not use the code") while the work goes on is no refusal.
    """
    folded = fold(text)
    if not may_hold("refusal", folded, _WANTED):
        return nothing("declines nothing, or only one act")
    letter = lay_out(text, folded)
    signs = Signs("refusal", letter)
    declining = [sign.span for sign in [*signs.all("bare"), *signs.all("decline")]]
    for sign in signs.affirmed("going_on"):
        # "I should not go on", "the rest I will not do" decline; they do not go on
        if any(start < sign.span[1] + _CLOSE and sign.span[0] < end for start, end in declining):
            continue
        return nothing("the work goes on")
    narrow = {sign.statement for sign in signs.all("narrow")}
    for sign in signs.all("bare"):
        if sign.statement not in narrow:
            return Reading(found=True, quotes=letter.quotes([sign.span]), why="declines to help")
    for sign in signs.all("decline"):
        whole = signs.within("whole", frozenset((sign.statement,)))
        if whole and sign.statement not in narrow:
            spans = [sign.span, whole[0].span]
            return Reading(found=True, quotes=letter.quotes(spans), why="declines the task as a whole")
    return nothing("declines nothing, or only one act")
