"""A question is bound to one call, answered by the right people, used once, and dies by itself."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.guard import KeeperError, Said
from duress.guard.decision import Source
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.keeper import Subject
from duress.guard.reviewers import Reviewers, Role
from duress.guard.votes import Votes
from guard.people.room import Asked, Hands, ask, entries, people, question, say, until


def test_an_approval_reaches_the_one_who_asked(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    asked = ask(keeper)
    say(keeper, ann, Said.APPROVE)
    assert (asked.answer.said, asked.answer.people) == (Said.APPROVE, ("ann",))
    assert asked.answer.binding == asked.request.binding


def test_people_see_all_that_it_takes_to_answer(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann", "ben")
    asked = ask(keeper, quorum=2)
    item = keeper.queue.item(asked.request.id)
    assert item is not None
    assert item.request == asked.request
    assert item.request.recent[-1].text == "Our account has changed."
    assert item.request.reasons[0].source is Source.POLICY
    assert set(item.put_to) == {"ann", "ben"}
    assert 50 < item.left <= 60


def test_an_answer_is_taken_once(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    request = question()
    assert keeper.put(request) is None
    say(keeper, ann, Said.APPROVE)
    taken = keeper.queue.take(request)
    assert taken is not None
    assert taken.said is Said.APPROVE
    with pytest.raises(KeeperError, match="it holds once"):
        keeper.queue.take(request)


def test_an_answer_holds_for_no_other_call(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    request = question()
    keeper.put(request)
    say(keeper, ann, Said.APPROVE)
    with pytest.raises(KeeperError, match="another call"):
        keeper.queue.take(question(id=request.id))


def test_a_question_is_not_put_twice(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")
    request = question()
    keeper.put(request)
    with pytest.raises(KeeperError):
        keeper.put(request)


@pytest.mark.parametrize("user", ["ann", "ANN", "ann@home.example", "annika"])
def test_the_requester_is_never_the_approver_under_whatever_name(keeper: EmbeddedKeeper, user: str) -> None:
    reviewers = Reviewers(keeper.state)
    ann = reviewers.add("ann", Role.ADMIN, mail="ann@home.example", login="annika", by="test")
    people(keeper.state, "ben")
    asked = ask(keeper, user=user)
    with pytest.raises(KeeperError, match="somebody else answers"):
        say(keeper, ann, Said.APPROVE)
    say(keeper, reviewers.get("ben"), Said.REJECT)
    assert asked.answer.people == ("ben",)


def test_the_owner_of_the_agent_is_not_the_approver_either(folder: Path) -> None:
    with EmbeddedKeeper(folder, owner="ann") as keeper:
        (ann, _) = people(keeper.state, "ann", "ben")
        ask(keeper)
        with pytest.raises(KeeperError, match="somebody else answers"):
            say(keeper, ann, Said.APPROVE)


def test_nobody_who_may_answer_is_a_denial_at_once(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "dana")
    people(keeper.state, "eve", role=Role.VIEWER)
    answer = keeper.ask(question(user="dana"))
    assert answer.said is Said.REFUSED
    assert "nobody besides whoever asked may answer" in answer.message


def test_a_viewer_cannot_answer(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")
    (eve,) = people(keeper.state, "eve", role=Role.VIEWER)
    ask(keeper)
    with pytest.raises(KeeperError, match="may look, not answer"):
        say(keeper, eve, Said.REJECT)


def test_a_quorum_needs_different_people(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    asked = ask(keeper, quorum=2)
    assert say(keeper, ann, Said.APPROVE).said is None
    assert say(keeper, ann, Said.APPROVE).said is None
    item = keeper.queue.waiting()[0]
    assert (item.agreed, [vote.reviewer for vote in item.votes]) == (1, ["ann"])
    assert say(keeper, ben, Said.APPROVE).said is Said.APPROVE
    assert set(asked.answer.people) == {"ann", "ben"}


def test_an_approver_who_lost_their_access_no_longer_counts(keeper: EmbeddedKeeper) -> None:
    ann, ben, cleo = people(keeper.state, "ann", "ben", "cleo")
    ask(keeper, quorum=2)
    say(keeper, ann, Said.APPROVE)
    Reviewers(keeper.state).change("ann", by="test", disabled=True)
    assert say(keeper, ben, Said.APPROVE).said is None
    assert say(keeper, cleo, Said.APPROVE).said is Said.APPROVE


def test_one_person_can_reject_what_several_must_approve(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    asked = ask(keeper, quorum=2)
    say(keeper, ann, Said.APPROVE)
    say(keeper, ben, Said.REJECT, message="the account is new")
    assert (asked.answer.said, asked.answer.message) == (Said.REJECT, "the account is new")


def test_an_edit_gives_the_agent_the_new_arguments(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    asked = ask(keeper)
    say(keeper, ann, Said.EDIT, arguments={"amount": "1.00", "account": "DE89"})
    assert asked.answer.said is Said.EDIT
    assert asked.answer.arguments == {"amount": "1.00", "account": "DE89"}


def test_approvals_of_the_old_arguments_do_not_count_for_edited_ones(keeper: EmbeddedKeeper) -> None:
    ann, ben, cleo = people(keeper.state, "ann", "ben", "cleo")
    asked = ask(keeper, quorum=2)
    before = keeper.queue.waiting()[0].binding
    say(keeper, ann, Said.APPROVE)
    assert say(keeper, ben, Said.EDIT, arguments={"amount": "1.00", "account": "DE89"}).said is None
    with pytest.raises(KeeperError, match="not what you were shown"):
        say(keeper, cleo, Said.APPROVE, binding=before)
    assert say(keeper, cleo, Said.APPROVE).said is Said.EDIT
    assert set(asked.answer.people) == {"ben", "cleo"}


def test_who_had_approved_still_has_after_an_edit_was_taken_back(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    asked = ask(keeper, quorum=2)
    say(keeper, ann, Said.APPROVE)
    say(keeper, ben, Said.EDIT, arguments={"amount": "1.00", "account": "DE89"})
    outcome = say(keeper, ben, Said.EDIT, arguments=asked.request.arguments)
    assert outcome.said is Said.APPROVE
    assert asked.answer.arguments is None


def test_an_answer_in_place_of_the_tool_needs_the_quorum_too(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    asked = ask(keeper, quorum=2)
    assert say(keeper, ann, Said.ANSWER, message="It was paid last week.").said is None
    assert say(keeper, ben, Said.APPROVE).said is Said.ANSWER
    assert asked.answer.message == "It was paid last week."
    assert set(asked.answer.people) == {"ann", "ben"}


def test_termination_is_told(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    asked = ask(keeper)
    say(keeper, ann, Said.TERMINATE)
    assert asked.answer.said is Said.TERMINATE


def test_what_is_settled_stays_so(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    asked = ask(keeper)
    say(keeper, ann, Said.REJECT)
    with pytest.raises(KeeperError, match="is settled"):
        say(keeper, ben, Said.APPROVE, asked.request)


def test_a_result_is_released_or_replaced_not_edited(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    ask(keeper, subject=Subject.RELEASE, result="a diagnosis")
    with pytest.raises(KeeperError, match="call is over"):
        say(keeper, ann, Said.EDIT, arguments={})


# ---- time ------------------------------------------------------------------------------------------


def test_no_answer_in_time_is_a_denial(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")
    asked = Asked(keeper.ask, question(seconds=0.3))
    assert asked.answer.said is Said.EXPIRED


@pytest.mark.parametrize("jump", [-3600.0, 0.0, 3600.0])
def test_setting_the_clock_gives_an_approval_no_longer_life(folder: Path, jump: float) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        (ann,) = people(keeper.state, "ann")
        request = question(at=hands.wall)
        keeper.put(request)
        say(keeper, ann, Said.APPROVE)
        hands.wall += jump
        hands.pass_by(61)
        taken = keeper.queue.take(request)
        assert taken is not None
        assert taken.said is Said.EXPIRED


def test_a_clock_that_was_set_back_does_not_open_a_question_again(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        (ann,) = people(keeper.state, "ann")
        request = question(at=hands.wall)
        keeper.put(request)
        hands.pass_by(61)
        hands.wall -= 3600
        with pytest.raises(KeeperError, match="settled: expired"):
            say(keeper, ann, Said.APPROVE, request)


def test_after_a_restart_of_the_machine_a_clock_that_went_back_ends_all_questions(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        people(keeper.state, "ann")
        keeper.put(question(at=hands.wall))
        assert len(keeper.queue.waiting()) == 1
        hands.boot, hands.run = "second", 5.0
        hands.wall -= 1
        assert keeper.queue.waiting() == []


def test_a_question_that_came_late_is_not_asked(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")
    assert keeper.ask(question(seconds=-1)).said is Said.EXPIRED


# ---- equal questions, limits ----------------------------------------------------------------------


def test_equal_questions_are_answered_in_one_act_and_each_is_used_once(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    asked = [ask(keeper, session=f"s{number}") for number in range(5)]
    other = ask(keeper, arguments={"amount": "9", "account": "X"})
    waiting = keeper.queue.waiting()
    equal = {item.request.id: item.binding for item in waiting if item.batch == waiting[0].batch}
    assert len(equal) == 5
    Votes(keeper.state).cast_all(equal, ann, Said.APPROVE)
    assert {one.answer.binding for one in asked} == {one.request.binding for one in asked}
    for one in asked:
        with pytest.raises(KeeperError, match="holds once"):
            keeper.queue.take(one.request)
    assert [item.request.id for item in keeper.queue.waiting()] == [other.request.id]


def test_unequal_questions_are_not_answered_together(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    ask(keeper)
    ask(keeper, arguments={"amount": "9", "account": "X"})
    bindings = {item.request.id: item.binding for item in keeper.queue.waiting()}
    with pytest.raises(KeeperError, match="not equal"):
        Votes(keeper.state).cast_all(bindings, ann, Said.APPROVE)
    assert len(keeper.queue.waiting()) == 2


def test_together_is_all_or_none(keeper: EmbeddedKeeper) -> None:
    ann, ben = people(keeper.state, "ann", "ben")
    first, _ = ask(keeper), ask(keeper)
    bindings = {item.request.id: item.binding for item in keeper.queue.waiting()}
    say(keeper, ben, Said.REJECT, first.request)
    with pytest.raises(KeeperError, match="settled"):
        Votes(keeper.state).cast_all(bindings, ann, Said.APPROVE)
    assert [item.votes for item in keeper.queue.waiting()] == [()]


def test_beyond_the_limit_calls_are_denied_with_the_reason(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann", "ben")
    for number in range(4):
        ask(keeper, per_hour=2, arguments={"number": number})
    answer = keeper.ask(question(per_hour=2, arguments={"number": 5}))
    assert answer.said is Said.REFUSED
    assert "asked 2 times within the hour" in answer.message
    assert {tuple(item.put_to) for item in keeper.queue.waiting()} == {("ann",), ("ben",)}


def test_an_equal_question_that_waits_already_interrupts_nobody_again(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")
    for _ in range(3):
        ask(keeper, per_hour=1)
    assert len(keeper.queue.waiting()) == 3


def test_the_limit_is_per_hour_whatever_the_wall_clock_says(folder: Path) -> None:
    hands = Hands()
    with EmbeddedKeeper(folder, clock=hands) as keeper:
        people(keeper.state, "ann")
        assert keeper.put(question(at=hands.wall, per_hour=1, arguments={"n": 1})) is None
        hands.wall += 7200
        refused = keeper.put(question(at=hands.wall, per_hour=1, arguments={"n": 2}))
        assert refused is not None
        assert refused.said is Said.REFUSED
        hands.run += 3601
        assert keeper.put(question(at=hands.wall, per_hour=1, arguments={"n": 3})) is None


# ---- waiting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_wait_without_blocking_one_another(keeper: EmbeddedKeeper, backend: str) -> None:
    (ann,) = people(keeper.state, "ann")
    requests = [question(session=f"s{number}") for number in range(20)]
    said: list[Said] = []

    async def one(number: int) -> None:
        said.append((await keeper.ask_async(requests[number])).said)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(one, number)
            with anyio.fail_after(20):
                while len(keeper.queue.waiting()) < 20:
                    await anyio.sleep(0.01)
            bindings = {item.request.id: item.binding for item in keeper.queue.waiting()}
            Votes(keeper.state).cast_all(bindings, ann, Said.APPROVE)

    anyio.run(main, backend=backend)
    assert said == [Said.APPROVE] * 20


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_question_is_taken_back(keeper: EmbeddedKeeper, backend: str) -> None:
    (ann,) = people(keeper.state, "ann")
    request = question()

    async def main() -> None:
        with anyio.move_on_after(0.3):
            await keeper.ask_async(request)

    anyio.run(main, backend=backend)
    assert keeper.queue.waiting() == []
    with pytest.raises(KeeperError, match="settled: refused"):
        say(keeper, ann, Said.APPROVE, request)


def test_every_look_and_every_answer_is_in_the_record(keeper: EmbeddedKeeper, folder: Path) -> None:
    (ann,) = people(keeper.state, "ann")
    asked = ask(keeper)
    Votes(keeper.state).see([asked.request.id], "ann", "page")
    Votes(keeper.state).see([asked.request.id], "ann", "page")
    say(keeper, ann, Said.REJECT, message="no", through="page")
    _ = asked.answer
    until(lambda: entries(folder, "vote"))
    (look,) = entries(folder, "view")
    assert look.body is not None
    assert (look.body["person"], look.body["requests"]) == ("ann", [asked.request.id])
    (vote,) = entries(folder, "vote")
    assert vote.body is not None
    told = {name: vote.body[name] for name in ("person", "said", "message", "request", "through")}
    assert told == {
        "person": "ann",
        "said": "reject",
        "message": "no",
        "request": asked.request.id,
        "through": "page",
    }


def test_secrets_and_card_numbers_do_not_enter_the_record(keeper: EmbeddedKeeper, folder: Path) -> None:
    from guard.people.room import intent

    keeper.record([intent(arguments={"body": "card 4111 1111 1111 1111", "to": "ines@home.example"})])
    (found,) = entries(folder, "intent")
    text = json.dumps(found.body)
    assert "4111 1111" not in text
    assert "ines@home.example" in text


PEOPLE = ("ann", "ben", "cleo", "dana")
ACTS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE),
        st.sampled_from(["approve", "edit", "back", "answer", "disable", "enable", "stale"]),
        st.sampled_from(["1", "2"]),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(acts=ACTS, quorum=st.integers(1, 3))
def test_nothing_runs_without_a_quorum_of_people_who_may(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, str, str]], quorum: int
) -> None:
    """Whatever people do in whatever order, a go-ahead names enough of those who may, none of them barred."""
    folder = tmp_path_factory.mktemp("room") / secrets.token_hex(4)
    with EmbeddedKeeper(folder) as keeper:
        reviewers = Reviewers(keeper.state)
        people(keeper.state, *PEOPLE)
        request = question(quorum=quorum, user="dana")
        assert keeper.put(request) is None
        first = keeper.queue.waiting()[0].binding
        may = set(PEOPLE) - {"dana"}
        agreed: dict[str, str] = {}
        for name, act, value in acts:
            item = keeper.queue.item(request.id)
            assert item is not None
            if not item.waits:
                break
            if act in ("disable", "enable"):
                reviewers.change(name, by="test", disabled=act == "disable")
                (may.discard if act == "disable" else may.add)(name)
                may.discard("dana")
                continue
            stale = act == "stale"
            said = {"back": Said.EDIT, "edit": Said.EDIT, "answer": Said.ANSWER}.get(act, Said.APPROVE)
            arguments = {"back": request.arguments, "edit": {"amount": value}}.get(act)
            try:
                Votes(keeper.state).cast(
                    request.id,
                    reviewers.get(name),
                    said,
                    binding=first if stale else item.binding,
                    message=value if act == "answer" else "",
                    arguments=arguments,
                )
            except KeeperError:
                assert name not in may or (stale and item.binding != first)
                continue
            assert name in may
            now = keeper.queue.item(request.id)
            assert now is not None
            agreed[name] = now.binding
        item = keeper.queue.item(request.id)
        assert item is not None
        supporters = {name for name, binding in agreed.items() if binding == item.binding} & may
        if item.said is not None:
            assert set(item.people) <= may
            assert len(set(item.people)) >= quorum
        else:
            assert len(supporters) < quorum
