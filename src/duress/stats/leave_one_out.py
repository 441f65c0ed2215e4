"""What an event depends on: leave one item out at a time, and see how often the event is still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, comb, log2

from duress.stats.paired import difference
from duress.stats.proportion import Estimate, wilson

Told = Sequence[bool | None]
"""Whether the event was there, by repeat; None where that is not known."""


class Verdict(StrEnum):
    """What can be said of one item."""

    NECESSARY = "necessary"
    """It contributes, and without it the event was not seen once."""
    CONTRIBUTES = "contributes"
    """The event is rarer without it."""
    RESTRAINS = "restrains"
    """The event is more frequent without it."""
    UNCLEAR = "unclear"
    """No difference that chance does not explain; the interval says how large it can still be."""
    UNSETTLED = "unsettled"
    """Too few pairs of which both outcomes are known."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One item. Rates and effects are proportions over the pairs of which both outcomes are known."""

    item: str
    place: int | None
    """1 is what the event depended on most; equal effects share a place. None where it is unsettled."""
    tied: bool
    """Whether another item has the same effect."""
    planned: int
    pairs: int
    """Pairs of which both outcomes are known."""
    count_with: int
    count_without: int
    without: Estimate | None
    """Rate without the item, with its Wilson interval."""
    effect: Estimate | None
    """Rate with everything minus rate without the item, with Tango's interval for paired proportions."""
    lowest: float
    highest: float
    """The effect over all planned pairs if what is not known were the one or the other extreme."""
    p: float | None
    """Exact McNemar, two-sided."""
    p_adjusted: float | None
    """Step-down over all items that could be judged."""
    verdict: Verdict


def rank(reference: Told, items: Mapping[str, Told], alpha: float = 0.05) -> tuple[Ranked, ...]:
    """Return the items by effect, largest first; those that could not be judged last.

    `reference` are the repeats with nothing left out, and each item's repeats are paired with them by
    position. An item is judged if both outcomes are known in at least half of its pairs. Whether it
    contributes or restrains is decided by McNemar's exact test, corrected over all judged items so that the
    chance of any false claim is at most `alpha`: Holm's step-down, in which each test counts with the chance
    that it could have come to so small a p value at all (Westfall and Wolfinger 1997, The American
    Statistician 51:3-8). Items that changed next to nothing cost the others no power. The intervals are for
    one item each.

    Raises:
        ValueError: an item does not have as many repeats as the reference, or there are none.
    """
    if not reference or any(len(told) != len(reference) for told in items.values()):
        raise ValueError("expected one outcome per repeat, the same number for the reference and each item")
    tables = {item: _table(reference, told) for item, told in items.items()}
    judged = [item for item, table in tables.items() if 2 * sum(table) >= len(reference)]
    p = {item: mcnemar(tables[item][1], tables[item][2]) for item in judged}
    adjusted = _adjusted(p, {item: tables[item][1] + tables[item][2] for item in judged})
    effects = {item: Fraction(tables[item][1] - tables[item][2], sum(tables[item])) for item in judged}
    order = sorted(judged, key=lambda item: -effects[item])
    order += [item for item in items if item not in effects]
    out: list[Ranked] = []
    for item in order:
        both, first, second, _ = tables[item]
        pairs = sum(tables[item])
        lowest, highest = _extremes(reference, items[item])
        settled = item in effects
        out.append(
            Ranked(
                item=item,
                place=1 + sum(other > effects[item] for other in effects.values()) if settled else None,
                tied=settled and list(effects.values()).count(effects[item]) > 1,
                planned=len(reference),
                pairs=pairs,
                count_with=both + first,
                count_without=both + second,
                without=wilson(both + second, pairs) if settled else None,
                effect=difference(first, second, pairs) if settled else None,
                lowest=lowest,
                highest=highest,
                p=p.get(item),
                p_adjusted=adjusted.get(item),
                verdict=_verdict(effects.get(item), adjusted.get(item, 1.0), both + second, alpha),
            )
        )
    return tuple(out)


def least_changes(items: int, alpha: float = 0.05) -> int:
    """Return how many repeats an item has to change, all in one direction, to be surely told from chance.

    2 * items / 2**changes is then at most `alpha`: enough even if all other items change as much. Fewer are
    enough where few items change anything.
    """
    return ceil(log2(2 * max(items, 1) / alpha))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p value of "both rates are equal" from the pairs that differ.

    Under that hypothesis either member of a differing pair is as likely to have the event (McNemar 1947,
    Psychometrika 12:153-157): twice the smaller tail of a binomial with probability one half, at most 1.

    Raises:
        ValueError: a count is negative.
    """
    if only_first < 0 or only_second < 0:
        raise ValueError(f"expected counts of pairs, found {only_first} and {only_second}")
    n, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(comb(n, k) for k in range(fewer + 1)) / 2**n)


def _table(reference: Told, told: Told) -> tuple[int, int, int, int]:
    pairs = [(one, other) for one, other in zip(reference, told, strict=True) if None not in (one, other)]
    return (
        pairs.count((True, True)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((False, False)),
    )


def _extremes(reference: Told, told: Told) -> tuple[float, float]:
    n = len(reference)
    low = sum(one is True for one in reference) - sum(other is not False for other in told)
    high = sum(one is not False for one in reference) - sum(other is True for other in told)
    return low / n, high / n


def _verdict(effect: Fraction | None, p: float, left: int, alpha: float) -> Verdict:
    if effect is None:
        return Verdict.UNSETTLED
    if p > alpha:
        return Verdict.UNCLEAR
    if effect < 0:
        return Verdict.RESTRAINS
    return Verdict.CONTRIBUTES if left else Verdict.NECESSARY


def _attainable(differing: int) -> list[float]:
    """Return the p values, ascending, that McNemar's exact test can have with so many differing pairs."""
    return [mcnemar(k, differing - k) for k in range(differing // 2 + 1)]


def _adjusted(p: Mapping[str, float], differing: Mapping[str, int]) -> dict[str, float]:
    order = sorted(p, key=lambda item: p[item])
    attainable = {item: _attainable(differing[item]) for item in p}
    out: dict[str, float] = {}
    highest = 0.0
    for place, item in enumerate(order):
        # Under its hypothesis, a test comes to this p value or below with the largest that it can attain.
        chance = sum(
            max((q for q in attainable[other] if q <= p[item]), default=0.0) for other in order[place:]
        )
        highest = max(highest, min(1.0, chance))
        out[item] = highest
    return out
