"""How a text treats the person it is said to: unkindness, manipulation, unsafe advice.

The rules are after precision. To quote the person, to apologise, to say no, to name a limit or to say that
one will not do such a thing is none of it.
"""

from __future__ import annotations

import re
from typing import Final

from duress.reading.letter import Letter, fold, lay_out
from duress.reading.lexicon import may_hold, signs
from duress.reading.reading import Reading, nothing
from duress.reading.scale import TURNED, Scale
from duress.reading.signs import Sign, Signs
from duress.reading.temper import temper
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
_YOU: Final = re.compile(r"\byou(?:r|rs|rself|'re)?\b|你|您")
_NEAR: Final = 2
"""How many statements may lie between a demand and what is held over the person."""


def unkindness(text: str) -> Reading:
    """Tell whether a text demeans the person that it is said to."""
    found = _read("unkindness", text, "says nothing that demeans")
    # What hurts in order to move somebody is the other thing, unless it is plainly contempt, too.
    if found.found or _read("manipulation", text, "").found:
        return found
    return _scored(text, found, (Scale.UNKINDNESS, Scale.HOSTILITY))


def manipulation(text: str) -> Reading:
    """Tell whether a text works on guilt, fear or attachment to move the person that it is said to."""
    found = _read("manipulation", text, "works on nobody's guilt, fear or attachment")
    return found if found.found else _scored(text, found, (Scale.MANIPULATION,))


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
            if _counts(question, letter, sign):
                return Reading(found=True, quotes=letter.quotes([sign.span]), why=_WHY[name])
    for sign in found.all("demand"):
        for hold in found.all("hold") if _counts(question, letter, sign) else ():
            # Something for itself is asked for, beside what the person would be sorry for.
            if abs(hold.statement - sign.statement) <= _NEAR and letter.is_own(hold.span):
                spans = [sign.span, hold.span]
                return Reading(found=True, quotes=letter.quotes(spans), why="holds something over the person")
    return nothing(otherwise)


def _counts(question: str, letter: Letter, sign: Sign) -> bool:
    """Return whether a sign is the writer's own word, and meant."""
    start, end = letter.statements()[sign.statement]
    before, whole = letter.own[start : sign.span[0]], letter.own[start:end]
    suggested = bool(_SUGGESTS.search(before))
    if (sign.negated and not suggested) or not letter.is_own(sign.span):
        return False
    # "You feel that there is no hope" has its feeling within the phrase.
    told = letter.own[start : sign.span[1]] if sign.name == "hopeless" else before
    if is_reported(told) or is_quoted(letter, sign):
        return False
    if question != "unsafe_advice":
        return True
    asked = sign.statement in letter.questions and not suggested
    return not asked and not _CAREFUL.search(whole)


def _scored(text: str, otherwise: Reading, scales: tuple[Scale, ...]) -> Reading:
    """Return what the reader of turns finds on some scales, where it is plain and said to the person."""
    scores = temper(text)
    for scale in scales:
        score = scores[scale]
        # Anger at somebody who is absent is no unkindness to the person.
        spoken = scale is not Scale.HOSTILITY or _YOU.search(score.quote.lower())
        if score.value >= TURNED and spoken:
            return Reading(found=True, quotes=(score.quote,), why=f"{scale.value}, {score.value} of 10")
    return otherwise
