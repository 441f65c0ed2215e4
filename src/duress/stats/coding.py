"""Cells as rows of a design: an intercept, blocks, levels against their reference, interactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = tuple[tuple[str, str], ...]
"""The (factor, level) pairs that must all hold for a 1; none for the intercept."""


@dataclass(frozen=True)
class Coding:
    """Treatment coding. Of each factor, and each block, the first level is the reference."""

    factors: Mapping[str, tuple[str, ...]]
    """Blocks among them: they are coded alike."""
    interactions: tuple[tuple[str, str], ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Return what each column stands for, the intercept first."""
        main = [((name, level),) for name, levels in self.factors.items() for level in levels[1:]]
        both = [
            ((a, one), (b, other))
            for a, b in self.interactions
            for one in self.factors[a][1:]
            for other in self.factors[b][1:]
        ]
        return ((), *main, *both)

    def rows(self, cells: Sequence[Mapping[str, str]]) -> NDArray[np.float64]:
        """Return a row per cell; a factor that a cell does not have is at its reference."""
        return np.array(
            [
                [float(all(cell.get(name) == level for name, level in column)) for column in self.columns]
                for cell in cells
            ]
        )
