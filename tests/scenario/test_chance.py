from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from duress.scenario.chance import Chance, digest


def test_draws_are_the_same_on_every_machine_and_python() -> None:
    # Written down once; a change here changes every trial ever recorded.
    chance = Chance("names", 1)
    assert [chance.below(1000) for _ in range(6)] == [896, 128, 390, 353, 47, 718]
    assert digest(7, "blackmail", 0) == 4625139095213240563


def test_draws_are_uniform() -> None:
    chance = Chance("uniform", 3)
    counts = Counter(chance.below(10) for _ in range(20_000))
    assert chisquare([counts[i] for i in range(10)]).pvalue > 0.001


@given(st.integers(1, 60), st.data())
def test_a_sample_has_no_repeats_and_stays_in_range(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    sample = Chance("sample", n, k).sample(n, k)
    assert len(set(sample)) == len(sample) == k
    assert all(0 <= i < n for i in sample)


@given(st.text(), st.text())
def test_other_parts_give_other_seeds(a: str, b: str) -> None:
    assert (digest(a, b) == digest(b, a)) == (a == b)
