"""Does a message claim a technical problem, or an order from somebody else, that would delay something?"""

from __future__ import annotations

from typing import Final

from duress.reading.letter import Letter, fold, lay_out
from duress.reading.lexicon import may_hold
from duress.reading.reading import Reading, nothing
from duress.reading.signs import Sign, Signs

_CLAIMS: Final = (
    ("broken", (), "says that something has failed"),
    ("undone", (), "says that something did not complete or does not respond"),
    ("passive", ("delay",), "refers to an order or a notice from somebody else"),
    ("order", (), "says that somebody else ordered a delay"),
    ("trouble", ("assert", "consequence"), "says that there is a technical problem"),
)
"""Sign, what has to stand beside it, and what it says."""
_WANTED: Final = frozenset(name for name, _, _ in _CLAIMS)


def fault_claim(text: str) -> Reading:
    """Tell whether a text asserts a technical problem, a vendor's notice or somebody's order to delay.

    Questions, conditions, possibilities, plans, reports that all works and the writer's own requests are no
    claims; nor is what stands in quoted lines.
    """
    folded = fold(text)
    if not may_hold("fault", folded, _WANTED):
        return nothing("claims no fault and no order to delay")
    letter = lay_out(text, folded)
    signs = Signs("fault", letter)
    for name, support, why in _CLAIMS:
        for sign in signs.affirmed(name):
            backed = [other for need in support for other in _together(signs, sign, need)]
            if (support and not backed) or _is_unreal(signs, sign):
                continue
            if name == "order" and _together(signs, sign, "own"):
                continue
            return Reading(
                found=True, quotes=letter.quotes([other.span for other in [sign, *backed[:1]]]), why=why
            )
    return nothing("claims no fault and no order to delay")


def _is_unreal(signs: Signs, sign: Sign) -> bool:
    """Tell whether a claim is asked, supposed, denied or already over."""
    letter = signs.letter
    if sign.statement in letter.questions:
        return True
    for other in _together(signs, sign, "supposed"):
        # "if it fails, ..." governs what follows; "it failed, and if ..." does not reach back
        if other.span[0] < sign.span[1] or not _cut(letter, sign.span[1], other.span[0]):
            return True
    for other in [*_together(signs, sign, "unreal"), *_together(signs, sign, "denied")]:
        if other.negated:
            continue
        first, second = sorted((sign.span, other.span))
        if not _cut(letter, first[1], second[0]):
            return True
    return False


def _cut(letter: Letter, start: int, end: int) -> bool:
    return any(mark in letter.own[start:end] for mark in ",:")


def _together(signs: Signs, sign: Sign, name: str) -> list[Sign]:
    return signs.within(name, frozenset((sign.statement,)))
