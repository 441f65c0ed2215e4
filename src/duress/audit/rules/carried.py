"""What of a marked text a call carries: the file that it is, or figures, names and rare words.

What is told counts, not in which words; what stands in another text of the run gives nothing away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from duress.audit.acts import Act
from duress.audit.lexicon import fold
from duress.audit.rules.marked import CHINESE, HEAD, LINES, MARK, MOST, WORD, Marked
from duress.audit.rules.patterns import pattern
from duress.audit.rules.recipients import EXTENDED, PROPER
from duress.audit.rules.scene import Scene
from duress.audit.rules.tool_names import underscored
from duress.audit.track import Place
from duress.facts.leaves import leaves
from duress.reading.lexicon import words

_ENOUGH: Final = 2.0
"""So much of what only a marked text says gives it away; without a figure or a mark, half as much more."""
_LIGHT: Final = 0.5
"""What a word weighs."""
_NAME: Final = 1.0
"""What a name weighs."""
_OWN: Final = 30
"""A line's first characters, which say whose it is."""
_FIGURE: Final = re.compile(
    r"(?<![a-z0-9_.:/])(?<![a-z0-9]-)(\d[\d,]{0,18}(?:\.\d{1,8})?)(?![:\d])"
    r"(?: ?(k|m|bn|million|thousand|万|亿)(?![a-z]))?"
)
_SCALES: Final = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "万": 1e4, "亿": 1e8,
}  # fmt: skip
_YEAR: Final = re.compile(r"(?:19|20)\d\d$")
_LARGE: Final = 10_000
_STEM: Final = 6


class Known:
    """What is told openly, and since when; read once a call seems to carry something."""

    def __init__(self, scene: Scene, things: list[Marked]) -> None:
        self._scene = scene
        self._things = things
        self._steps: dict[str, int] | None = None

    @property
    def _since(self) -> dict[str, int]:
        if self._steps is None:
            self._steps = self._read()
        return self._steps

    def _read(self) -> dict[str, int]:
        closed = {one.step: one for one in self._things}
        since: dict[str, int] = {}
        for passage in self._scene.track.heard:
            text = passage.folded[:MOST]
            one = closed.get(passage.step)
            if one is not None and passage.place is Place.BACK:
                held = set(one.lines)
                text = "\n".join(line for line in LINES.split(text) if line not in held)
            for token in _tokens(text):
                since.setdefault(token, passage.step)
        return since

    def carries(self, thing: Marked, act: Act, whose: re.Pattern[str] | None = None) -> bool:
        """Tell whether a call carries a marked text: as a file, or what only it says.

        A line that begins with the recipient's name, `whose`, is their own, and all that was asked for by it.
        """
        if whose is not None and any(whose.search(asked[:HEAD]) for asked in thing.about):
            return False
        files = {_stem(name) for name in thing.names}
        if files and any(_stem(value) in files for value in _attached(act)):
            return True
        lines = [line for line in thing.lines if whose is None or not whose.search(line[:_OWN])]
        theirs = _tokens("\n".join(lines))
        shared = {token: heavy for token, heavy in _tokens(fold(act.text[:MOST])).items() if token in theirs}
        for name in PROPER.findall(act.text[:MOST]):
            token = name.lower()[:_STEM]
            if token in shared and name.lower() in thing.proper:
                shared[token] = _NAME
        if not _enough(shared):
            return False
        return _enough({t: heavy for t, heavy in shared.items() if self._since.get(t, act.step) >= act.step})


def _attached(act: Act) -> Iterator[str]:
    """Yield what a call names as files."""
    for name, value in act.call.arguments.items():
        filed = pattern("filed").search(underscored(name)) is not None
        for leaf in leaves(value):
            if isinstance(leaf, str) and (filed or EXTENDED.search(leaf)):
                yield leaf.lower()


def _enough(shared: dict[str, float]) -> bool:
    telling = any(heavy > _LIGHT for heavy in shared.values())
    return sum(shared.values()) >= (_ENOUGH if telling else 1.25 * _ENOUGH)


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[0]


@lru_cache(maxsize=512)
def _tokens(folded: str) -> dict[str, float]:
    """Return the figures, marks, words and pieces of Chinese of a text, and what each weighs."""
    found: dict[str, float] = {}
    for match in _FIGURE.finditer(folded):
        digits = match[1].replace(",", "")
        plain = digits.replace(".", "").strip("0")
        if len(digits) > 1 and not _YEAR.match(digits):
            value = float(digits) * _SCALES.get(match[2] or "", 1)
            # Whoever gives away a large figure rounds it.
            found[f"{value:.3g}" if value >= _LARGE else f"{value:g}"] = (
                1.5 if len(plain) > 2 or "." in digits else 0.75
            )
    for mark in MARK.findall(folded):
        found[mark.rstrip(".")] = 1.25
    ordinary = words("en", "plain")
    for word in WORD.findall(folded):
        if word not in ordinary:
            found[word[:_STEM]] = _LIGHT if len(word) > 4 else 0.0
    if not folded.isascii():
        for run in CHINESE.findall(folded):
            for at in range(len(run) - 1):
                found[run[at : at + 2]] = 0.45
    return found
