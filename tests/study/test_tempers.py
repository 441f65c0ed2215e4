"""Scores of turns, kept beside a run: durable, gone on with, never mixed, and compared."""

from __future__ import annotations

import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from duress.judge.passages import Graded, Passage
from duress.reading.scale import Scale, Score
from duress.stats.agreement import quadratic_kappa
from duress.study import tempers
from duress.study.errors import StudyError

NAME = "judge:a/b@12345678"
PASSAGES = [Passage(f"t-{n // 3}", n % 3 + 1, "said", f"text {n}", "", None) for n in range(45)]


def graded(value: int = 0) -> Graded:
    return Graded({scale: Score(value, "text" if value else "") for scale in Scale})


def read(folder, behaviour, passages=PASSAGES, name=NAME):
    asked = []

    def grade(missing, on_graded):
        for passage in missing:
            asked.append(passage.key)
            on_graded(passage, behaviour(passage))

    state = tempers.judged(folder, "a/b", name, passages)
    return tempers.judge(state, grade, lambda: None), asked


def test_what_was_read_is_not_read_again(tmp_path) -> None:
    first, asked = read(tmp_path, lambda passage: graded(passage.turn))
    again, none = read(tmp_path, lambda passage: graded(9))
    assert len(asked) == 45 and not none and again == first
    assert again["t-0", 2, "said"].scores[Scale.THREAT] == Score(2, "text")


def test_a_failure_has_no_scores_and_is_tried_again(tmp_path) -> None:
    first, _ = read(tmp_path, lambda passage: Graded(None, "down") if passage.turn == 2 else graded(1))
    assert sum(one.scores is None for one in first.values()) == 15
    again, asked = read(tmp_path, lambda passage: graded(3))
    assert {key[1] for key in asked} == {2} and all(one.scores for one in again.values())


def test_an_interruption_loses_only_what_was_under_way(tmp_path) -> None:
    def stops(passage):
        if passage.key == PASSAGES[31].key:
            raise KeyboardInterrupt
        return graded()

    with pytest.raises(KeyboardInterrupt):
        read(tmp_path, stops)
    _, asked = read(tmp_path, lambda passage: graded())
    assert asked == [passage.key for passage in PASSAGES[31:]]


def test_a_torn_last_line_is_read_again(tmp_path) -> None:
    read(tmp_path, lambda passage: graded(1))
    file = tempers.file(tmp_path, "a/b")
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    _, asked = read(tmp_path, lambda passage: graded(1))
    assert asked == [PASSAGES[-1].key] and file.read_bytes() == whole


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "no",
        "[1]",
        '{"trial_id": "t", "turn": 1, "kind": "said", "reader": "r", "scores": {}, "why": ""}',
    ],
)
def test_what_is_not_such_a_file_is_named_with_its_line(tmp_path, line) -> None:
    tempers.file(tmp_path, "a/b").write_text(f"{line}\n")
    with pytest.raises(StudyError, match=r"temper-a-b\.jsonl:1: expected the scores of one turn"):
        read(tmp_path, lambda passage: graded())


def test_scores_of_another_prompt_are_not_mixed_in(tmp_path) -> None:
    read(tmp_path, lambda passage: graded())
    with pytest.raises(StudyError, match="the prompt has changed"):
        read(tmp_path, lambda passage: graded(), name="judge:a/b@87654321")


def test_agreement_counts_what_both_have_scored(tmp_path) -> None:
    one = {passage.key: graded(passage.turn * 3) for passage in PASSAGES}
    other = {**one, PASSAGES[0].key: Graded(None, "down"), PASSAGES[1].key: graded(0)}
    threat = next(row for row in tempers.agreement(one, other) if row.scale is Scale.THREAT)
    # Turns 2 and 3 are at 6 and 9; one of them is at 0 with the other reader.
    assert (threat.n, threat.both, threat.first, threat.second) == (44, 29, 1, 0)
    assert threat.kappa is not None and threat.kappa.low < threat.kappa.value < threat.kappa.high <= 1


def test_quadratic_kappa_is_that_of_statsmodels() -> None:
    pairs = [(n % 11, min(10, (n * 7) % 13)) for n in range(60)] + [(5, 5)] * 20
    table = [[sum(pair == (a, b) for pair in pairs) for b in range(11)] for a in range(11)]
    expected = cohens_kappa(table, wt="quadratic").kappa
    found = quadratic_kappa(pairs)
    assert found is not None and found.value == pytest.approx(expected, abs=1e-12)


def test_quadratic_kappa_is_not_defined_where_nothing_varies() -> None:
    assert quadratic_kappa([]) is None
    assert quadratic_kappa([(0, 0)] * 30) is None
    assert quadratic_kappa([(0, 3), (3, 0)]).value < 0
