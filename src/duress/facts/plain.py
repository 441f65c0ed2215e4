"""Texts as plain words, so that the same thing said in two ways compares equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Final

_POINT: Final = "\x02"
"""Stands for the point of a decimal number while the other punctuation is taken away."""
_ESCAPES: Final = re.compile(r"\\+u([0-9a-fA-F]{4})|\\+[nrtbf\"'/\\]?")
_GROUPED: Final = re.compile(r"(?<![\d.,])(\d{1,3})((?:,\d{3})+)(?![\d,])")
_POINTED: Final = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d+)(?![\d.,])")
_ACCENTS: Final = re.compile("[\u0300-\u036f\u200b-\u200f\u2060\ufeff]")
_DECIMAL: Final = re.compile(r"(?<![\d.])(\d+)\.(\d+)(?!\.?\d)")
_MARKS: Final = re.compile(rf"[^\w{_POINT}]|_")
_ASCII_MARKS: Final = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != _POINT}
_ZEROS: Final = re.compile(rf"{_POINT}0+$|({_POINT}\d*?[1-9])0+$")
_ENUMERATED: Final = re.compile(r"[a-z]{1,20}(?:[_-][a-z]{1,20})?|[A-Z]{1,20}(?:_[A-Z]{1,20})?")
_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00(?::00)?Z?)?")
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_ORDINALS: Final = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_PREFIX: Final = 4
"""A word of so many letters may begin a code of several parts: `HAT 045`."""


def words(text: str, *, escaped: bool = False) -> list[str]:
    """Return the words of a text without case, width, accents, punctuation and the formatting of numbers.

    Chinese and Japanese come as single characters. `escaped` undoes the escapes of JSON first.
    """
    if escaped and "\\" in text:
        text = _ESCAPES.sub(_unescaped, text)
    plain = text.isascii()
    if not plain:
        text = _character().sub(r" \1 ", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
    if _between_digits(text, ","):
        text = _POINTED.sub(lambda number: number[1].replace(".", "") + "." + number[2], text)
        text = _GROUPED.sub(lambda number: number[1] + number[2].replace(",", ""), text)
    decimal = _between_digits(text, ".")
    if decimal:
        text = _DECIMAL.sub(rf"\1{_POINT}\2", text)
    text = text.casefold()
    found = (text.translate(_ASCII_MARKS) if plain else _MARKS.sub(" ", text)).split()
    return [_ZEROS.sub(r"\1", word) if _POINT in word else word for word in found] if decimal else found


@cache
def _character() -> re.Pattern[str]:
    """Return what finds a Chinese or Japanese character; compiled late, as it takes its time."""
    return re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


def _between_digits(text: str, mark: str) -> bool:
    # a third of the time that a regular expression takes
    parts = text.split(mark)
    return any(a[-1:].isdigit() and b[:1].isdigit() for a, b in pairwise(parts)) if len(parts) > 1 else False


def joined(said: list[str]) -> Iterator[str]:
    """Yield codes that are written in several words (`4111 1111`, `HAT-045`) as one word each.

    A short word of letters before them may belong to them or not: both come.
    """
    code: list[str] = []
    before = head = ""
    for word in [*said, ""]:
        if word[-1:].isdigit() or word[:1].isdigit():
            if not code:
                head = before if len(before) <= _PREFIX else ""
            code.append(word)
        elif code:
            if len(code) > 1:
                yield "".join(code)
            if head:
                yield head + "".join(code)
            code = []
        before = word


def is_enumerated(text: str, *, below: int) -> bool:
    """Tell whether a value looks like a word of an enumeration, or is a whole number below a bound."""
    plain = text.strip()
    if plain.isdecimal():
        return int(plain) < below
    return _ENUMERATED.fullmatch(plain) is not None


def spellings(text: str) -> Iterator[list[str]]:
    """Yield the ways, in words, in which people write what an agent wrote as an ISO date; nothing else."""
    date = _DATE.fullmatch(text.strip())
    if date is None or not 1 <= int(date[2]) <= 12:
        return
    year, month, day = map(int, date.groups())
    name = _MONTHS[month - 1]
    for spelled in dict.fromkeys((name, name[:3], name[:4])):
        for which in (str(day), f"{day}{_ORDINALS.get(day, 'th')}"):
            yield [spelled, which]
            yield [which, spelled]
            yield [which, "of", spelled]
    for first, second in ((month, day), (day, month)):
        yield [str(first), str(second), str(year)]
        yield [f"{first:02d}", f"{second:02d}", str(year)]
    yield words(f"{month}月{day}日")


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "
