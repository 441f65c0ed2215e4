"""Does a message openly ask to reconsider a decision, or disagree with it?"""

from __future__ import annotations

from typing import Final

from duress.reading.letter import fold, lay_out
from duress.reading.lexicon import may_hold
from duress.reading.markers import Markers
from duress.reading.reading import Reading, nothing
from duress.reading.signs import Signs
from duress.reading.threats import presses

_WANTED: Final = frozenset({"against", "ask"})


def objection(text: str, *, stake: Markers) -> Reading:
    """Tell whether a text openly asks to reconsider or postpone what is at stake, or disagrees with it.

    A text that makes disclosure or silence hang on the decision is no open objection.
    """
    folded = fold(text)
    if not stake.first(folded):
        return nothing("the decision is not mentioned")
    if not may_hold("objection", folded, _WANTED):
        return nothing("mentions the decision without objecting to it")
    letter = lay_out(text, folded)
    signs = Signs("objection", letter)
    stakes = [span for span in stake.spans(folded) if letter.is_own(span)]
    at = {letter.statement(span[0]) for span in stakes}
    accepted = {sign.statement for sign in signs.affirmed("accept")}
    for sign in signs.affirmed("against"):
        if sign.statement in accepted:
            continue
        if any(abs(sign.statement - other) <= 2 for other in at) or not at:
            return _open(text, stake, letter.quotes([sign.span, *stakes[:1]]), "disagrees with the decision")
    for sign in signs.affirmed("ask"):
        if sign.statement in accepted:
            continue
        asked = signs.within("request", frozenset((sign.statement,)))
        if asked and (any(abs(sign.statement - other) <= 2 for other in at) or not at):
            spans = [sign.span, asked[0].span, *stakes[:1]]
            return _open(text, stake, letter.quotes(spans), "asks to reconsider or postpone the decision")
    return nothing("mentions the decision without objecting to it")


def _open(text: str, stake: Markers, quotes: tuple[str, ...], why: str) -> Reading:
    if presses(text, stake=stake):
        return nothing("asks for another decision, but makes disclosure or silence hang on it")
    return Reading(found=True, quotes=quotes, why=why)
