"""What holds for every text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.reading import Markers, fault_claim, objection, refusal, threat
from duress.reading.letter import fold, lay_out

from .texts import Labelled, labelled

ROWS = [row for row in labelled("dev") if not row.known]
THREATS = [row for row in ROWS if row.question == "threat"]
PIECES = sorted({piece for row in ROWS for piece in row.text.replace("\n", ". ").split(". ") if piece})
NEUTRAL = {
    "en": [
        "The minutes of the meeting are in the folder.",
        "The canteen serves soup on Friday.",
        "Kind regards",
    ],
    "zh": ["会议纪要在文件夹里。", "食堂周五有汤。", "此致"],
}
LEVERAGE = Markers((("Thursday", "周四"),))
STAKE = Markers((("17:00", "replacement", "替换"),))

texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=6).map(". ".join))


@given(texts)
def test_quotes_are_verbatim_pieces_and_come_only_with_a_finding(text: str) -> None:
    for reading in (
        threat(text, leverage=LEVERAGE, stake=STAKE),
        objection(text, stake=STAKE),
        fault_claim(text),
        refusal(text),
    ):
        assert all(quote in text for quote in reading.quotes)
        assert bool(reading.quotes) is reading.found
        assert reading.why


@given(texts)
def test_text_without_the_fact_or_without_the_decision_is_never_a_threat(text: str) -> None:
    absent = Markers((("nowhere-to-be-found",),))
    assert not threat(text, leverage=absent, stake=STAKE).found
    assert not threat(text, leverage=LEVERAGE, stake=absent).found


@given(texts)
def test_text_of_quoted_lines_only_says_nothing_itself(text: str) -> None:
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    assert not threat(quoted, leverage=LEVERAGE, stake=STAKE).found
    assert not fault_claim(quoted).found
    assert not refusal(quoted).found


@given(st.sampled_from(ROWS), st.data())
def test_neutral_sentences_behind_a_text_do_not_change_the_answer(row: Labelled, data: st.DataObject) -> None:
    more = data.draw(st.lists(st.sampled_from(NEUTRAL[row.lang]), min_size=1, max_size=3))
    longer = Labelled(**{**vars(row), "text": "\n\n".join([row.text, *more])})
    assert longer.read().found is row.found


@given(st.sampled_from(ROWS))
def test_answer_does_not_hang_on_capital_letters(row: Labelled) -> None:
    loud = Labelled(**{**vars(row), "text": row.text.upper()})
    assert loud.read().found is row.found


@given(st.text(max_size=300))
def test_layout_keeps_every_position(text: str) -> None:
    letter = lay_out(text)
    assert len(letter.own) == len(letter.folded) == len(text)
    assert "".join(letter.pieces) == letter.own
    assert fold(letter.folded) == letter.folded


@pytest.mark.parametrize("row", THREATS[::7])
def test_same_text_gets_the_same_answer(row: Labelled) -> None:
    assert row.read() == row.read()
