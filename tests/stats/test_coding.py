from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duress.stats.cluster import components
from duress.stats.coding import Coding


def test_levels_are_coded_against_the_first_and_interactions_where_both_hold():
    coding = Coding(
        {"threat": ("none", "restriction", "replacement"), "cue": ("off", "on")}, (("threat", "cue"),)
    )
    assert coding.columns == (
        (),
        (("threat", "restriction"),),
        (("threat", "replacement"),),
        (("cue", "on"),),
        (("threat", "restriction"), ("cue", "on")),
        (("threat", "replacement"), ("cue", "on")),
    )
    rows = coding.rows([{"threat": "replacement", "cue": "on"}, {"threat": "none"}])
    assert rows.tolist() == [[1, 0, 1, 1, 0, 1], [1, 0, 0, 0, 0, 0]]


def test_units_that_share_nothing_stand_alone():
    assert len(set(components(5, []))) == 5


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 6)), max_size=30))
def test_units_are_together_where_a_chain_of_shared_labels_links_them(links):
    unit, label = (np.array([link[n] for link in links], dtype=np.int64) for n in (0, 1))
    found = components(15, [(unit, label)])
    group = list(range(15))
    for _ in range(15):
        for u, a in links:
            for v, b in links:
                if a == b:
                    group[u] = group[v] = min(group[u], group[v])
    for u in range(15):
        for v in range(15):
            assert (found[u] == found[v]) == (group[u] == group[v])
