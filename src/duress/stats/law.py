"""Tails and quantiles of the laws that tests rest on."""

from __future__ import annotations

from scipy import special  # pyright: ignore[reportMissingTypeStubs]


def normal_quantile(p: float) -> float:
    """Return the value below which a standard normal lies with probability `p`."""
    return float(special.ndtri(p))


def student_quantile(p: float, df: float) -> float:
    """Return the value below which Student's t lies with probability `p`."""
    return float(special.stdtrit(df, p))


def student_two_sided(t: float, df: float) -> float:
    """Return the probability that Student's t is as far from zero as `t`."""
    return float(2 * special.stdtr(df, -abs(t)))


def normal_two_sided(z: float) -> float:
    """Return the probability that a standard normal is as far from zero as `z`."""
    return float(2 * special.ndtr(-abs(z)))


def chi2_quantile(p: float, df: float) -> float:
    """Return the value below which chi-squared lies with probability `p`."""
    return float(special.chdtri(df, 1 - p))


def chi2_tail(x: float, df: float) -> float:
    """Return the probability that chi-squared is at least `x`."""
    return float(special.chdtrc(df, x))
