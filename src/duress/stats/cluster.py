"""Which units belong together because they share something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csgraph  # pyright: ignore[reportMissingTypeStubs]


def components(
    units: int, shared: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> NDArray[np.int64]:
    """Return a number per unit, the same for units that are linked by anything they share.

    Each of `shared` holds pairs (unit, label): units with a label in common are linked, and so are units
    that are linked to the same one.
    """
    ours: list[NDArray[np.int64]] = []
    theirs: list[NDArray[np.int64]] = []
    size = units
    for unit, label in shared:
        ours.append(unit)
        theirs.append(label + size)
        size += int(label.max()) + 1 if len(label) else 0
    one = np.concatenate([*ours, np.zeros(0, dtype=np.int64)])
    other = np.concatenate([*theirs, np.zeros(0, dtype=np.int64)])
    links = cast("Any", coo_matrix)((np.ones(len(one), dtype=np.int8), (one, other)), shape=(size, size))
    labels: NDArray[np.int64] = cast("Any", csgraph).connected_components(links, directed=False)[1]
    return np.unique(labels[:units], return_inverse=True)[1].astype(np.int64)
