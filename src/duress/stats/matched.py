"""The difference of two proportions over pairs, at a given number of standard errors."""

from __future__ import annotations

from math import sqrt

from duress.stats.proportion import Estimate

METHOD = "wald+2"


def wald(only_here: int, only_there: int, n: int, z: float) -> Estimate:
    """Return (only_here - only_there) / n over `n` pairs, with limits `z` standard errors away.

    Half a pair is added to each of the four cells of the table before the limits are worked out (Agresti and
    Min 2005, Statistics in Medicine 24:729-740), so that they are apart where no pair differs. With the bound
    of a look of a group-sequential design as `z` it is a repeated confidence interval (Jennison and Turnbull
    1989): the limits hold at all looks together. The limits lie in [-1, 1].

    Raises:
        ValueError: counts that do not fit into `n` pairs.
    """
    if n < 1 or only_here < 0 or only_there < 0 or only_here + only_there > n:
        raise ValueError(f"expected only_here + only_there <= n, found {only_here} + {only_there} and n={n}")
    value = (only_here - only_there) / n
    here, there, more = only_here + 0.5, only_there + 0.5, n + 2
    middle = (here - there) / more
    half = z * sqrt(here + there - (here - there) ** 2 / more) / more
    return Estimate(value, max(-1.0, min(value, middle - half)), min(1.0, max(value, middle + half)))
