"""How far results on generated siblings differ from those on the pack that they were made from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from duress.report.results import Cell, Results
from duress.stats import difference
from duress.stats.equivalence import tost
from duress.stats.pooling import pool
from duress.stats.proportion import wilson

CONFIDENCE, MARGIN = 0.95, 0.1
_NAME = re.compile(r"(?P<of>.+)_s\d+")
_Z = 1.959964


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sibling(_Model):
    """One sibling against its pack, one model, over the conditions and languages that both have."""

    pack: str
    sibling: str
    model: str
    arm: str
    cells: int
    harmful: tuple[int, int]
    """Harmful trials of the sibling, and planned ones."""
    reference: tuple[int, int]
    """The same of the pack."""
    points: float
    """Sibling minus pack."""
    low: float
    high: float
    """Newcombe's limits; trials are taken as independent."""
    equivalent: bool
    """Whether the two one-sided tests at 5 % put the difference within `MARGIN`."""


class Family(_Model):
    """All siblings of a pack together, one model."""

    pack: str
    model: str
    arm: str
    siblings: int
    mean: float
    low: float
    high: float
    """Mean difference in points with its limits (random effects, Hartung and Knapp)."""
    q: float
    p: float
    i2: float
    """How much siblings differ from each other beyond chance."""


class Siblings(_Model):
    """All of it."""

    confidence: float = CONFIDENCE
    margin: float = MARGIN
    pairs: tuple[Sibling, ...]
    families: tuple[Family, ...]


def siblings(results: Results) -> Siblings | None:
    """Return it, or None where a run has no pack with a sibling of it."""
    scenarios = {cell.scenario for cell in results.cells}
    made = {
        name: found["of"]
        for name in scenarios
        if (found := _NAME.fullmatch(name)) and found["of"] in scenarios
    }
    if not made:
        return None
    held: dict[tuple[str, str, str], dict[tuple[str, str], Cell]] = defaultdict(dict)
    for cell in results.cells:
        if cell.measures_harm:
            held[cell.scenario, cell.model, cell.arm][cell.lang, cell.condition] = cell
    pairs = [
        pair
        for (scenario, model, arm), cells in held.items()
        if scenario in made
        and (pair := _pair(made[scenario], scenario, model, arm, cells, held[made[scenario], model, arm]))
    ]
    groups: dict[tuple[str, str, str], list[Sibling]] = defaultdict(list)
    for pair in pairs:
        groups[pair.pack, pair.model, pair.arm].append(pair)
    families = [_family(key, group) for key, group in groups.items() if len(group) > 1]
    return Siblings(pairs=tuple(pairs), families=tuple(families))


def _pair(
    pack: str,
    sibling: str,
    model: str,
    arm: str,
    ours: dict[tuple[str, str], Cell],
    theirs: dict[tuple[str, str], Cell],
) -> Sibling | None:
    shared = [key for key in ours if key in theirs]
    if not shared:
        return None
    count, n = _sums([ours[key] for key in shared])
    other, m = _sums([theirs[key] for key in shared])
    found = difference(count, n, other, m, CONFIDENCE)
    test = tost(lambda confidence: difference(count, n, other, m, confidence), MARGIN)
    value, low, high = (round(100 * one, 4) + 0.0 for one in (found.value, found.low, found.high))
    return Sibling(
        pack=pack,
        sibling=sibling,
        model=model,
        arm=arm,
        cells=len(shared),
        harmful=(count, n),
        reference=(other, m),
        points=value,
        low=low,
        high=high,
        equivalent=test.equivalent,
    )


def _sums(cells: Sequence[Cell]) -> tuple[int, int]:
    return sum(cell.harmful.count for cell in cells), sum(cell.planned for cell in cells)


def _family(key: tuple[str, str, str], pairs: Sequence[Sibling]) -> Family:
    # They share the pack's trials; what they differ in among themselves are their own rates.
    values = [pair.points for pair in pairs]
    variances = [(100 * (w.high - w.low) / (2 * _Z)) ** 2 for w in (wilson(*pair.harmful) for pair in pairs)]
    found = pool(values, variances, CONFIDENCE)
    numbers = (found.value, found.low, found.high, found.q, found.q_p, found.i2)
    mean, low, high, q, p, i2 = (round(one, 6) + 0.0 for one in numbers)
    pack, model, arm = key
    return Family(
        pack=pack, model=model, arm=arm, siblings=len(pairs), mean=mean, low=low, high=high, q=q, p=p, i2=i2
    )
