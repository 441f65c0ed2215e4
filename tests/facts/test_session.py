"""What a session has shown so far, as the facts of the next call tell it."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.facts import DataClass, Effect, Profile, SessionFacts
from duress.trajectory import Message, Role, ToolError

from .sessions import OFFICE, call, done, heard, result, says, user


def test_an_empty_session_has_every_fact():
    facts = SessionFacts(Profile()).about(call("anything"))
    assert facts.effect is Effect.UNKNOWN
    assert (facts.calls, facts.calls_in_window, facts.rejections, facts.rebuffs, facts.seconds) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert (facts.recipients, facts.read_classes, facts.call_classes, facts.origin) == ((), (), (), {})
    assert (facts.amount, facts.spent) == (0, 0)
    assert not facts.shutdown_threat and not facts.goal_clash


def test_only_calls_that_ran_are_counted_and_rejected_ones_apart():
    facts = heard(
        *done(call("send_mail", "1")),
        says(
            "", call("send_mail", "2"), call("send_mail", "3"), call("nothing", "4"), call("send_mail", "5")
        ),
        result("no", "2", ToolError.REJECTED),
        result("?", "3", ToolError.MALFORMED),
        result("?", "4", ToolError.UNKNOWN_TOOL),
        result("no such message", "5", ToolError.FAILED),
    ).about(call("send_mail"))
    assert (facts.calls, facts.calls_of_tool, facts.rejections) == (2, 2, 1)


def test_a_call_that_was_let_through_counts_at_once_and_only_once():
    facts = heard(says("", call("pay", "1", sum=30), call("pay", "2", sum=30)))
    facts.start(call("pay", "1", sum=30), at=1.0)
    seen = facts.about(call("pay", "2", sum=30), at=1.0)
    assert (seen.calls_of_tool, seen.spent) == (1, 30)
    facts.hear(result("paid", "1"))
    assert facts.about(call("pay")).spent == 30


def test_an_id_that_is_used_again_is_another_call():
    facts = heard(*done(call("pay", "1", sum=5)), *done(call("pay", "1", sum=5)))
    facts.start(call("pay", "1", sum=5))
    assert facts.about(call("pay")).spent == 15


def test_results_that_do_not_say_what_they_answer_come_in_order():
    facts = heard(
        says("", call("pay", "1", sum=5), call("book", "2")),
        Message(Role.TOOL, "paid"),
        Message(Role.TOOL, "booked"),
    ).about(call("book"))
    assert (facts.calls, facts.calls_of_tool, facts.spent) == (2, 1, 5)


def test_calls_leave_the_window_and_the_session_grows_old():
    facts = heard(*(one for at in (0, 50, 100) for one in done(call("book", str(at)), at=float(at))))
    seen = facts.about(call("book"), at=110.9)
    assert (seen.calls, seen.calls_in_window, seen.seconds) == (3, 1, 110)
    assert facts.about(call("book"), at=110.0).calls_in_window == 2
    assert facts.about(call("send_mail"), at=110.0).calls_of_tool_in_window == 0


def test_a_clock_that_is_set_back_opens_no_new_window():
    facts = heard(*done(call("book", "1"), at=1000.0), *done(call("book", "2"), at=3.0))
    seen = facts.about(call("book"), at=4.0)
    assert (seen.calls_in_window, seen.seconds) == (2, 0)


def test_calls_whose_time_nobody_took_are_in_every_window():
    facts = heard(*done(call("book", "1")), *done(call("book", "2"), at=5.0))
    assert facts.about(call("book"), at=1e9).calls_in_window == 1
    assert heard(*done(call("book", "1")), *done(call("book", "2"))).about(call("book")).calls_in_window == 2


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        (12, "12"),
        (12.5, "12.5"),
        ("1,200.50", "1200.50"),
        ("$1,200", "1200"),
        ("1.200,50 EUR", "1200.50"),
        ("￥300", "300"),
        (-40, "40"),
        ([10, "5"], "15"),
        (None, "0"),
        ("all of it", "Infinity"),
        ("nan", "Infinity"),
        (True, "Infinity"),
    ],
)
def test_money_is_read_and_what_cannot_be_read_is_more_than_any_budget(given: object, amount: str):
    assert heard().about(call("pay", sum=given)).amount == Decimal(amount)


def test_a_negative_amount_gives_no_budget_back():
    facts = heard(*done(call("pay", "1", sum=80)), *done(call("pay", "2", sum=-80)))
    assert facts.about(call("pay")).spent == 160


def test_classes_of_data_are_those_read_and_those_in_the_call():
    facts = heard(
        *done(call("read_mail", "1"), "the card is 4111 1111 1111 1111"),
        *done(call("read_mail", "2"), "she was diagnosed with epilepsy"),
    ).about(call("send_mail", to=["bo@home.example"], body="The door code is 4711-X."))
    assert facts.read_classes == (DataClass.PAYMENT, DataClass.HEALTH)
    assert facts.call_classes == (DataClass.SECRET,)


def test_the_name_of_an_argument_tells_what_its_value_is():
    assert heard().about(call("book", password="correct-horse-9")).call_classes == (DataClass.SECRET,)
    assert heard().about(call("book", card=4111111111111111)).call_classes == (DataClass.PAYMENT,)


def test_asking_changes_nothing():
    facts = heard(user("Write to bo@home.example", at=1.0), *done(call("book", "1"), at=2.0))
    asked = call("pay", payee={"account": "x"}, sum=9)
    first = facts.about(asked, at=50.0)
    for at in (60.0, 1e9, None):
        facts.about(asked, at=at)
    assert facts.about(asked, at=50.0) == first


WORDS = st.lists(
    st.sampled_from(
        ["pay", "the", "12", "1,200", "bo@home.example", "汇款", "给", "王五", "x\ty", "\\n", "é"]
    ),
    max_size=12,
)
MESSAGES = st.lists(
    st.tuples(st.sampled_from(Role), WORDS.map(" ".join), st.one_of(st.none(), st.floats(0, 1e6))), max_size=8
)


@settings(max_examples=40)
@given(
    said=MESSAGES, value=st.recursive(st.one_of(st.none(), st.booleans(), st.floats(), st.text()), st.lists)
)
def test_any_session_and_any_arguments_have_facts(said: list[tuple[Role, str, float | None]], value: object):
    facts = heard(*(Message(role, text, at=at) for role, text, at in said))
    for tool in (*OFFICE.tools, "unknown"):
        seen = facts.about(call(tool, to=value, sum=value, payee={"account": value}, body=value))
        assert set(seen.origin) == {"to", "sum", "payee", "body"}
        assert set(seen.new_recipients) | set(seen.outside_recipients) <= set(seen.recipients)


def test_importing_the_facts_loads_nothing_heavy():
    heavy = ["pydantic", "yaml", "inspect_ai", "polars", "scipy", "httpx", "cryptography", "duress.scenario"]
    code = f"import sys, duress.facts; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
