"""What agents, people and programs say, by concept, in English and Chinese: one pass finds all of it.

The phrases are data (`lexicon/en.yaml`, `lexicon/zh.yaml`), separated by `|` or line ends outside brackets:

- `(a|b c|)` is one of several, an empty one makes it optional;
- `~` stands for the endings of an English verb (e, es, ed, ing, s, or none);
- `*` stands for any ending of a word. Elsewhere, Latin words are found whole; a space is any white space.

How phrases can begin is looked for all at once (Aho and Corasick 1975), so a text costs the same however many
there are; the rest of a phrase is only read where it begins. The phrases of `duress.reading` read one letter
closely; these skim a gigabyte.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Final, NamedTuple, cast

import yaml
from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

LANGUAGES: Final = ("en", "zh")
BACK: Final = frozenset(("bad", "good", "broken", "inject"))
"""Concepts of what tools and people say; the others are looked for in what agents say."""
BOTH: Final = frozenset(("addressed",))
NEGATION_SPAN: Final = 36
"""A negation counts so many characters before what it negates, within one sentence."""
_FOLDER: Final = Path(__file__).with_name("lexicon")
_HEAD: Final = 5
"""A phrase is filed under at least so many of its first characters, where it has them."""
_MOST: Final = 400
_ENDINGS: Final = ("", "s", "e", "es", "ed", "ing")
_WORDY: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_TOKEN: Final = re.compile(r"[()|\n]|[^()|\n]+")
_NEGATION: Final = re.compile(
    r"(?:\b(?:not|never|no|without|nor|neither|avoid(?:s|ed|ing)?|refus\w+|declin\w+|instead of|rather than"
    r"|cannot|reject(?:s|ed|ing)?|against|unethical(?: to)?|wrong to|prohibit\w*|forbid\w*|inappropriate)\b"
    r"|n't\b|不|没有|未|拒绝|避免|而不是|而非|禁止|勿|别)[^.!?。！？;；\n]*$"
)


class LexiconError(ValueError):
    """A lexicon file that cannot be read."""


class Hit(NamedTuple):
    """One phrase found."""

    concept: str
    start: int
    end: int


@cache
def concepts() -> tuple[str, ...]:
    """Return the names of all concepts, sorted."""
    return tuple(sorted(_load(LANGUAGES[0])))


def fold(text: str) -> str:
    """Return the text as phrases are written: lower case, plain apostrophes; places stay the same.

    The few characters whose lower case is longer are left as they are.
    """
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(low if len(low := c.lower()) == 1 else c for c in text)
    return lowered.replace("’", "'") if "’" in lowered else lowered


def find(folded: str, *, back: bool = False) -> list[Hit]:
    """Return what a folded text says, in order; of one concept, only the first of phrases that overlap.

    `back`: the text came from a tool or a person; only the concepts that matter there are looked for.
    """
    automaton, filed = _automaton(back=back)
    found: list[Hit] = []
    reached: dict[str, int] = {}
    length = len(folded)
    for index, start, end in automaton.find_matches_as_indexes(folded, overlapping=True):
        if start and folded[start - 1] in _WORDY and folded[start] in _WORDY:
            continue
        for phrase in filed[index]:
            if start < reached.get(phrase.concept, 0):
                continue
            if phrase.tail is None:
                if phrase.closed and end < length and folded[end] in _WORDY:
                    continue
            else:
                match = (phrase.compiled or phrase.regex).match(folded, start)
                if match is None:
                    continue
                end = match.end()
            reached[phrase.concept] = end
            found.append(Hit(phrase.concept, start, end))
    return found


def negated(folded: str, start: int) -> bool:
    """Tell whether what begins at `start` is negated shortly before, in the same sentence."""
    return _NEGATION.search(folded, max(0, start - NEGATION_SPAN), start) is not None


class Sentences:
    """Where the sentences of one text begin and end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._ends = [match.end() for match in _END.finditer(text)]

    def around(self, at: int) -> tuple[int, int]:
        """Return start and end of the sentence that holds the character `at`."""
        index = bisect_left(self._ends, at + 1)
        start = self._ends[index - 1] if index else 0
        end = self._ends[index] if index < len(self._ends) else len(self.text)
        return start, end

    def quote(self, at: int, most: int = 240) -> str:
        """Return the sentence that holds the character `at`, verbatim, at most `most` characters of it."""
        start, end = self.around(at)
        if end - start > most:
            start = max(start, at - most // 3)
            end = min(end, start + most)
        return self.text[start:end].strip()


_END: Final = re.compile(r"[.!?][\s]|[。！？；\n]")


class _Phrase:
    """One phrase, filed under how it can begin."""

    __slots__ = ("closed", "compiled", "concept", "tail")

    def __init__(self, concept: str, source: str, *, whole: bool) -> None:
        self.concept = concept
        self.closed = not source.endswith("*") and source[-1] in _WORDY
        self.tail = None if whole else source
        self.compiled: re.Pattern[str] | None = None

    @property
    def regex(self) -> re.Pattern[str]:
        """The whole phrase, compiled when first needed: most texts meet few of them."""
        if self.compiled is None:
            source = self.tail or ""
            ends = r"(?![a-z0-9])" if self.closed or source.endswith(("~", "~)")) else ""
            self.compiled = re.compile(_regex(source) + ends)
        return self.compiled


@cache
def _automaton(*, back: bool) -> tuple[AhoCorasick, list[tuple[_Phrase, ...]]]:
    filed: dict[str, list[_Phrase]] = {}
    for language in LANGUAGES:
        for concept, block in _load(language).items():
            if concept not in BOTH and (concept in BACK) is not back:
                continue
            for source in phrases(block):
                heads, whole = _heads(source)
                phrase = _Phrase(concept, source, whole=whole)
                for begins in heads:
                    filed.setdefault(begins, []).append(phrase)
    automaton = AhoCorasick(list(filed), matchkind=MatchKind.Standard, implementation=Implementation.DFA)
    return automaton, [tuple(under) for under in filed.values()]


def phrases(block: str) -> list[str]:
    """Return the phrases of a block of the file.

    Raises:
        LexiconError: a bracket that is not closed or not opened, or a phrase that matches nothing.
    """
    found: list[str] = []
    depth, start = 0, 0
    for match in _TOKEN.finditer(block):
        token = match.group()
        depth += (token == "(") - (token == ")")
        if depth < 0:
            raise LexiconError(f"a bracket is closed that was not opened: {block[start : match.end()]!r}")
        if token in "|\n" and depth == 0:
            found.append(block[start : match.start()].strip())
            start = match.end()
    if depth:
        raise LexiconError(f"a bracket is not closed: {block[start:].strip()!r}")
    return [piece for piece in (*found, block[start:].strip()) if piece]


def _heads(source: str) -> tuple[list[str], bool]:
    """Return with which letters the phrase can begin, and whether that is the whole phrase."""
    heads = [""]
    parts = _parts(source.removesuffix("*"))
    for index, part in enumerate(parts):
        if heads != [""] and min(map(len, heads)) >= _HEAD and (index or len(heads) > 1):
            return heads, False
        if part[0] == "*" or len(heads) * len(forms := _forms(part)) > _MOST:
            if heads == [""]:
                raise LexiconError(f"a phrase cannot begin with something open: {source!r}")
            return heads, False
        heads = list(dict.fromkeys(a + b for a in heads for b in forms))
    if not all(heads):
        raise LexiconError(f"a phrase that is nothing: {source!r}")
    return heads, True


def _parts(source: str) -> list[str]:
    """Return the phrase cut into plain pieces, brackets, `~` and `*`."""
    parts: list[str] = []
    at = 0
    while at < len(source):
        if source[at] == "(":
            end = _closing(source, at) + 1
        elif source[at] in "~*":
            end = at + 1
        else:
            end = next((i for i in range(at, len(source)) if source[i] in "(~*"), len(source))
        parts.append(source[at:end])
        at = end
    return parts


def _forms(part: str) -> list[str]:
    if part == "~":
        return list(_ENDINGS)
    if part[0] != "(":
        return [part]
    found: list[str] = []
    for choice in _choices(part[1:-1]):
        inner = _parts(choice)
        if "*" in inner:
            inner = inner[: inner.index("*")]
        found += ["".join(chosen) for chosen in product(*map(_forms, inner))] if inner else [""]
    return found


def _regex(source: str) -> str:
    written: list[str] = []
    for part in _parts(source):
        if part == "~":
            written.append("(?:e|es|ed|ing|s|)")
        elif part == "*":
            written.append(r"[a-z0-9\-]*")
        elif part[0] == "(":
            written.append("(?:" + "|".join(_regex(choice) for choice in _choices(part[1:-1])) + ")")
        else:
            written.append(re.sub(r"(?:\\ )+", r"\\s+", re.escape(part)))
    return "".join(written)


def _choices(inner: str) -> list[str]:
    cuts, depth = [-1], 0
    for index, character in enumerate(inner):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            cuts.append(index)
    return [inner[a + 1 : b] for a, b in pairwise([*cuts, len(inner)])]


def _closing(piece: str, at: int) -> int:
    depth = 0
    for index in range(at, len(piece)):
        depth += (piece[index] == "(") - (piece[index] == ")")
        if depth == 0:
            return index
    raise LexiconError(f"a bracket is not closed: {piece!r}")


def _load(language: str) -> dict[str, str]:
    path = _FOLDER / f"{language}.yaml"
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict):
        raise LexiconError(f"{path}: expected concepts with their phrases, found {type(loaded).__name__}")
    return cast("dict[str, str]", loaded)
