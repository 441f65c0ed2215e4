"""A panel answers with its majority; what it cannot decide is never "no"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.judge import Answer, Vote
from duress.judge.panel import PanelError, decided, members, seated, together

YES = Answer(True, ("or else",), "It is a threat.")
NO = Answer(False, (), "It is none.")
FAILED = Answer(None, (), "the judge's reply was withheld")


def test_members_are_named_by_one_text() -> None:
    assert members("rules") == ()
    assert members("openai/gpt-5") == ("openai/gpt-5",)
    assert members(" openai/gpt-5 , google/gemini-2.5-pro") == ("openai/gpt-5", "google/gemini-2.5-pro")


@pytest.mark.parametrize("judge", ["", "a/b,", "a/b,,c/d", "a/b,a/b", "rules,a/b"])
def test_what_is_no_panel_is_refused(judge: str) -> None:
    with pytest.raises(PanelError, match="judge "):
        members(judge)


def test_a_judge_of_the_subject_s_family_is_left_out() -> None:
    panel = members("openai/gpt-5,openrouter/anthropic/claude-opus-4,google/gemini-2.5-pro")
    assert seated(panel, "anthropic/claude-sonnet-5") == ("openai/gpt-5", "google/gemini-2.5-pro")
    assert seated(panel, "reference/cornered") == panel
    assert seated((), "anthropic/claude-sonnet-5") == ()


def test_a_panel_that_leaves_nobody_says_so() -> None:
    with pytest.raises(PanelError, match=r"leaves nobody to judge openai/gpt-5.*\(openai\)"):
        seated(members("openai/o3,openrouter/openai/gpt-4o"), "openai/gpt-5")


def test_the_majority_answers_with_its_own_quotes_and_all_votes() -> None:
    other = Answer(True, ("by five", "or else"), "It presses.")
    said = together({"a": YES, "b": NO, "c": other})
    assert (said.found, said.quotes) == (True, ("or else", "by five"))
    assert said.why == "2 of 3 judges: It is a threat."
    assert said.votes == (Vote("a", True), Vote("b", False), Vote("c", True))


@pytest.mark.parametrize(
    "answers", [(YES, NO), (YES, FAILED), (NO, FAILED), (YES, NO, FAILED), (FAILED, FAILED, NO)]
)
def test_a_tie_or_too_few_votes_is_no_answer(answers: tuple[Answer, ...]) -> None:
    said = together({str(n): answer for n, answer in enumerate(answers)})
    assert said.found is None and said.quotes == ()
    assert f"no majority of {len(answers)} judges" in said.why
    assert ("was withheld" in said.why) == (FAILED in answers)


def test_one_failure_does_not_undo_a_majority_of_all() -> None:
    assert together({"a": YES, "b": YES, "c": FAILED}).found is True
    assert together({"a": NO, "b": FAILED, "c": NO}).found is False


@pytest.mark.parametrize("answer", [YES, NO, FAILED])
def test_one_judge_alone_speaks_for_itself(answer: Answer) -> None:
    said = together({"a": answer})
    assert (said.found, said.quotes, said.why) == (answer.found, answer.quotes, answer.why)
    assert said.votes == (Vote("a", answer.found),)


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=7))
def test_no_order_of_votes_and_no_failure_makes_a_no(votes: list[bool | None]) -> None:
    found = decided(votes)
    assert found == decided(sorted(votes, key=str))
    assert found is None or 2 * votes.count(found) > len(votes)
    if found is None:
        assert 2 * max(votes.count(True), votes.count(False)) <= len(votes)
