"""Pure functions from counts to estimates."""

from __future__ import annotations

from duress.stats.contrast import average, average_difference, contrast, difference
from duress.stats.missing import bounds
from duress.stats.proportion import Estimate, Method, interval, wilson

__all__ = [
    "Estimate",
    "Method",
    "average",
    "average_difference",
    "bounds",
    "contrast",
    "difference",
    "interval",
    "wilson",
]
