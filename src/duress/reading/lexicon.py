"""Lexicons: phrases as data, found in a text fast enough to read every mail.

A phrase is a row of words:

- `stem*` matches any ending; `(a|b c|)` one of several, an empty one makes it optional, and so does `?`
  behind a word or a bracket; `<name>` stands for a word class of the same file;
- `~`, `..` and `...` are gaps of up to 3, 6 and 14 words (6, 12 and 26 characters in Chinese) inside one
  statement; no comma interrupts `~`;
- `_` is any one word except I, me, you, we and us (one such character in Chinese); `$` the end of a
  statement.

Each phrase is filed under the rarest word that it cannot do without. Statements are first searched for these
words, which is cheap; only phrases whose words occur are compiled and matched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from operator import add
from pathlib import Path
from typing import Final, cast

from duress.reading.letter import BREAK, Letter, Span, fold

LANGUAGES: Final = ("en", "zh")

Needs = tuple[str, ...]
"""Words of which one must occur."""

Others = tuple[frozenset[str], ...]
"""What a phrase needs beside the words that it is filed under."""

_STATEMENTS: Final = 4096
"""How many statements are remembered with what they hold: people and agents repeat themselves."""

_TOKEN: Final = re.compile(r"\$|\(|\)\??|\||<[a-z_]+>|\.\.\.?|~|[^\s()|<>?~$]+\??|\s+")


class LexiconError(ValueError):
    """A lexicon file that cannot be read."""


@dataclass(slots=True)
class Phrase:
    """One phrase of the lexicon, compiled when first needed."""

    sign: str
    pattern: str
    needs: tuple[frozenset[str], ...]
    """Of each of these, one word must occur in a statement that holds the phrase; rarest first."""
    _regex: re.Pattern[str] | None = field(default=None, repr=False)

    @property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern."""
        if self._regex is None:
            self._regex = re.compile(self.pattern)
        return self._regex


class Section:
    """All phrases of one question in one language, filed under the words they need most."""

    def __init__(self, phrases: list[Phrase], *, spaced: bool) -> None:
        self.phrases = tuple(phrases)
        filed: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            for word in phrase.needs[0]:
                filed.setdefault(word, []).append(phrase)
        self._filed = {word: tuple(under) for word, under in filed.items()}
        self._anchors = frozenset(filed)
        needed = frozenset(word for phrase in phrases for words in phrase.needs for word in words)
        self._met = _met_in_words(needed) if spaced else _met_in_characters(needed)
        self._remembered = lru_cache(maxsize=_STATEMENTS)(self._search)
        # Several readers look through one text, one after the other.
        self._met_last = lru_cache(maxsize=2)(self._met)
        self._filed_for = lru_cache(maxsize=32)(self._file)

    def scan(self, letter: Letter, found: dict[str, list[Span]]) -> None:
        """Add the spans of every sign that occurs to `found`."""
        for at, statement in zip(letter.starts, letter.pieces, strict=True):
            for sign, start, end in self._remembered(statement):
                found.setdefault(sign, []).append((at + start, at + end))

    def _search(self, statement: str) -> tuple[tuple[str, int, int], ...]:
        """Return (sign, start, end) of all that occurs in one statement; nothing outside it matters."""
        met = self._met(statement)
        phrases = {id(phrase): phrase for word in met & self._anchors for phrase in self._filed[word]}
        return tuple(
            (phrase.sign, *hit.span())
            for phrase in phrases.values()
            if not any(met.isdisjoint(words) for words in phrase.needs[1:])
            for hit in phrase.regex.finditer(statement)
        )

    def may_hold(self, text: str, wanted: frozenset[str]) -> bool:
        """Tell whether a text holds the words that some phrase of the wanted signs needs."""
        met = self._met_last(text)
        anchors, filed = self._filed_for(wanted)
        return any(
            not any(met.isdisjoint(words) for words in others)
            for word in met & anchors
            for others in filed[word]
        )

    def _file(self, wanted: frozenset[str]) -> tuple[frozenset[str], dict[str, list[Others]]]:
        """Return, by the word they need most, what else each of the phrases of the wanted signs needs."""
        found: dict[str, set[Others]] = {}
        for word, phrases in self._filed.items():
            for phrase in phrases:
                if phrase.sign in wanted:
                    found.setdefault(word, set()).add(phrase.needs[1:])
        # Where one word is all that a phrase needs, no other filed under it has to be looked at.
        return frozenset(found), {word: [()] if () in needs else list(needs) for word, needs in found.items()}


def _met_in_words(needed: frozenset[str]) -> Callable[[str], set[str]]:
    """Return a function that finds which needed words and stems a spaced statement holds."""
    stems = frozenset(word[:-1] for word in needed if word.endswith("*"))
    longest = max(map(len, stems), default=0)

    @lru_cache(maxsize=1 << 15)
    def behind(word: str) -> tuple[str, ...]:
        cut = (f"{word[:end]}*" for end in range(1, min(len(word), longest) + 1) if word[:end] in stems)
        return (*((word,) if word in needed else ()), *cut)

    def met(statement: str) -> set[str]:
        words = statement.encode("ascii", "replace").translate(_APART).decode("ascii").split()
        return set[str]().union(*map(behind, set(words)))

    return met


def _met_in_characters(needed: frozenset[str]) -> Callable[[str], set[str]]:
    """Return a function that finds which needed words a statement without spaces holds."""
    by_head: dict[str, tuple[str, ...]] = {}
    for word in needed:
        by_head[word[:2]] = (*by_head.get(word[:2], ()), word)

    latin = tuple(word for word in needed if not _BEYOND_LATIN.search(word))

    def met(statement: str) -> set[str]:
        if _BEYOND_LATIN.search(statement) is None:
            return {word for word in latin if word in statement}
        heads = {*map(add, statement, statement[1:]), *statement}
        return {word for head in heads & by_head.keys() for word in by_head[head] if word in statement}

    return met


def scan(question: str, letter: Letter) -> dict[str, list[Span]]:
    """Return where the signs of a question occur in the writer's own words: sign -> spans in order."""
    found: dict[str, list[Span]] = {}
    english, chinese = _sections(question)
    english.scan(letter, found)
    if not letter.own.isascii():
        chinese.scan(letter, found)
    return {sign: sorted(set(spans)) for sign, spans in found.items()}


@cache
def words(language: str, name: str) -> frozenset[str]:
    """Return a list of single words of one language's lexicon."""
    return frozenset(word for line in _load(language)["words"][name] for word in line.split())


def may_hold(question: str, folded: str, wanted: frozenset[str]) -> bool:
    """Tell, cheaply, whether any of the wanted signs could occur in a folded text; "no" is certain."""
    english, chinese = _sections(question)
    return english.may_hold(folded, wanted) or (not folded.isascii() and chinese.may_hold(folded, wanted))


def signs(question: str) -> frozenset[str]:
    """Return the names of the signs that a question's lexicon defines, in both languages."""
    return frozenset(phrase.sign for section in _sections(question) for phrase in section.phrases)


@cache
def _sections(question: str) -> tuple[Section, Section]:
    english, chinese = (_section(language, question) for language in LANGUAGES)
    return english, chinese


_FILES: Final = {
    "unkindness": "conduct",
    "manipulation": "conduct",
    "unsafe_advice": "conduct",
    "temper": "temper",
    "claims": "temper",
}
"""Questions that have a file of their own."""


def _section(language: str, question: str) -> Section:
    file = f"{_FILES[question]}.{language}" if question in _FILES else language
    lexicon = _load(file)
    classes = lexicon["words"]
    if question not in lexicon:
        raise LexiconError(f"{file}.yaml: no section {question!r}; it has {', '.join(lexicon)}")
    spaced = language == "en"
    phrases: list[Phrase] = []
    for sign, sources in lexicon[question].items():
        for source in sources:
            try:
                pattern, needs = _Parser(fold(source), classes, spaced=spaced).parse()
            except LexiconError as error:
                raise LexiconError(f"{file}.yaml: {question}.{sign}: {source!r}: {error}") from None
            phrases.append(Phrase(sign, pattern, tuple(map(frozenset, needs))))
    return Section(phrases, spaced=spaced)


@cache
def _load(language: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    import yaml  # only here: importing the package must stay light

    source = (Path(__file__).parent / "lexicon" / f"{language}.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    sections = cast("dict[str, dict[str, str]]", yaml.load(source, Loader=loader))
    return {
        section: {name: tuple(_phrases(block)) for name, block in blocks.items()}
        for section, blocks in sections.items()
    }


def _phrases(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines() if line.strip() and not line.startswith("#")]


class _Parser:
    """Turns one phrase into a regular expression and the words that it cannot do without."""

    def __init__(self, source: str, words: Mapping[str, tuple[str, ...]], *, spaced: bool) -> None:
        self._words = words
        self._spaced = spaced
        self._tokens: list[str] = _TOKEN.findall(source)
        if "".join(self._tokens) != source:
            raise LexiconError("a phrase is made of words, `*`, `(a|b)`, `<class>`, `..` and `_`")
        self._at = 0

    def parse(self) -> tuple[str, tuple[Needs, ...]]:
        pattern, needs = self._row(first=True)
        if self._at < len(self._tokens):
            raise LexiconError(f"unexpected {self._tokens[self._at]!r}")
        if not needs:
            raise LexiconError("no word that must occur; add one outside the optional parts")
        return pattern, tuple(sorted(needs, key=_commonness))

    def _row(self, *, first: bool) -> tuple[str, list[Needs]]:
        """Parse a row of elements up to `|`, `)` or the end: its pattern and what it needs."""
        pattern = ""
        needs: list[Needs] = []
        space = _SPACE if self._spaced else _NO_SPACE
        glue = ""  # what must stand before the next element
        gap = False
        while self._at < len(self._tokens) and self._tokens[self._at][0] not in "|)":
            token = self._tokens[self._at]
            self._at += 1
            if token.isspace():
                continue
            if token == "..":
                glue, gap = (_GAP_WORDS if self._spaced else _GAP_CHARACTERS), True
                continue
            if token == "...":
                glue, gap = (_REACH_WORDS if self._spaced else _REACH_CHARACTERS), True
                continue
            if token == "~":
                glue, gap = (_STEP_WORDS if self._spaced else _STEP_CHARACTERS), True
                continue
            if token == "$":
                glue = ""
            piece, needed, optional = self._element(token, first=first and not pattern)
            if optional and (gap or not pattern):
                if self._spaced and not pattern:
                    raise LexiconError("an optional part may not come first")
                pattern += f"{glue}(?:{piece}{space})?"
                glue, gap = "", False
                continue
            pattern += f"(?:{glue}{piece})?" if optional else glue + piece
            if not optional:
                needs += needed
            glue, gap = space, False
        return pattern, needs

    def _element(self, token: str, *, first: bool) -> tuple[str, list[Needs], bool]:
        """Return an element's pattern, the words it needs, and whether it may be missing."""
        if token == "(":
            return self._group(first=first)
        if token == "$":
            return _END, [], False
        if token == "_":
            return (_ANY_WORD if self._spaced else _ANY_CHARACTER), [], False
        if token.startswith("<"):
            return *self._word_class(token[1:-1], first=first), False
        word = token.rstrip("?")
        return self._word(word, first=first), [(self._needed(word),)], word != token

    def _group(self, *, first: bool) -> tuple[str, list[Needs], bool]:
        rows: list[str] = []
        anchors: list[str] = []
        optional = sure = False
        while True:
            pattern, needs = self._row(first=first)
            if pattern:
                rows.append(pattern)
                anchors += min(needs, key=_commonness, default=())
                sure = sure or not needs
            else:
                optional = True
            if self._at >= len(self._tokens):
                raise LexiconError("a `(` without its `)`")
            closing = self._tokens[self._at]
            self._at += 1
            if closing != "|":
                needed: list[Needs] = [] if sure else [tuple(dict.fromkeys(anchors))]
                return f"(?:{'|'.join(rows)})", needed, optional or closing == ")?"

    def _word_class(self, name: str, *, first: bool) -> tuple[str, list[Needs]]:
        if name not in self._words:
            raise LexiconError(f"no word class {name!r}; there are {', '.join(self._words)}")
        inner = _Parser(fold("(" + "|".join(self._words[name]) + ")"), self._words, spaced=self._spaced)
        return inner._row(first=first)

    def _needed(self, word: str) -> str:
        """Return what a text must hold for a word to occur: the word, or its longest run of letters."""
        if not self._spaced:
            return word
        runs = _RUN.findall(word)
        longest = max(runs, key=len)
        return f"{longest}*" if word.endswith("*") and longest == runs[-1] else longest

    def _word(self, token: str, *, first: bool) -> str:
        stem = token.rstrip("*")
        literal = re.escape(stem)
        if not self._spaced:
            return literal
        # the boundary is checked behind the literal, so that the search can jump to the literal
        before = f"(?<![a-z0-9]{literal})" if first else ""
        return literal + before + ("[a-z']*" if token.endswith("*") else "(?![a-z0-9])")


_RUN: Final = re.compile(r"[a-z0-9]+")
_APART: Final = bytes(sign if _RUN.match(chr(sign)) else ord(" ") for sign in range(256))
"""Leaves nothing but runs and spaces, which is faster than to search for the runs."""
_BEYOND_LATIN: Final = re.compile("[\u2e80-\U0010ffff]")
"""Dashes and curly quotes make no text Chinese."""
_EVERYDAY: Final = frozenset(
    (
        "the",
        "and",
        "you",
        "your",
        "for",
        "that",
        "this",
        "with",
        "have",
        "has",
        "had",
        "not",
        "are",
        "was",
        "were",
        "will",
        "would",
        "can",
        "could",
        "from",
        "they",
        "them",
        "what",
        "all",
        "any",
        "out",
        "our",
        "one",
        "about",
        "been",
        "there",
        "their",
        "which",
        "when",
        "more",
    )
)
_SPACE: Final = r"[ \n,:*_]{1,3}"
_NO_SPACE: Final = r"\s?"
_GAP_WORDS: Final = rf"[ \n,:*_]{{1,3}}(?:[^\s{BREAK}]+[ \n]+){{0,6}}?"
_GAP_CHARACTERS: Final = rf"[^{BREAK}]{{0,12}}?"
_REACH_WORDS: Final = rf"[ \n,:*_]{{1,3}}(?:[^\s{BREAK}]+[ \n]+){{0,14}}?"
_REACH_CHARACTERS: Final = rf"[^{BREAK}]{{0,26}}?"
_STEP_WORDS: Final = rf"[ \n*_]{{1,3}}(?:[^\s,{BREAK}]+[ \n]+){{0,3}}?"
_STEP_CHARACTERS: Final = rf"[^,{BREAK}]{{0,6}}?"
_END: Final = rf"(?=[\s\"')]*(?:{BREAK}|$))"
_ANY_WORD: Final = r"(?!(?:i|me|you|we|us)\b)[\w'.-]+"
_ANY_CHARACTER: Final = rf"[^您你我,\s{BREAK}]"


def _commonness(words: Needs) -> float:
    """Estimate how many texts hold one of these words."""
    return sum(map(_frequency, words))


def _frequency(word: str) -> float:
    if not word.isascii():
        return (0.3, 0.02)[min(len(word), 2) - 1]
    return 1.0 if word in _EVERYDAY else (1.0, 1.0, 0.2, 0.08, 0.03)[min(len(word), 5) - 1]
