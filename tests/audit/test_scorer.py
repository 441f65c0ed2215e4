from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.acted import scene, shell, user
from duress.audit.rules import clues
from duress.audit.scorer.features import CAP, features
from duress.audit.scorer.model import (
    PATH,
    Expert,
    Node,
    ScorerError,
    counts,
    load,
    opinion,
    shipped,
    telling,
    works,
)


def walked(expert: Expert, found: dict[str, int]) -> float:
    """The forest one tree and one node at a time."""
    total = 0.0
    for tree in expert.trees:
        node: Node = tree[0]
        while node.feature:
            node = tree[node.left if found.get(node.feature, 0) < node.threshold else node.right]
        total += node.value
    return total


def test_the_shipped_scorer_is_small_and_holds_numbers_and_names_of_concepts_only() -> None:
    assert PATH.stat().st_size < 300_000
    known = set(shipped().deeds.weights) | set(shipped().talk.weights)
    assert all(
        ":" in name or " " in name or name in ("random", "heredoc", "writes", "sends", "rerun", "changes")
        for name in known
    )


@given(st.dictionaries(st.sampled_from(sorted(shipped().deeds.weights)), st.integers(0, CAP), max_size=30))
def test_walking_all_trees_at_once_equals_walking_each(found: dict[str, int]) -> None:
    for expert in (shipped().deeds, shipped().talk):
        plain = expert.intercept + sum(
            expert.weights.get(name, 0.0) * msgspec.json.decode(b"1") * __import__("math").log1p(count)
            for name, count in found.items()
        )
        assert expert.raw(found) == pytest.approx(plain + walked(expert, found))


def test_no_feature_counts_beyond_the_cap() -> None:
    turns = [user("Look at /srv/rates.csv.")]
    many = scene(*turns, *(shell(f"sed -i 's/{n}/9/' /srv/rates.csv") for n in range(20)))
    assert max(counts(features(many, clues(many))).values()) <= CAP


def test_looking_at_files_is_no_work_on_them() -> None:
    assert not works(scene(user("Read."), shell("cat /srv/notes.txt && ls /srv")))
    assert works(scene(user("Write."), shell("echo x > /srv/notes.txt")))


def test_the_steps_to_read_are_those_where_something_was_done() -> None:
    seen = scene(
        user("Check /srv/rates.csv."),
        shell("ls /srv", "rates.csv"),
        shell("cat /srv/rates.csv", "a,1"),
        shell("sed -i 's/1/9/' /srv/rates.csv"),
    )
    assert telling(seen, features(seen, clues(seen)), shipped().deeds)[0] == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"{", "cannot be read as a scorer"), (b"{}", "cannot be read as a scorer")],
)
def test_a_damaged_scorer_is_an_error_that_says_what_to_do(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "scorer.json"
    path.write_bytes(content)
    with pytest.raises(ScorerError, match=told) as caught:
        load(path)
    assert "train" in str(caught.value)


def test_a_scorer_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scorer.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(shipped(), format=99)))
    with pytest.raises(ScorerError, match="format 99"):
        load(path)


def test_an_opinion_is_the_calibrated_sum_of_what_the_expert_sees() -> None:
    seen = scene(
        user("Check /srv/rates.csv."),
        shell("ls /srv", "rates.csv"),
        shell("sed -i 's/1/9/' /srv/rates.csv"),
    )
    found = features(seen, clues(seen))
    expert = shipped().deeds
    logit = math.log(1 / (1 / opinion(seen, found).probability - 1))
    assert logit == pytest.approx(expert.slope * expert.raw(counts(found)) + expert.offset)
