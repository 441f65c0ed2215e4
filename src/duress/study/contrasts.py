"""The comparisons that the planned contrasts of a design come to, one for each place they are asked in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duress.study.design import PLAIN_ARM, Design
from duress.study.intent import ARM, MODEL, Contrast

Planned = Mapping[str, Any]
"""A cell as `plan.json` holds it: scenario, lang, model, arm, condition and levels."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: the cells of a contrast in one scenario, language, model and arm."""

    contrast: Contrast | None
    """None where a cell is only to be known precisely."""
    primary: bool
    scenario: str
    lang: str
    model: str | None
    """None where models are what is compared."""
    arm: str | None
    """None where arms are what is compared."""
    condition: str | None
    """The cell's condition for a rate; None for an effect, which is pooled over conditions."""
    here: tuple[int, ...]
    """Numbers of the cells in question, in plan order."""
    there: tuple[int, ...] = ()
    """For an effect: the cell that each of `here` is paired with."""

    @property
    def cells(self) -> tuple[int, ...]:
        """Return the numbers of all cells that it needs."""
        return (*self.here, *self.there)


def compared(design: Design, cells: Sequence[Planned]) -> tuple[Compared, ...]:
    """Return all planned comparisons, the primary contrast's first; together they are one family.

    Without a primary contrast but with a precision to stop at, every cell stands for itself.
    """
    contrasts = [(design.primary, True)] if design.primary else []
    contrasts += [(one, False) for one in design.secondary]
    if not contrasts and design.stopping is not None and design.stopping.precision is not None:
        return tuple(_rate(None, True, number, cell) for number, cell in enumerate(cells))
    out: list[Compared] = []
    for contrast, primary in contrasts:
        if contrast.question == "rate":
            out += [_rate(contrast, primary, number, cell) for number, cell in enumerate(cells)]
        else:
            out += _effects(contrast, primary, cells)
    return tuple(out)


def _rate(contrast: Contrast | None, primary: bool, number: int, cell: Planned) -> Compared:
    return Compared(
        contrast,
        primary,
        cell["scenario"],
        cell["lang"],
        cell["model"],
        cell.get("arm", PLAIN_ARM),
        cell["condition"],
        (number,),
    )


def _effects(contrast: Contrast, primary: bool, cells: Sequence[Planned]) -> list[Compared]:
    places: dict[tuple[str, str, str | None, str | None], list[int]] = defaultdict(list)
    for number, cell in enumerate(cells):
        model = None if contrast.factor == MODEL else cell["model"]
        arm = None if contrast.factor == ARM else cell.get("arm", PLAIN_ARM)
        places[cell["scenario"], cell["lang"], model, arm].append(number)
    out: list[Compared] = []
    for (scenario, lang, model, arm), numbers in places.items():
        here = {
            _others(cells[n], contrast): n for n in numbers if _side(cells[n], contrast) == contrast.level
        }
        there = {
            _others(cells[n], contrast): n for n in numbers if _side(cells[n], contrast) == contrast.against
        }
        pairs = _paired(here, there)
        if pairs:
            ours, theirs = zip(*pairs, strict=True)
            out.append(Compared(contrast, primary, scenario, lang, model, arm, None, ours, theirs))
    return out


def _side(cell: Planned, contrast: Contrast) -> str | None:
    """Return which side of a contrast a cell is on: its level of the factor, its arm or its model."""
    if contrast.factor in (ARM, MODEL):
        return cell.get(contrast.factor, PLAIN_ARM)
    return cell["levels"].get(contrast.factor)


def _others(cell: Planned, contrast: Contrast) -> tuple[tuple[str, str], ...]:
    """Return what two cells of a pair have in common."""
    if contrast.factor in (ARM, MODEL):
        return (("condition", cell["condition"]),)
    return tuple(item for item in cell["levels"].items() if item[0] != contrast.factor)


def _paired(
    here: Mapping[tuple[tuple[str, str], ...], int], there: Mapping[tuple[tuple[str, str], ...], int]
) -> list[tuple[int, int]]:
    """Return the pairs of cells that are equal in all else.

    In a fraction of a factorial no two cells differ in one factor only. There the halves are equally large
    and each holds every other factor in balance, so that any matching estimates the same main effect (and
    what is confounded with it); cells are matched in plan order.
    """
    pairs = [(number, there[others]) for others, number in here.items() if others in there]
    if pairs:
        return pairs
    return list(zip(here.values(), there.values(), strict=False))
