"""Scenario packs: reading, drawing, rendering, checking."""

from __future__ import annotations

from duress.scenario.check import check
from duress.scenario.errors import PackError, Problem
from duress.scenario.nuisance import Draw, draw
from duress.scenario.pack import Pack, load, names
from duress.scenario.scene import Case, Scene, render

__all__ = [
    "Case",
    "Draw",
    "Pack",
    "PackError",
    "Problem",
    "Scene",
    "check",
    "draw",
    "load",
    "names",
    "render",
]
