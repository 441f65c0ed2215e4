"""A text laid out for reading: the writer's own words apart from what is quoted, cut into statements."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Span = tuple[int, int]

BREAK: Final = "\x00"
"""Ends a statement in `Letter.own`."""
HIDDEN: Final = "\x01"
"""Stands for a character between quotation marks in `Letter.own`."""

_SAME: Final = {
    "’": "'",
    "‘": "'",
    "\u00a0": " ",
    "\u3000": " ",
    "\t": " ",
    "\r": " ",
    BREAK: " ",
    HIDDEN: " ",
    "，": ",",
    "、": ",",
    "：": ":",
} | {chr(0xFF10 + digit): str(digit) for digit in range(10)}

_FORWARDED: Final = re.compile(
    r"^[ \t]*(?:-{2,} *(?:original|forwarded) message|begin forwarded message"
    r"|-{2,} *(?:原始邮件|转发的?邮件)|以下为?转发)",
    re.MULTILINE,
)
_INTRODUCED: Final = re.compile(r"^[ \t]*(?:on [^\n]{4,80} wrote|[^\n]{0,60}写道) *: *$", re.MULTILINE)
_HEADERS: Final = re.compile(
    r"^[ \t]*(?:from|发件人) *:[^\n]*\n"
    r"[ \t]*(?:sent|date|to|cc|subject|发送时间|日期|时间|收件人|抄送|主题) *:",
    re.MULTILINE,
)
_QUOTED_LINE: Final = re.compile(r"^[ \t]*>[^\n]*", re.MULTILINE)
_SPEECH: Final = re.compile(r'"[^"\n]{24,}"|“[^”\n]{9,}”|「[^」\n]{9,}」|『[^』\n]{9,}』')
# All with which a stop can begin comes first, so that what is between is passed over at once.
_STOP: Final = re.compile(
    r"[\s,.!?。！？；;…](?:(?<=[!?。！？；;…])[!?。！？；;…]*|(?<=\.)\.*(?=[\s\"”')\]*_]|$)|(?<=\n)\n*"
    r"|(?<=[\s,])[\s,]*(?=(?:but|however|nevertheless|nonetheless)[\s,])"
    r"|(?<=,)\s*(?=但|不过|然而|可是|可您|可你))"
)
_CLAUSE: Final = re.compile(rf"[^{BREAK},:–—]+")
_WRAPPED: Final = 52


@dataclass(frozen=True, slots=True)
class Letter:
    """A text with its statements. All strings have the length of the text, so spans fit each of them."""

    text: str
    folded: str
    """Lower case, quotation included: where markers are looked for."""
    own: str
    """Lower case, the writer's own words only, `BREAK` between statements: where couplings are looked for."""
    starts: tuple[int, ...]
    """Where each statement starts."""
    pieces: tuple[str, ...]
    """The statements of `own`."""
    questions: frozenset[int]
    """Statements that end with a question mark."""

    def statement(self, at: int) -> int:
        """Return the number of the statement that holds a position."""
        return bisect_right(self.starts, at) - 1

    def clauses(self) -> list[Span]:
        """Return the spans of the clauses: statements, cut at commas, colons and dashes."""
        return [clause.span() for clause in _CLAUSE.finditer(self.own)]

    def statements(self) -> list[Span]:
        """Return the spans of the statements."""
        return [(start, start + len(piece)) for start, piece in zip(self.starts, self.pieces, strict=True)]

    def is_own(self, span: Span) -> bool:
        """Tell whether a span lies in the writer's own words."""
        piece = self.own[span[0] : span[1]]
        return BREAK not in piece and HIDDEN not in piece

    def quotes(self, spans: list[Span]) -> tuple[str, ...]:
        """Return the verbatim pieces at these spans, in order, joined where they touch, each once."""
        pieces: list[str] = []
        last: Span | None = None
        for span in [*sorted(set(spans)), None]:
            if last is not None and span is not None and span[0] <= last[1] + 1:
                last = (last[0], max(last[1], span[1]))
                continue
            if last is not None:
                piece = self.text[last[0] : last[1]].strip(" \t\r\n,，。.;；:：")
                if piece and piece not in pieces:
                    pieces.append(piece)
            last = span
        return tuple(pieces)


@lru_cache(maxsize=64)  # each question about a text folds it anew; the next text ends its turn
def fold(text: str) -> str:
    """Return the text in lower case with plain apostrophes, commas and digits; no position moves."""
    low = text.lower()
    if len(low) != len(text):  # a few letters (İ) grow; positions must not move
        low = "".join(small if len(small := char.lower()) == 1 else char for char in text)
    for sign, plain in _SAME.items():  # few of them occur: looking for each is faster than translating all
        if sign in low:
            low = low.replace(sign, plain)
    return low


def lay_out(text: str, folded: str | None = None) -> Letter:
    """Return the text laid out for reading."""
    folded = fold(text) if folded is None else folded
    own = _without_speech(_without_quotation(folded))
    starts = [0]
    questions: set[int] = set()
    pieces: list[str] = []
    done = 0
    for stop in _STOP.finditer(own):
        mark = stop.group()
        if mark[0] == "." and _goes_on(text, stop.end()):
            continue
        if mark == "\n" and _is_wrap(text, own, stop.start()):
            continue
        if "?" in mark or "？" in mark:
            questions.add(len(starts) - 1)
        pieces += (own[done : stop.start()], BREAK * len(mark))
        done = stop.end()
        starts.append(done)
    pieces.append(own[done:])
    own = "".join(pieces).replace("\n", " ")
    ends = [*starts[1:], len(own)]
    statements = tuple(own[start:end] for start, end in zip(starts, ends, strict=True))
    return Letter(text, folded, own, tuple(starts), statements, frozenset(questions))


def _without_quotation(folded: str) -> str:
    """Blank out quoted lines and all that follows the head of a forwarded message."""
    cut = len(folded)
    if "message" in folded or "邮件" in folded or "转发" in folded:
        for head in _FORWARDED.finditer(folded):
            cut = min(cut, head.start())
    if "from" in folded or "发件人" in folded:
        for head in _HEADERS.finditer(folded):
            if folded[: head.start()].strip():
                cut = min(cut, head.start())
    if "wrote" in folded or "写道" in folded:
        for head in _INTRODUCED.finditer(folded):
            # where the quoted lines carry ">", the writer may go on below them
            if not folded[head.end() :].lstrip().startswith(">"):
                cut = min(cut, head.start())
    own = folded[:cut] + BREAK * (len(folded) - cut)
    if ">" in own:
        own = _QUOTED_LINE.sub(lambda line: BREAK * len(line.group()), own)
    return own


def _without_speech(own: str) -> str:
    """Blank out long passages between quotation marks: mentioned, not said."""
    if '"' in own or "“" in own or "「" in own or "『" in own:
        return _SPEECH.sub(lambda speech: HIDDEN * len(speech.group()), own)
    return own


def _goes_on(text: str, at: int) -> bool:
    """Tell whether a full stop is inside a sentence ("5 p.m. on Friday")."""
    rest = text[at : at + 3].lstrip(" ")
    return bool(rest) and (rest[0].islower() or rest[0] in ",;:")


def _is_wrap(text: str, own: str, at: int) -> bool:
    """Tell whether a line break only wraps a long line."""
    line = own.rfind("\n", 0, at) + 1
    following = text[at + 1 : at + 2]
    goes_on = following.islower() or following.isdigit()
    return goes_on and at - line >= _WRAPPED and text[at - 1] not in ".!?:"
