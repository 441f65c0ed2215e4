"""Break-glass: two people, for a while, for one agent; never beyond what is forbidden or stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from duress.guard import Guard, KeeperError, Said
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.reviewers import Reviewers, Role
from duress.guard.stops import Scope
from guard.office import OUT, call, policy
from guard.people.room import Hands, entries, intent, people, until


def test_one_person_alone_opens_nothing(keeper: EmbeddedKeeper) -> None:
    ann, _ = people(keeper.state, "ann", "ben")
    made = keeper.overrides.begin("clerk", "pay", seconds=600, reason="flood", who=ann)
    assert keeper.override("s1", "clerk", "pay") is None
    with pytest.raises(KeeperError, match="two people"):
        keeper.overrides.sign(made.id, ann)
    assert keeper.override("s1", "clerk", "pay") is None


def test_two_names_of_one_account_are_one_person(keeper: EmbeddedKeeper) -> None:
    reviewers = Reviewers(keeper.state)
    ann = reviewers.add("ann", Role.REVIEWER, login="annika", by="test")
    also = reviewers.add("boss", Role.ADMIN, login="annika", by="test")
    made = keeper.overrides.begin("clerk", "pay", seconds=600, reason="flood", who=ann)
    with pytest.raises(KeeperError, match="two people"):
        keeper.overrides.sign(made.id, also)


def test_it_is_open_for_its_agent_and_tool_only(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    made = keeper.overrides.begin("clerk", "pay", seconds=600, reason="flood", who=ann)
    keeper.overrides.sign(made.id, ben)
    found = keeper.override("s1", "clerk", "pay")
    assert found is not None
    assert "ann and ben: flood" in found
    assert keeper.override("s1", "clerk", "send_mail") is None
    assert keeper.override("s1", "other", "pay") is None


def test_a_star_is_every_tool_of_the_agent(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    keeper.overrides.sign(keeper.overrides.begin("clerk", "*", seconds=60, reason="flood", who=ann).id, ben)
    assert keeper.override("s1", "clerk", "anything") is not None
    assert keeper.override("s1", "other", "anything") is None


@pytest.mark.parametrize("jump", [-7200.0, 0.0])
def test_it_ends_by_itself_whatever_the_wall_clock_says(folder: Path, jump: float) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        ann, ben = people(keeper.state, "ann", "ben")
        keeper.overrides.sign(
            keeper.overrides.begin("clerk", "pay", seconds=600, reason="flood", who=ann).id, ben
        )
        hands.pass_by(599)
        assert keeper.override("s1", "clerk", "pay") is not None
        hands.wall += jump
        hands.pass_by(2)
        assert keeper.override("s1", "clerk", "pay") is None


def test_the_second_signature_comes_soon_or_not_at_all(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        ann, ben = people(keeper.state, "ann", "ben")
        made = keeper.overrides.begin("clerk", "pay", seconds=600, reason="flood", who=ann)
        hands.pass_by(901)
        with pytest.raises(KeeperError, match="ask for a new one"):
            keeper.overrides.sign(made.id, ben)


@pytest.mark.parametrize("seconds", [0, -5, 4 * 3600 + 1])
def test_it_does_not_last_longer_than_a_shift(keeper: EmbeddedKeeper, seconds: float) -> None:
    (ann,) = people(keeper.state, "ann")
    with pytest.raises(KeeperError, match="240 minutes"):
        keeper.overrides.begin("clerk", "pay", seconds=seconds, reason="flood", who=ann)


def test_viewers_take_no_part(keeper: EmbeddedKeeper) -> None:
    (eve,) = people(keeper.state, "eve", role=Role.VIEWER)
    with pytest.raises(KeeperError, match="may look"):
        keeper.overrides.begin("clerk", "pay", seconds=60, reason="flood", who=eve)


def test_it_ends_with_the_access_of_one_who_signed(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    keeper.overrides.sign(keeper.overrides.begin("clerk", "pay", seconds=60, reason="flood", who=ann).id, ben)
    Reviewers(keeper.state).change("ben", by="test", disabled=True)
    assert keeper.override("s1", "clerk", "pay") is None


def test_who_signed_cannot_use_it_for_their_own_session(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    keeper.overrides.sign(keeper.overrides.begin("clerk", "pay", seconds=60, reason="flood", who=ann).id, ben)
    keeper.record([intent("s-of-ben", user="ben"), intent("s-of-dana", user="dana")])
    assert keeper.override("s-of-ben", "clerk", "pay") is None
    assert keeper.override("s-of-dana", "clerk", "pay") is not None


def test_any_one_person_ends_it(keeper: EmbeddedKeeper) -> None:
    ann, ben, cleo = people(keeper.state, "ann", "ben", "cleo")
    made = keeper.overrides.begin("clerk", "pay", seconds=60, reason="flood", who=ann)
    keeper.overrides.sign(made.id, ben)
    keeper.overrides.end(made.id, cleo)
    assert keeper.override("s1", "clerk", "pay") is None


def test_asked_calls_pass_and_forbidden_and_stopped_ones_do_not(keeper: EmbeddedKeeper, folder: Path) -> None:
    """Through the guard itself: what asks passes with the override's name in the record, what is denied does not."""
    ann, ben = people(keeper.state, "ann", "ben")
    guard = Guard(policy(), keeper)
    session = guard.session(agent="clerk", user="dana")
    keeper.overrides.sign(keeper.overrides.begin("clerk", "*", seconds=60, reason="flood", who=ann).id, ben)
    ran: list[str] = []

    def run(tool: str, arguments: dict[str, object]) -> bool:
        result = guard.enforce(call(tool, **arguments), session, lambda _: ran.append(tool) or "done")
        return result.ran

    assert run("send_mail", OUT)
    assert not run("pay", {"amount": 5000, "account": "DE89"})
    assert not run("wipe", {})
    keeper.stop(Scope.AGENT, "clerk", person="ann")
    assert not run("send_mail", OUT)
    assert ran == ["send_mail"]
    (told,) = [entry.body for entry in entries(folder, "intent")]
    assert told is not None
    assert any("override" in reason[1] and "ann and ben" in reason[1] for reason in told["reasons"])
    until(lambda: entries(folder, "override"))
    acts = [entry.body["act"] for entry in entries(folder, "override") if entry.body]
    assert acts == ["asked", "opened"]


def test_said_is_not_needed(keeper: EmbeddedKeeper) -> None:
    """An override answers for people: nobody is asked, nothing waits."""
    ann, ben = people(keeper.state, "ann", "ben")
    guard = Guard(policy(), keeper)
    keeper.overrides.sign(keeper.overrides.begin("clerk", "*", seconds=60, reason="flood", who=ann).id, ben)
    guard.before(call("send_mail", **OUT), guard.session(agent="clerk"))
    assert keeper.queue.recent() == []
    assert Said.APPROVE not in {item.said for item in keeper.queue.recent()}
