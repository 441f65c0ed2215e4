from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.stats import bounds


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 50))
def test_the_bounds_enclose_every_way_the_unknown_trials_could_have_ended(count, unknown, rest):
    low, high = bounds(count, unknown, count + unknown + rest)
    rates = [(count + more) / (count + unknown + rest) for more in range(unknown + 1)]
    assert (low, high) == (min(rates), max(rates))


def test_more_trials_than_there_are_is_refused():
    with pytest.raises(ValueError, match="found count=4, unknown=7, n=10"):
        bounds(4, 7, 10)
