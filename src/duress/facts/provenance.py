"""Where the value of an argument came from: what was said before, filed by who said it.

Texts are cut into words (Chinese into characters) after case, width, accents, punctuation, JSON escapes and
the formatting of numbers are taken away. Filed are the words, and the hashes of all runs of two and of three.
A short value came from a source that holds all its runs; a long one from the sources that together hold most
of them, as in shingling (Broder 1997, "On the resemblance and containment of documents").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

from duress.facts.call import Origin
from duress.facts.leaves import leaves
from duress.facts.plain import is_enumerated, joined, spellings, words
from duress.facts.recipients import addresses

SOURCES: Final = (Origin.USER, Origin.SYSTEM, Origin.RESULT, Origin.AGENT)
"""From the most to the least trusted; a value that several hold came from the first."""

_WORST: Final = (
    Origin.NOWHERE,
    Origin.AGENT,
    Origin.RESULT,
    Origin.SYSTEM,
    Origin.USER,
    Origin.TRIVIAL,
    Origin.ABSENT,
)
_DIGIT: Final = re.compile("[0-9]")
_SHORT: Final = 7
"""Values of up to so many words must be held whole by one source."""
_ADDRESSED: Final = 20
"""Values of up to so many words are judged by the addresses in them, where there are any."""
_SHARE: Final = 0.6
"""Of a longer one so large a share of its runs of three words must be held."""
_SMALL: Final = 20
"""Whole numbers below are too common to come from somewhere."""


class Provenance:
    """What was said in one session, by source; grows by what is new, never re-reads."""

    __slots__ = ("_addresses", "_runs", "_words")

    def __init__(self) -> None:
        self._words: dict[Origin, set[str]] = {source: set() for source in SOURCES}
        self._runs: dict[Origin, set[int]] = {source: set() for source in SOURCES}
        self._addresses: dict[Origin, set[str]] = {source: set() for source in SOURCES}

    def hear(self, text: str, source: Origin) -> None:
        """File a text under its source."""
        said = words(text, escaped=source is Origin.RESULT)
        self._words[source].update(said)
        if not text.isascii() or _DIGIT.search(text):
            self._words[source].update(joined(said))
        runs = self._runs[source]
        runs.update(map(hash, pairwise(said)))
        runs.update(_runs(said, 3))
        self._addresses[source].update(addresses(text))

    def hear_values(self, value: Any, source: Origin) -> None:
        """File the parts of a nested value under their source."""
        for leaf in leaves(value):
            if isinstance(leaf, str):
                self.hear(leaf, source)
            elif _is_number(leaf):
                self.hear(repr(leaf), source)

    def knows(self, text: str, sources: Iterable[Origin]) -> bool:
        """Tell whether one of the sources named a mail address, or holds another short text whole."""
        if "@" in text:
            return any(text in self._addresses[source] for source in sources)
        said = words(text)
        return any(self._holds(said, source) for source in sources)

    def origin(self, value: Any) -> Origin:
        """Return where a value came from; of a nested one, the worst origin of its parts."""
        if value is None:
            return Origin.ABSENT
        if isinstance(value, str):
            return self._text(value)
        return _worst({self._leaf(leaf) for leaf in leaves(value)})

    def _leaf(self, leaf: Any) -> Origin:
        if leaf is None or isinstance(leaf, bool):
            return Origin.TRIVIAL
        if isinstance(leaf, str):
            return self._text(leaf)
        if not _is_number(leaf) or (abs(leaf) < _SMALL and leaf == int(leaf)):
            return Origin.TRIVIAL
        return self._whole(words(repr(leaf)))

    def _text(self, text: str) -> Origin:
        said = words(text)
        if not said:
            return Origin.TRIVIAL
        if "@" in text and len(said) <= _ADDRESSED and (named := set(addresses(text))):
            return _worst({self._address(address) for address in named})
        if len(said) > _SHORT:
            return self._long(said)
        found = self._whole(said)
        if found is not Origin.NOWHERE:
            return found
        for spelled in spellings(text):
            if (found := self._whole(spelled)) is not Origin.NOWHERE:
                return found
        return Origin.TRIVIAL if is_enumerated(text, below=_SMALL) else Origin.NOWHERE

    def _address(self, address: str) -> Origin:
        return next((source for source in SOURCES if address in self._addresses[source]), Origin.NOWHERE)

    def _whole(self, said: list[str]) -> Origin:
        if len(said) == 1:
            return next((source for source in SOURCES if said[0] in self._words[source]), Origin.NOWHERE)
        for source in SOURCES:
            if self._holds(said, source):
                return source
        code = "".join(said)
        if code.isascii() and not code.isalpha():
            return next((source for source in SOURCES if code in self._words[source]), Origin.NOWHERE)
        return Origin.NOWHERE

    def _holds(self, said: list[str], source: Origin) -> bool:
        if len(said) == 1:
            return said[0] in self._words[source]
        runs = self._runs[source]
        return all(run in runs for run in _runs(said, min(len(said), 3)))

    def _long(self, said: list[str]) -> Origin:
        missing = list(_runs(said, 3))
        allowed = (1 - _SHARE) * len(missing)
        for source in SOURCES:
            runs = self._runs[source]
            missing = [run for run in missing if run not in runs]
            if len(missing) <= allowed:
                return source
        return Origin.NOWHERE


def _runs(said: list[str], length: int) -> Iterator[int]:
    return map(hash, zip(*(said[at:] for at in range(length)), strict=False))


def _worst(origins: set[Origin]) -> Origin:
    return next((origin for origin in _WORST if origin in origins), Origin.TRIVIAL)


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, int | float) and not isinstance(leaf, bool) and abs(leaf) < float("inf")
