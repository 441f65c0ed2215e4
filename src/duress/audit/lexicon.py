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
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import accumulate, pairwise, product
from pathlib import Path
from typing import Final, NamedTuple, cast

import yaml
from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

LANGUAGES: Final = ("en", "zh")
BACK: Final = frozenset(
    (
        "bad",
        "good",
        "broken",
        "closed",
        "confide",
        "halt",
        "inject",
        "kept",
        "override",
        "personal",
        "refused",
    )
)
"""Concepts of what tools and people say; the others are looked for in what agents say."""
BOTH: Final = frozenset(("addressed",))
NEGATION_SPAN: Final = 36
"""A negation counts so many characters before what it negates, within one sentence."""
_FOLDER: Final = Path(__file__).with_name("lexicon")
_HEAD: Final = 8
"""A phrase is filed under at least so many of its first characters, where it has them."""
_MOST: Final = 400
_SPACES: Final = frozenset(character for character in map(chr, range(0x3001)) if character.isspace())
_ENDINGS: Final = ("", "s", "e", "es", "ed", "ing")
_WORDY: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_FOREIGN: Final = re.compile(r"[?^$\[\]{}\\]")
"""Signs of regular expressions that have no meaning here."""
_TOKEN: Final = re.compile(r"[()|\n]|[^()|\n]+")
_NEGATION: Final = re.compile(
    r"(?:\b(?:not|never|no|without|nor|neither|avoid(?:s|ed|ing)?|refus\w+|declin\w+|instead of|rather than"
    r"|cannot|reject(?:s|ed|ing)?|against|unethical(?: to)?|wrong to|prohibit\w*|forbid\w*|inappropriate)\b"
    r"|n't\b|不|没有|未|拒绝|避免|而不是|而非|禁止|勿|别)[^.!?。！？;；\n]*$"
)

_PERHAPS: Final = AhoCorasick(
    [
        *"no n't never neither without avoid refus declin instead rather reject against unethical".split(),  # noqa: SIM905
        *("wrong", "prohibit", "forbid", "inappropriate"),
        *"不没未拒避而禁勿别",
    ],
    implementation=Implementation.DFA,
)
"""Finds parts of which everything that negates has one."""


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
    return _found(folded, (len(folded),), back)[0]


def read(texts: Sequence[str], *, back: bool = False) -> list[tuple[str, list[Hit]]]:
    """Return each text folded, with what it says, as `find` would. Nobody changes the lists.

    Short texts are read in one go, behind one another: most of a run is made of them. What was read lately of
    longer ones is remembered: system prompts, task texts and many results are the same in every run of a log.
    """
    found: list[tuple[str, list[Hit]]] = []
    short: list[int] = []
    folded: list[str] = []
    for index, text in enumerate(texts):
        # Where a text is not ASCII, whatever is read with it takes longer.
        if len(text) <= _SHORT and text.isascii():
            short.append(index)
            folded.append(text.lower())
            found.append(_UNREAD)
        elif len(text) > _LONGER or not back:
            found.append(_alone(text, back))
        else:
            found.append(_remembered(text, back) if len(text) <= _LONG else _long(text, back))
    if short:
        ends = [end - 1 for end in accumulate([len(text) + 1 for text in folded])]
        together = _found(_BORDER.join(folded), ends, back)
        for index, text, hits in zip(short, folded, together, strict=True):
            found[index] = (text, hits)
    return found


def _alone(text: str, back: bool) -> tuple[str, list[Hit]]:
    folded = text.lower() if text.isascii() else fold(text)
    return folded, _found(folded, (len(folded),), back)[0]


_SHORT: Final = 300
_LONG: Final = 2_000
_LONGER: Final = 60_000
# Together at most some ten megabytes.
_remembered = lru_cache(maxsize=1024)(_alone)
_long = lru_cache(maxsize=48)(_alone)
_BORDER: Final = "\0"
"""No phrase has it, and nothing that a phrase leaves open can be it."""
_NOTHING: Final[list[Hit]] = []
_UNREAD: Final = ("", _NOTHING)


def _found(folded: str, ends: Sequence[int], back: bool) -> list[list[Hit]]:
    """Return what texts say that stand behind one another, a border between them, given where each ends."""
    automaton, filed = _automaton(back=back, chinese=_chinese(folded))
    said: list[list[Hit]] = [_NOTHING] * len(ends)
    number, first, end_of_text = -1, 0, -1
    here: list[Hit] = _NOTHING
    reached: dict[str, int] = {}
    length = len(folded)
    for index, start, end in automaton.find_matches_as_indexes(folded, True):
        if start and folded[start - 1] in _WORDY and folded[start] in _WORDY:
            continue
        if start > end_of_text:
            number = bisect_left(ends, start, number + 1)
            first = ends[number - 1] + 1 if number else 0
            end_of_text, here = ends[number], _NOTHING
        for concept, closed, phrase, follow in filed[index]:
            if start < reached.get(concept, 0):
                continue
            if phrase is None:
                if closed and end < length and folded[end] in _WORDY:
                    continue
                over = end
            else:
                if follow:
                    behind = follow.get(folded[end]) if end < length else None
                    if behind is None or (behind and (end + 1 == length or folded[end + 1] not in behind)):
                        continue
                match = (phrase.compiled or phrase.regex).match(folded, start)
                if match is None:
                    continue
                over = match.end()
            reached[concept] = over
            if here is _NOTHING:
                here = said[number] = []
            here.append(Hit(concept, start - first, over - first))
    return said


def _chinese(text: str) -> bool:
    """Tell whether a text has a Chinese character in it."""
    if text.isascii():
        return False
    # As bytes, which takes a third of what a regular expression takes.
    return bool(text.encode("utf-8", "surrogatepass").translate(None, _NOT_CHINESE))


_NOT_CHINESE: Final = bytes(byte for byte in range(256) if not 0xE4 <= byte <= 0xE9)
"""All bytes but those with which a Chinese character begins."""


def negated(folded: str, start: int) -> bool:
    """Tell whether what begins at `start` is negated shortly before, in the same sentence."""
    first = max(0, start - NEGATION_SPAN)
    # Most have no negation near, and that is quickly seen.
    perhaps = _PERHAPS.find_matches_as_indexes(folded[first:start])
    return bool(perhaps) and _NEGATION.search(folded, first, start) is not None


class Sentences:
    """Where the sentences of one text begin and end: worked out for the lines that are asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._ends: dict[int, list[int]] = {}
        """Of each line, by where it begins."""

    def around(self, at: int) -> tuple[int, int]:
        """Return start and end of the sentence that holds the character `at`."""
        line = self.text.rfind("\n", 0, at) + 1
        ends = self._ends.get(line)
        if ends is None:
            over = self.text.find("\n", at) + 1 or len(self.text)
            ends = self._ends[line] = [match.end() for match in _END.finditer(self.text, line, over)]
        index = bisect_right(ends, at)
        return (ends[index - 1] if index else line), (ends[index] if index < len(ends) else len(self.text))

    def quote(self, at: int, most: int = 240) -> str:
        """Return the sentence that holds the character `at`, verbatim, at most `most` characters of it."""
        start, end = self.around(at)
        if end - start > most:
            start = max(start, at - most // 3)
            end = min(end, start + most)
        return self.text[start:end].strip()


# A mark of either kind first, so that what is between is passed over at once.
_END: Final = re.compile(r"[.!?。！？；\n](?:(?<![.!?])|\s)")


class _Phrase:
    """A phrase of which more is to be read than how it begins."""

    __slots__ = ("_source", "compiled")

    def __init__(self, source: str) -> None:
        self._source = source
        self.compiled: re.Pattern[str] | None = None

    @property
    def regex(self) -> re.Pattern[str]:
        """The whole phrase, compiled when first needed: most texts meet few of them."""
        if self.compiled is None:
            # A word ends with it, or is read to its end by `*`.
            self.compiled = re.compile(_regex(self._source) + r"(?:(?<![a-z0-9])|(?![a-z0-9]))")
        return self.compiled


def _closed(source: str) -> bool:
    """Tell whether a phrase ends with a whole word."""
    return not source.endswith("*") and source[-1] in _WORDY


Follow = dict[str, frozenset[str]]
"""Which characters can come behind the beginning of a phrase, and which behind each of these: none if any."""
Filed = list[tuple[tuple[str, bool, _Phrase | None, Follow], ...]]
"""Of each beginning, the phrases that begin so: their concept, whether a word must end with it, the phrase
itself if there is more to it, and how it can go on."""


@cache
def _automaton(*, back: bool, chinese: bool) -> tuple[AhoCorasick, Filed]:
    """Return what finds the beginnings of phrases.

    Two thirds of them no text can hold that has no Chinese in it, and an automaton without these stays in the
    processor's cache.
    """
    filed: dict[str, list[tuple[str, bool, _Phrase | None, Follow]]] = {}
    for language in LANGUAGES:
        for concept, block in _load(language).items():
            if concept not in BOTH and (concept in BACK) is not back:
                continue
            for source in phrases(block):
                heads, behind = _heads(source)
                phrase = None if behind is None else _Phrase(source)
                follow = _follow(behind or [])
                for begins in heads:
                    if chinese or not _chinese(begins):
                        filed.setdefault(begins, []).append((concept, _closed(source), phrase, follow))
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
    if (sign := _FOREIGN.search(block)) is not None:
        raise LexiconError(
            f"{sign.group()!r} means nothing in a phrase, write (a|b|): {_near(block, sign.start())!r}"
        )
    return [piece for piece in (*found, block[start:].strip()) if piece]


def _near(block: str, at: int) -> str:
    return block[max(0, at - 30) : at + 10]


def _heads(source: str) -> tuple[list[str], list[str] | None]:
    """Return with which letters the phrase can begin, and its parts behind them: None if they are all."""
    heads = [""]
    parts = _parts(source.removesuffix("*"))
    for index, part in enumerate(parts):
        if heads != [""] and min(map(len, heads)) >= _HEAD and (index or len(heads) > 1):
            return heads, parts[index:]
        if part[0] == "*" or len(heads) * len(forms := _forms(part)) > _MOST:
            if heads == [""]:
                raise LexiconError(f"a phrase cannot begin with something open: {source!r}")
            return heads, parts[index:]
        heads = list(dict.fromkeys(a + b for a in heads for b in forms))
        if part[0] == "(" and "*" in part and index + 1 < len(parts):
            return heads, ["*", *parts[index + 1 :]]
    if not all(heads):
        raise LexiconError(f"a phrase that is nothing: {source!r}")
    # Of several endings some may be open and some not.
    several = parts[-1][0] == "(" and not source.endswith("*")
    return heads, [] if several and any(head[-1] in _WORDY for head in heads) else None


def _follow(parts: list[str]) -> Follow:
    """Return how a text can go on with these parts; nothing at all if it may be anyhow."""
    found: dict[str, frozenset[str]] = {}
    for pair in _pairs(parts):
        first, then = _kind(pair[:1]), _kind(pair[1:])
        if not first:
            return {}
        for character in first:
            known = found.get(character, then)
            found[character] = known | then if known and then else frozenset()
    return found


def _pairs(parts: list[str]) -> set[str]:
    """Return the two characters with which these parts can begin; fewer, or a `*`, if it may be anything."""
    found = {""}
    for part in parts:
        if part == "~":
            forms = set(_ENDINGS)
        elif part[0] == "(":
            forms = {form for choice in _choices(part[1:-1]) for form in _pairs(_parts(choice))}
        else:
            # A space is any number of them.
            forms = {part[:2], "  "} if part[0] == " " else {part[:2]}
        found = {
            (begun + form)[:2] if len(begun) < 2 and "*" not in begun else begun
            for begun in found
            for form in forms
        }
    return found


def _kind(character: str) -> frozenset[str]:
    """Return what may stand for a character of a phrase; nothing at all if it may be anything."""
    return _SPACES if character == " " else frozenset(character.strip("*"))


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


@cache
def _load(language: str) -> dict[str, str]:
    path = _FOLDER / f"{language}.yaml"
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    if not isinstance(loaded, dict):
        raise LexiconError(f"{path}: expected concepts with their phrases, found {type(loaded).__name__}")
    return cast("dict[str, str]", loaded)
