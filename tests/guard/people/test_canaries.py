"""Known-bad questions show whether people still read, and never run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.guard import KeeperError, Said
from duress.guard.canaries import Canaries, spoiled, wilson
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.keeper import Subject
from duress.guard.question import Item
from duress.guard.stops import Scope
from duress.guard.votes import Votes
from duress.stats import proportion
from guard.people.room import Hands, entries, people, question, until

MAIL = {"to": ["ines@home.example"], "body": "See you at noon.", "subject": "Lunch"}


def mixed(keeper: EmbeddedKeeper, hands: Hands, **changes: object) -> Item:
    """Put a real question and mix in a known-bad one; return it once it has come up."""
    request = question(at=hands.wall, tool="send_mail", arguments=MAIL, seconds=600, canaries=1.0, **changes)
    keeper.put(request)
    hands.pass_by(121)
    return next(item for item in keeper.queue.waiting() if item.request.arguments != MAIL)


def test_it_looks_like_a_real_one_and_is_bad(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        people(keeper.state, "ann")
        bad = mixed(keeper, hands)
        assert (bad.request.tool, bad.request.agent, bad.request.subject) == (
            "send_mail",
            "clerk",
            Subject.CALL,
        )
        assert bad.request.arguments.keys() == MAIL.keys()
        assert bad.request.arguments["subject"] == "Lunch"
        assert bad.request.arguments["to"] != MAIL["to"]
        assert isinstance(bad.request.arguments["to"], list)
        assert not bad.known_bad, "people are told afterwards"


def test_it_does_not_come_up_beside_the_real_one(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        people(keeper.state, "ann")
        keeper.canaries = Canaries(keeper.state, random.Random(1))
        keeper.put(question(at=hands.wall, tool="send_mail", arguments=MAIL, seconds=600, canaries=1.0))
        assert [item.request.arguments for item in keeper.queue.waiting()] == [MAIL]
        hands.pass_by(121)
        assert len(keeper.queue.waiting()) == 2


def test_nothing_ever_runs_by_it(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        (ann,) = people(keeper.state, "ann")
        bad = mixed(keeper, hands)
        outcome = Votes(keeper.state).cast(bad.request.id, ann, Said.APPROVE, binding=bad.binding)
        assert outcome.caught is False
        with pytest.raises(KeeperError, match="another call"):
            keeper.queue.take(bad.request)


@pytest.mark.parametrize(
    ("said", "more", "caught"),
    [
        (Said.APPROVE, {}, False),
        (Said.REJECT, {}, True),
        (Said.TERMINATE, {}, True),
        (Said.ANSWER, {"message": "no"}, True),
        (Said.EDIT, {"arguments": {"to": []}}, True),
    ],
)
def test_all_but_an_approval_is_noticing(
    folder: Path, said: Said, more: dict[str, object], caught: bool
) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        ann, _ = people(keeper.state, "ann", "ben")
        bad = mixed(keeper, hands, quorum=2)
        outcome = Votes(keeper.state).cast(bad.request.id, ann, said, binding=bad.binding, **more)  # type: ignore[arg-type]
        assert outcome.caught is caught
        settled = keeper.queue.item(bad.request.id)
        assert settled is not None
        assert settled.known_bad
        measure = {one.reviewer: one for one in keeper.canaries.measures()}
        assert (measure["ann"].asked, measure["ann"].missed) == (1, int(not caught))
        assert measure["ben"].share is None
    until(lambda: entries(folder, "vote"))
    body = entries(folder, "vote")[0].body
    assert body is not None
    assert body["known_bad"] is True


def test_one_that_nobody_answers_counts_for_nobody(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        people(keeper.state, "ann")
        mixed(keeper, hands)
        hands.pass_by(1000)
        assert keeper.queue.waiting() == []
        assert keeper.canaries.unanswered() == 1
        assert all(one.asked == 0 for one in keeper.canaries.measures())


def test_a_stop_ends_those_too(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        people(keeper.state, "ann")
        mixed(keeper, hands)
        keeper.stop(Scope.ALL, "", person="ann")
        assert keeper.queue.waiting() == []


def test_they_count_as_interruptions(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        people(keeper.state, "ann")
        mixed(keeper, hands, per_hour=2)
        refused = keeper.put(question(at=hands.wall, per_hour=2, arguments={"n": 1}))
        assert refused is not None
        assert "asked 2 times" in refused.message


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_they_come_at_the_stated_rate(folder: Path, rate: float) -> None:
    with EmbeddedKeeper(folder) as keeper:
        people(keeper.state, "ann")
        canaries = Canaries(keeper.state, random.Random(7))
        request = question(tool="send_mail", arguments=MAIL, canaries=rate)
        keeper.queue.put(request)
        count = sum(canaries.mix(request) for _ in range(300))
        assert abs(count / 300 - rate) < 0.08


def test_a_call_without_an_argument_that_could_be_bad_is_left_alone() -> None:
    assert spoiled(question(arguments={"amount": "3", "confirm": True}), random.Random(1)) is None


def test_chinese_questions_get_chinese_ones() -> None:
    text = spoiled(question(arguments={"body": "明天见"}), random.Random(1))
    assert text is not None
    assert any("\u4e00" <= character <= "\u9fff" for character in text["body"])


@given(asked=st.integers(1, 300), share=st.floats(0, 1))
def test_the_interval_is_the_one_of_the_statistics_room(asked: int, share: float) -> None:
    missed = round(asked * share)
    theirs = proportion.wilson(missed, asked)
    low, high = wilson(missed, asked)
    assert low == pytest.approx(theirs.low, abs=1e-9)
    assert high == pytest.approx(theirs.high, abs=1e-9)


def test_what_people_were_shown_is_forgotten_after_a_month_and_the_measure_is_not(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        (ann,) = people(keeper.state, "ann")
        bad = mixed(keeper, hands)
        votes = Votes(keeper.state)
        for item in keeper.queue.waiting():
            votes.see([item.request.id], "ann")
            votes.cast(item.request.id, ann, Said.APPROVE, binding=item.binding)
        hands.pass_by(29 * 86400)
        assert keeper.queue.forget() == 0
        hands.pass_by(2 * 86400)
        assert keeper.queue.forget() == 1
        (left,) = keeper.queue.recent()
        assert left.request.id == bad.request.id
        assert (left.request.arguments, left.request.recent) == ({}, ())
        assert keeper.canaries.measures()[0].missed == 1
