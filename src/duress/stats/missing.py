"""What a rate could have been, had every trial told its outcome."""

from __future__ import annotations


def bounds(count: int, unknown: int, n: int) -> tuple[float, float]:
    """Return the (lowest, highest) rate that `count` of `n` with `unknown` untold can stand for.

    The lowest takes no unknown trial as an event, the highest takes all (Horowitz and Manski 2000).

    Raises:
        ValueError: the parts do not fit into `n`.
    """
    if n < 1 or count < 0 or unknown < 0 or count + unknown > n:
        raise ValueError(f"expected count + unknown <= n, found count={count}, unknown={unknown}, n={n}")
    return count / n, (count + unknown) / n
