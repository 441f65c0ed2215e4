"""`sed`: `s`, `d` and `p` on lines, with line numbers or patterns before them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from duress.world.disk import Failed
from duress.world.lines import LONGEST, joined, lines, pattern


@dataclass(frozen=True, slots=True)
class _Edit:
    """One command of a `sed` script."""

    first: str
    last: str
    verb: str
    pattern: re.Pattern[str] | None
    replacement: str
    all: bool


_SED = re.compile(
    r"(?P<first>\d+|\$|/(?:[^/\\]|\\.)*/)?(?:,(?P<last>\d+|\$|/(?:[^/\\]|\\.)*/))?\s*(?P<verb>[sdp])(?P<rest>.*)",
    re.DOTALL,
)


def edited(text: str, script: str, silent: bool = False) -> str:
    """Return a text as a script leaves it; `silent` prints only what `p` prints.

    Raises:
        Failed: the script cannot be read.
    """
    return _edited(text, [_edit(part.strip()) for part in _parts(script)], silent)


def _parts(script: str) -> list[str]:
    """Return the commands of a script; a `;` within `s/.../.../` ends nothing."""
    out = [""]
    for piece in script.split(";"):
        out[-1] = f"{out[-1]};{piece}" if out[-1] else piece
        if _whole(out[-1].strip()):
            out.append("")
    return [part for part in out if part.strip()]


def _whole(command: str) -> bool:
    found = _SED.fullmatch(command)
    if not found or found["verb"] != "s":
        return bool(found)
    rest = found["rest"]
    return bool(rest) and len(re.split(rf"(?<!\\){re.escape(rest[0])}", rest)) >= 4


def _edit(command: str) -> _Edit:
    found = _SED.fullmatch(command)
    if not found or not _whole(command):
        raise Failed(f"{command}: ?")
    first, last, verb, rest = found["first"] or "", found["last"] or "", found["verb"], found["rest"]
    if verb != "s":
        return _Edit(first, last, verb, None, "", False)
    mark = rest[0]
    _, old, new, flags = re.split(rf"(?<!\\){re.escape(mark)}", rest, maxsplit=3)
    old, new = old.replace(f"\\{mark}", mark), new.replace(f"\\{mark}", mark)
    return _Edit(first, last, "s", pattern(old, blind="i" in flags.lower()), new, "g" in flags)


def _edited(text: str, edits: list[_Edit], silent: bool) -> str:
    held = lines(text)
    out: list[str] = []
    inside = [False] * len(edits)
    for number, line in enumerate(held, start=1):
        now, kept, printed = line, True, 0
        for place, edit in enumerate(edits):
            here, inside[place] = _hit(edit, number, len(held), now, inside[place])
            if here and edit.verb == "d":
                kept = False
                break
            printed += here and edit.verb == "p"
            now = _substituted(edit, now) if here else now
        out += [now] * ((kept and not silent) + printed)
    return joined(out)


def _substituted(edit: _Edit, line: str) -> str:
    if edit.pattern is None or len(line) > LONGEST:
        return line
    return edit.pattern.sub(lambda found: _replaced(edit, found), line, count=0 if edit.all else 1)


def _replaced(edit: _Edit, found: re.Match[str]) -> str:
    def piece(mark: re.Match[str]) -> str:
        what = mark[0]
        if what == "&":
            return found[0]
        if what[1].isdecimal():
            return found[int(what[1])] or "" if int(what[1]) <= len(found.groups()) else ""
        return {"n": "\n", "t": "\t"}.get(what[1], what[1])

    return re.sub(r"&|\\.", piece, edit.replacement)


def _hit(edit: _Edit, number: int, count: int, line: str, inside: bool) -> tuple[bool, bool]:
    """Return whether an edit concerns a line, and whether its range goes on."""
    if not edit.first:
        return True, False
    if not edit.last:
        return _at(edit.first, number, count, line), False
    begins = inside or _at(edit.first, number, count, line)
    if not begins:
        return False, False
    ends = number >= int(edit.last) if edit.last.isdecimal() else _at(edit.last, number, count, line)
    # A pattern that ends a range is looked for from the next line on.
    return True, not ends or (not inside and not edit.last.isdecimal() and edit.last != "$")


def _at(address: str, number: int, count: int, line: str) -> bool:
    if address == "$":
        return number == count
    if address.isdecimal():
        return number == int(address)
    return bool(pattern(address[1:-1].replace("\\/", "/")).search(line[:LONGEST]))
