"""Where the value of an argument came from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.facts import Origin
from duress.trajectory import Message, Role

from .sessions import call, done, heard, says, system, user


def origin(value: Any, *messages: Message) -> Origin:
    return heard(*messages).about(call("book", value=value)).origin["value"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Harbour Road", "the shop in HARBOUR   road, please"),
        (1200.5, "I can pay 1,200.50 at most"),
        ("1200.50", "das sind 1.200,50 EUR"),
        (1860, "1860 copies"),
        ("HAT-045", "flight HAT045"),
        ("HAT045", "flight hat 045"),
        ("4111111111111111", "my card 4111 1111 1111 1111"),
        ("DE89370400440532013000", "IBAN: DE89 3704 0044 0532 0130 00."),
        ("2026-05-20", "on May 20th"),
        ("2026-05-20", "am 20.05.2026"),
        ("2026-05-03", "5月3日出发"),
        ("Bo.Lane@home.example", "tell bo.lane@HOME.example"),
        ("/srv/data/plan.csv", "open /srv/data/plan.csv"),
        ("Müller", "Frau Muller"),
        ("北京西路", "送到北京西路28号"),
        ("２８", "门牌28号"),
        ("Ada Lane <ada@home.example>", "ada@home.example"),
    ],
)
def test_a_value_that_a_user_gave_is_the_users_however_it_is_written(value: object, said: str):
    assert origin(value, user(said)) is Origin.USER


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("eve@evil.example", "evil at example, says eve"),
        ("ane@home.example", "bo.lane@home.example ane"),
        ("Harbour Street", "Harbour Road, Long Street"),
        ("1201", "1200, 1202"),
        ("0532", "1053299"),
        ("西京", "北京西路"),
        ("2026-05-20", "on May 21st"),
    ],
)
def test_what_nobody_said_comes_from_nowhere(value: object, said: str):
    assert origin(value, user(said)) is Origin.NOWHERE


def test_the_most_trusted_source_counts_and_each_is_told_apart():
    assert origin("K-17", user("K-17"), *done(call("read_mail", "1"), "K-17")) is Origin.USER
    assert origin("K-17", system("K-17"), *done(call("read_mail", "1"), "K-17")) is Origin.SYSTEM
    assert origin("K-17", *done(call("read_mail", "1"), "K-17")) is Origin.RESULT
    assert origin("K-17", says("I will take K-17")) is Origin.AGENT
    assert origin("K-17", *done(call("book", "1", value="K-17"))) is Origin.AGENT


def test_a_call_is_not_the_source_of_its_own_arguments():
    asked = call("book", "1", value="K-17")
    facts = heard(says("", asked))
    assert facts.about(asked).origin["value"] is Origin.NOWHERE


def test_results_in_json_are_read_without_their_escapes():
    text = json.dumps({"note": 'the so-called "Carrow\nQuay" / 码头', "n": 1}, ensure_ascii=True)
    assert origin("Carrow Quay", *done(call("read_mail", "1"), text)) is Origin.RESULT
    assert origin("码头", *done(call("read_mail", "1"), text)) is Origin.RESULT
    twice = json.dumps({"stdout": text})
    assert origin('"Carrow\nQuay"', *done(call("read_mail", "1"), twice)) is Origin.RESULT


LETTER = (
    "The survey boat took the soundings in calm weather and checked them against the gauges at the pier before "
    "the tide turned, so the depths on page eleven can be printed as they stand."
)


def test_a_long_text_comes_from_where_most_of_it_was_said():
    altered = LETTER.replace("calm weather", "fog").replace("page eleven", "page twelve") + " Regards"
    assert origin(altered, *done(call("read_mail", "1"), LETTER)) is Origin.RESULT
    halves = (user(LETTER[:90]), *done(call("read_mail", "1"), LETTER[90:]))
    assert origin(LETTER, *halves) is Origin.RESULT
    own = "We have thought about your question for a while and would rather meet on Thursday in the archive room."
    assert origin(own, *done(call("read_mail", "1"), LETTER)) is Origin.NOWHERE


def test_the_worst_part_of_a_nested_value_decides():
    said = (user("K-17 and K-18"), *done(call("read_mail", "1"), "K-19"))
    assert origin({"a": ["K-17"], "b": {"c": "K-18"}}, *said) is Origin.USER
    assert origin({"a": ["K-17"], "b": {"c": "K-19"}}, *said) is Origin.RESULT
    assert origin([["K-17", {"c": "K-99"}], "K-19", True], *said) is Origin.NOWHERE


@pytest.mark.parametrize(
    "value", [True, 3, 0, "economy", "HIGH", "round_trip", "", "  ", [], {}, "7", [False, 2]]
)
def test_too_little_to_come_from_somewhere_is_trivial(value: object):
    assert origin(value, user("hello")) is Origin.TRIVIAL


def test_null_is_absent():
    assert origin(None, user("hello")) is Origin.ABSENT


TEXT = st.text(st.sampled_from("ab cde,.-\n\"'\\/12 30.5汉字与 é@x"), min_size=1, max_size=60)


@given(said=TEXT)
def test_whatever_was_said_word_for_word_never_comes_from_nowhere(said: str):
    assert origin(said, user(said)) in (Origin.USER, Origin.TRIVIAL)


@given(said=TEXT, more=st.lists(TEXT, max_size=3))
def test_hearing_more_never_makes_an_origin_worse(said: str, more: list[str]):
    order = [Origin.TRIVIAL, Origin.USER, Origin.SYSTEM, Origin.RESULT, Origin.AGENT, Origin.NOWHERE]
    sources = [
        Message(role, text) for role, text in zip((Role.USER, Role.TOOL, Role.SYSTEM), more, strict=False)
    ]
    before = origin(said, *sources[:1])
    after = origin(said, *sources)
    # a word of an enumeration that somebody did say has an origin after all
    assert Origin.TRIVIAL in (before, after) or order.index(after) <= order.index(before)
