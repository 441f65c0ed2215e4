"""Regular fractions of two-level factorials, and what is confounded with what in them.

An effect and a word of the defining relation are both sets of factors, held as the bits of a number:
the product of two is their exclusive or (Box, Hunter and Hunter 2005, chapter 6; Wu and Hamada 2009,
chapter 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations

MOST = 10
"""Factors that a fraction is searched for."""
TIMES = "\N{MULTIPLICATION SIGN}"


class FractionError(ValueError):
    """There is no such fraction; `str()` says what there is."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An effect that another cannot be told from; one of them up to sign."""

    effect: tuple[str, ...]
    sign: int
    """1 or -1: whether the estimate holds the effect's sum with the other, or its difference."""

    def __str__(self) -> str:
        return ("\N{MINUS SIGN}" if self.sign < 0 else "") + TIMES.join(self.effect)


@dataclass(frozen=True)
class Fraction:
    """A fraction 1/2^p of all combinations of the levels of k two-level factors."""

    factors: tuple[str, ...]
    generators: tuple[int, ...]
    """One word per factor that the others decide, which is the last of its factors."""

    @property
    def share(self) -> str:
        """Return the share of all combinations, as `1/4`."""
        return f"1/{2 ** len(self.generators)}"

    @cached_property
    def words(self) -> tuple[int, ...]:
        """Return all words of the defining relation, shortest first."""
        return tuple(sorted(_products(self.generators), key=lambda word: (word.bit_count(), word)))

    @property
    def resolution(self) -> int:
        """Return the length of the shortest word: 3 mixes main effects with two-factor interactions, 4
        two-factor interactions with one another, 5 neither."""
        return self.words[0].bit_count()

    @property
    def notation(self) -> str:
        """Return it in the usual notation, as `2^(4-1) of resolution IV`."""
        return f"2^({len(self.factors)}-{len(self.generators)}) of resolution {roman(self.resolution)}"

    def holds(self, levels: Sequence[int]) -> bool:
        """Return whether a combination is in the fraction; 0 is a factor's first level, 1 its second.

        All factors at their first level are always in it.
        """
        bits = sum(level << place for place, level in enumerate(levels))
        return all((bits & word).bit_count() % 2 == 0 for word in self.generators)

    def named(self, effect: int) -> tuple[str, ...]:
        """Return the factors of an effect or a word."""
        return tuple(name for place, name in enumerate(self.factors) if effect >> place & 1)

    def defined(self) -> tuple[tuple[str, str], ...]:
        """Return each factor that the others decide, with the product that decides it."""
        out: list[tuple[str, str]] = []
        for word in self.generators:
            *others, last = self.named(word)
            out.append((last, _signed(others, _sign(word))))
        return tuple(out)

    def relation(self) -> tuple[str, ...]:
        """Return the words of the defining relation as products equal to one."""
        return tuple(_signed(self.named(word), _sign(word)) for word in self.words)

    def aliases(self, effect: Sequence[str], order: int = 2) -> tuple[Alias, ...]:
        """Return the effects of up to `order` factors that an effect is confounded with."""
        mask = sum(1 << self.factors.index(name) for name in effect)
        found = ((mask ^ word, _sign(word)) for word in self.words)
        kept = [(other, sign) for other, sign in found if 0 < other.bit_count() <= order]
        kept.sort(key=lambda one: (one[0].bit_count(), self._places(one[0])))
        return tuple(Alias(self.named(other), sign) for other, sign in kept)

    def confounded(self) -> tuple[tuple[tuple[str, ...], tuple[Alias, ...]], ...]:
        """Return every main effect with what of up to two factors it is mixed with, then each set of
        two-factor interactions that are mixed among themselves only, told once."""
        out: list[tuple[tuple[str, ...], tuple[Alias, ...]]] = [
            ((name,), self.aliases((name,))) for name in self.factors
        ]
        told = {one.effect for _, aliases in out for one in aliases}
        for pair in combinations(self.factors, 2):
            if pair not in told and (aliases := self.aliases(pair)):
                out.append((pair, aliases))
                told |= {one.effect for one in aliases}
        return tuple(out)

    def _places(self, effect: int) -> tuple[int, ...]:
        return tuple(place for place in range(len(self.factors)) if effect >> place & 1)


def fraction(factors: Sequence[str], share: str) -> Fraction:
    """Return the fraction of a share such as `1/4` with the least aberration.

    Among all regular fractions it has the highest resolution, and then the fewest words of each length,
    shortest first (Fries and Hunter 1980); among equal ones, the first in the order of the search.
    Factors that the others decide are the last ones.

    Raises:
        FractionError: there is none of at least resolution III, or there are too many factors.
    """
    deciding = int(share.removeprefix("1/")).bit_length() - 1
    count = len(factors)
    if count > MOST:
        raise FractionError(f"{count} factors have two levels; fractions are made for at most {MOST}")
    base = count - deciding
    if base < 2 or count > 2**base - 1:
        open_to = [f"1/{2**n}" for n in range(1, count) if count - n >= 2 and count <= 2 ** (count - n) - 1]
        what = f"{count} factor{'' if count == 1 else 's'} with two levels"
        can = f"{what} can be cut to {', '.join(open_to)}" if open_to else f"{what} cannot be cut"
        raise FractionError(
            f"a share of {share} would mix main effects with one another: {can}; name a larger share, "
            "vary more factors, or leave `fraction` out"
        )
    return Fraction(tuple(factors), generators(count, deciding))


@cache
def generators(count: int, deciding: int) -> tuple[int, ...]:
    """Return the generator words of the 2^(count-deciding) fraction with the least aberration."""
    base = count - deciding
    columns = [mask for mask in range(1, 2**base) if mask.bit_count() >= 2]
    best: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    for chosen, words in _search(base, deciding, columns):
        pattern = _pattern(words, count)
        if best is None or pattern < best[0]:
            best = (pattern, chosen)
    assert best is not None
    return best[1]


def _search(base: int, deciding: int, columns: list[int]) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Yield sets of generators with their words: of each class that a reordering of the base factors
    makes, at least one.

    The generator with most factors comes first, and these can be taken to be the first ones.
    """
    highest = 3

    def extend(
        chosen: tuple[int, ...], words: list[int], rest: list[int]
    ) -> Iterator[tuple[tuple[int, ...], list[int]]]:
        nonlocal highest
        if len(chosen) == deciding:
            highest = max(highest, min(word.bit_count() for word in words))
            yield chosen, words
            return
        for place, column in enumerate(rest):
            own = column | 1 << base + len(chosen)
            more = [own, *(own ^ word for word in words)]
            if min(word.bit_count() for word in more) >= highest:
                yield from extend((*chosen, own), words + more, rest[place + 1 :])

    for factors in range(base, 1, -1):
        first = 2**factors - 1
        rest = [column for column in columns if column.bit_count() <= factors and column != first]
        own = first | 1 << base
        if own.bit_count() >= highest:
            yield from extend((own,), [own], rest)


def _pattern(words: Sequence[int], count: int) -> tuple[int, ...]:
    lengths = [word.bit_count() for word in words]
    return tuple(lengths.count(length) for length in range(1, count + 1))


def _products(generators: Sequence[int]) -> list[int]:
    words: list[int] = []
    for generator in generators:
        words += [generator, *(generator ^ word for word in words)]
    return words


def _sign(word: int) -> int:
    # Levels are -1 and 1; the first levels of all factors together satisfy every word.
    return -1 if word.bit_count() % 2 else 1


def _signed(factors: Sequence[str], sign: int) -> str:
    return str(Alias(tuple(factors), sign))


def roman(number: int) -> str:
    """Return a number from 1 to 12 in Roman numerals, as resolutions are written."""
    return ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")[number - 1]
