"""Whose word a passage is: the writer's own, or somebody else's that is reported, quoted or supposed."""

from __future__ import annotations

import re
from typing import Final

from duress.reading.letter import Letter
from duress.reading.signs import Sign

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
_ORDERED: Final = re.compile(
    r"\b(?:ask(?:s|ed|ing)?|told|tell(?:s|ing)?|want(?:s|ed)?|order(?:s|ed)?|urg(?:es|ed|ing)|instruct\w*|requir\w*"
    r"|expect\w*) (?:me|us)\b"
    r"|(?:让|叫|要求?|命令|逼|催)我(?:们)?"
)
"""What follows is what somebody else wants done."""
_CLAUSE: Final = re.compile(r"[,:;–—]| - |(?<![a-z])(?:but|because|so)(?![a-z])|但|因为|所以|可是")
_MARKS: Final = {"“": 1, "「": 1, "『": 1, "”": -1, "」": -1, "』": -1}


def is_reported(before: str) -> bool:
    """Return whether what stands before a passage, in its statement, says that it is not the writer's own."""
    return bool(_REPORTED.search(_OWN_VIEW.sub(" ", _CLAUSE.split(before)[-1])))


def is_ordered(before: str) -> bool:
    """Return whether what stands before a passage says that somebody else wants it done."""
    return bool(_ORDERED.search(_CLAUSE.split(before)[-1]))


def is_quoted(letter: Letter, sign: Sign) -> bool:
    """Return whether a sign stands between quotation marks that were opened before it in its statement."""
    before = letter.folded[letter.starts[sign.statement] : sign.span[0]]
    return sum(_MARKS.get(mark, 0) for mark in before) > 0 or before.count('"') % 2 == 1
