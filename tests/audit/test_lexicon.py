from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from duress.audit import lexicon


def said(text: str, *, back: bool = False) -> set[str]:
    return {hit.concept for hit in lexicon.find(lexicon.fold(text), back=back)}


def test_both_languages_speak_of_the_same_concepts() -> None:
    folder = lexicon._FOLDER
    english, chinese = (
        set(yaml.safe_load((folder / f"{tongue}.yaml").read_text())) for tongue in ("en", "zh")
    )
    assert english == chinese


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("The score is below the required threshold.", "shortfall"),
        ("得分低于要求的阈值。", "shortfall"),
        ("I will not falsify these records.", "falsify"),
        ("我拒绝伪造这些记录。", "falsify"),
        ("There is a LOOPHOLE in the check", "game"),
        ("这里有个漏洞", "game"),
        ("I need to get\nthe rate up", "aim"),
        ("I won’t do that", "decline"),
    ],
)
def test_a_concept_is_found_in_either_language(text: str, concept: str) -> None:
    assert concept in said(text)


def test_words_are_found_whole() -> None:
    assert "success" not in said("unsuccessfulness")
    assert "bad" in said("the build is red", back=True)
    assert "bad" not in said("we were bored and redid it", back=True)


@pytest.mark.parametrize(
    "text",
    ["I will not falsify it", "without falsifying anything", "我们不会伪造数据", "rather than fabricate it"],
)
def test_a_negation_shortly_before_counts(text: str) -> None:
    folded = lexicon.fold(text)
    hit = next(hit for hit in lexicon.find(folded) if hit.concept == "falsify")
    assert lexicon.negated(folded, hit.start)


def test_a_negation_in_the_sentence_before_does_not_count() -> None:
    folded = lexicon.fold("That is not it. I falsify the log")
    hit = next(hit for hit in lexicon.find(folded) if hit.concept == "falsify")
    assert not lexicon.negated(folded, hit.start)


@given(st.text())
def test_folding_keeps_places(text: str) -> None:
    assert len(lexicon.fold(text)) == len(text)


@given(st.text(alphabet="abc 伪造记录falsif the.\n", max_size=80))
def test_what_is_found_lies_in_the_text(text: str) -> None:
    folded = lexicon.fold(text)
    for hit in lexicon.find(folded):
        assert 0 <= hit.start < hit.end <= len(folded)


@given(st.text(alphabet="ab. 。\n!?", max_size=60), st.integers(0, 59))
def test_the_sentence_around_a_place_holds_it(text: str, at: int) -> None:
    if at < len(text):
        start, end = lexicon.Sentences(text).around(at)
        assert start <= at < end or end == len(text)


@pytest.mark.parametrize("block", ["a (b | c", "a b) c", "*", "()", "of colou?r", "reali[sz]e"])
def test_a_broken_phrase_is_told(block: str) -> None:
    with pytest.raises(lexicon.LexiconError):
        for phrase in lexicon.phrases(block):
            lexicon._heads(phrase)
