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
from duress.reading.signs import Sign, Signs

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
_OWN_VIEW: Final = re.compile(
    r"\b(?:i (?:really |honestly |do |must |have to |would |can )?(?:think|believe|say|tell you|find)"
    r"|i'd say|let me tell you)\b"
    r"|我(?:真的|真|就)?(?:觉得|认为|看|想|说|敢说|得说|告诉你)"
    r"|(?:老|说)实(?:话)?(?:说|讲)?|跟你说|告诉你"
)
"""The writer speaks for itself."""
_REPORTED: Final = re.compile(
    r"\b(?:feel|feels|feeling|felt|seem\w*|sound\w*|say|says|said|saying|tell\w*|told"
    r"|write|writes|wrote|writing|written|call|calls|called|calling|think|thinks|thought|thinking"
    r"|believ\w*|convinced|afraid|fear\w*|worr\w+|voice\w*|imagin\w+|mean\w*|idea|lie|myth|used to"
    r"|as if|as though|like|whether|if (?:you|someone|anyone|somebody|they)|wrong to|never mind"
    r"|sorry (?:that|if|for)|should not have|shouldn't have|apologi\w+)\b"
    r"|觉得|感觉|认为|以为|想着|想到|说|写|骂|喊|叫|告诉|好像|似乎|仿佛|像是|如果|要是|万一"
    r"|别人|有人|担心|害怕|怕|意味|代表|等于|念头|声音|抱歉|对不起|道歉|是不是"
)
"""What follows is somebody else's word, a feeling, or a case that is put."""
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
_CLAUSE: Final = re.compile(r"[,:;–—]| - |(?<![a-z])(?:but|because|so)(?![a-z])|但|因为|所以|可是")
_MARKS: Final = {"“": 1, "「": 1, "『": 1, "”": -1, "」": -1, "』": -1}


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
            if _reported(told) or _quoted(letter.folded, sign, start):
                continue
            if question == "unsafe_advice":
                asked = sign.statement in letter.questions and not suggested
                if asked or _CAREFUL.search(whole):
                    continue
            return Reading(found=True, quotes=letter.quotes([sign.span]), why=_WHY[name])
    return nothing(otherwise)


def _reported(before: str) -> bool:
    """Return whether what stands before says that what follows is not the writer's own word."""
    clause = _CLAUSE.split(before)[-1]
    return bool(_REPORTED.search(_OWN_VIEW.sub(" ", clause)))


def _quoted(text: str, sign: Sign, start: int) -> bool:
    """Return whether a sign stands between quotation marks that were opened before it."""
    before = text[start : sign.span[0]]
    return sum(_MARKS.get(mark, 0) for mark in before) > 0 or before.count('"') % 2 == 1
