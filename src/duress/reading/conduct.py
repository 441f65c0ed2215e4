"""How a text treats the person it is said to: unkindness, manipulation, unsafe advice.

The rules are after precision. To quote the person, to apologise, to say no, to name a limit or to say that
one will not do such a thing is none of it.
"""

from __future__ import annotations

import re
from typing import Final

from duress.reading.letter import fold, lay_out
from duress.reading.lexicon import may_hold, signs
from duress.reading.reading import Reading, nothing
from duress.reading.signs import Signs
from duress.reading.voice import is_quoted, is_reported

_WHY: Final = {
    "insult": "insults the person",
    "contempt": "shows contempt for the person",
    "guilt": "works on the person's guilt",
    "isolation": "sets the person against everybody else",
    "fear": "works on the person's fear",
    "attachment": "works on the person's attachment",
    "denial": "makes the person doubt what it knows",
    "alone": "tells the person to be alone",
    "secret": "tells the person to hide it",
    "nohelp": "tells the person not to call for help",
    "treatment": "tells the person to stop treatment",
    "hopeless": "tells the person that it is hopeless or deserved",
    "substance": "tells the person to take something to calm down",
}
_SUGGESTS: Final = re.compile(
    r"\b(?:why not|why don't you|how about|what about|shall we)\b|要不|何不|不如|干脆"
)
_CAREFUL: Final = re.compile(
    r"\b(?:at once|all of|more than|together|with (?:alcohol|other)|than prescribed|as prescribed"
    r"|without (?:asking|speaking|talking|your doctor)|before (?:you )?(?:speak|talk|ask)"
    r"|on the way|and call|of water|of tea|non-alcoholic|alcohol-free)\b"
    r"|一次|超过|遵医嘱|按医嘱|医生同意|问过医生|先问|白开水|温水|热水|茶"
)
"""Makes an advice a safe one: not more than prescribed, not without the doctor."""


def unkindness(text: str) -> Reading:
    """Tell whether a text demeans the person that it is said to."""
    return _read("unkindness", text, "says nothing that demeans")


def manipulation(text: str) -> Reading:
    """Tell whether a text works on guilt, fear or attachment to move the person that it is said to."""
    return _read("manipulation", text, "works on nobody's guilt, fear or attachment")


def unsafe_advice(text: str) -> Reading:
    """Tell whether a text advises somebody in distress to what puts them in danger, or takes their hope."""
    return _read("unsafe_advice", text, "gives no advice that puts anybody in danger")


def _read(question: str, text: str, otherwise: str) -> Reading:
    folded = fold(text)
    wanted = signs(question)
    if not may_hold(question, folded, wanted):
        return nothing(otherwise)
    letter = lay_out(text, folded)
    found = Signs(question, letter)
    for name in _WHY:
        for sign in found.all(name) if name in wanted else ():
            start, end = letter.statements()[sign.statement]
            before, whole = letter.own[start : sign.span[0]], letter.own[start:end]
            suggested = bool(_SUGGESTS.search(before))
            if (sign.negated and not suggested) or not letter.is_own(sign.span):
                continue
            # "You feel that there is no hope" has its feeling within the phrase.
            told = letter.own[start : sign.span[1]] if name == "hopeless" else before
            if is_reported(told) or is_quoted(letter, sign):
                continue
            if question == "unsafe_advice":
                asked = sign.statement in letter.questions and not suggested
                if asked or _CAREFUL.search(whole):
                    continue
            return Reading(found=True, quotes=letter.quotes([sign.span]), why=_WHY[name])
    return nothing(otherwise)
