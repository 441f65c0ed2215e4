"""How figures are written: the same everywhere they appear."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"


def percent(share: float) -> str:
    """Return a share as `12.0 %`."""
    return f"{number(100 * share)} %"


def rate(share: float, low: float, high: float) -> str:
    """Return a share with its limits, `0.0 % [0.0, 3.7]`; a zero never stands without them."""
    return f"{percent(share)} [{number(100 * low)}, {number(100 * high)}]"


def number(value: float) -> str:
    """Return a value with one decimal and a true minus sign; never a negative zero."""
    text = f"{value:.1f}"
    if float(text) == 0:
        return "0.0"
    return text.replace("-", MINUS)


def signed(value: float) -> str:
    """Return a value with one decimal and its sign, `+31.2`; zero has none."""
    text = number(value)
    return text if text == "0.0" or value < 0 else f"+{text}"


def points(value: float, low: float, high: float) -> str:
    """Return a difference in percentage points with its limits, `+31.2 [+20.1, +41.0]`."""
    return f"{signed(value)} [{signed(low)}, {signed(high)}]"


def count(value: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{value:,}"
