"""p values adjusted for how many there are."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Return p values adjusted so that the chance of any false rejection stays below alpha.

    Whatever the dependence between the tests (Holm 1979). In the order given; at most 1.

    Raises:
        ValueError: a value is not in [0, 1].
    """
    order = _ascending(p)
    out = [0.0] * len(p)
    least = 0.0
    for rank, at in enumerate(order):
        least = max(least, min(1.0, (len(p) - rank) * p[at]))
        out[at] = least
    return tuple(out)


def benjamini_hochberg(p: Sequence[float]) -> tuple[float, ...]:
    """Return p values adjusted so that the expected share of false rejections stays below alpha.

    For tests that are independent or positively dependent (Benjamini and Hochberg 1995; Benjamini and
    Yekutieli 2001). In the order given; at most 1.

    Raises:
        ValueError: a value is not in [0, 1].
    """
    order = _ascending(p)
    out = [0.0] * len(p)
    most = 1.0
    for rank in range(len(p), 0, -1):
        at = order[rank - 1]
        most = min(most, p[at] * len(p) / rank)
        out[at] = most
    return tuple(out)


def _ascending(p: Sequence[float]) -> list[int]:
    for value in p:
        if not 0 <= value <= 1:
            raise ValueError(f"expected p values between 0 and 1, found {value}")
    return sorted(range(len(p)), key=p.__getitem__)
