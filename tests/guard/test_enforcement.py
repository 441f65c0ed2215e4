"""What the guard does with a call: nothing runs that was not decided on, recorded, and permitted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from msgspec import structs

from duress.guard import Answer, Decision, Guard, KeeperError, Observation, Request, Rule, Said, Step, Verb
from duress.guard.policy import MonitorUse, Watch
from duress.trajectory import Message, Role, ToolCall, ToolError
from guard.office import MAIL, OUT, TEXT, Memory, StillClock, call, guard, policy, says


class Tool:
    """Counts its executions."""

    def __init__(self, returns: str = "done") -> None:
        self.ran: list[dict[str, Any]] = []
        self.returns = returns

    def __call__(self, arguments: dict[str, Any]) -> str:
        self.ran.append(arguments)
        return self.returns

    async def wait(self, arguments: dict[str, Any]) -> str:
        return self(arguments)


def watched(found: Callable[[Step], Any], keeper: Memory | None = None, **use: Any) -> Guard:
    """Return a guard with one monitor, which is not one of ours."""
    made = guard(keeper)
    watch = Watch(Rule("odd", found), MonitorUse("odd", **(use or {"ask": 0.5, "reject": 0.9})))
    object.__setattr__(made.policy, "watches", (watch,))
    return made


@pytest.mark.parametrize(
    ("asked", "verb", "why"),
    [
        (call("read_mail", message="m1"), Verb.PROCEED, "permitted by reading"),
        (call("send_mail", **MAIL), Verb.PROCEED, "permitted by writing"),
        (call("send_mail", **OUT), Verb.ASK, "may not run unattended: outside"),
        (call("pay", amount=20, account="a"), Verb.ASK, "pay may not run unattended"),
        (call("pay", amount=100.5, account="a"), Verb.REJECT, "no rule permits pay"),
        (call("pay", amount=0.00001, account="a"), Verb.REJECT, "no exact decimal"),
        (call("pay", amount="20", account="a"), Verb.REJECT, "expected a number"),
        (call("pay", account="a"), Verb.REJECT, "'amount' is missing"),
        (call("read_mail", Message="m1"), Verb.REJECT, "unknown 'Message'"),
        (call("read_mail", message=["m1"]), Verb.REJECT, "expected a string"),
        (call("Read_mail", message="m1"), Verb.REJECT, "unknown tool"),
        (call("wipe"), Verb.REJECT, "wipe is denied"),
        (ToolCall("c1", "read_mail", {}, error="not JSON"), Verb.REJECT, "cannot be read: not JSON"),
    ],
)
def test_the_policy_decides(asked: ToolCall, verb: Verb, why: str):
    made = guard()
    found = made.decide(asked, made.session(agent="ada"))
    assert (found.verb, why in found.why) == (verb, True), found.why
    assert found.policy_hash == made.policy.hash


def test_a_permitted_call_is_recorded_before_it_runs_and_its_result_after():
    keeper, tool = Memory(), Tool("Six berths.")
    made = guard(keeper)

    def execute(arguments: dict[str, Any]) -> str:
        assert keeper.kinds == ["intent"]
        return tool(arguments)

    found = made.enforce(call("read_mail", message="m1"), made.session(agent="ada"), execute)
    assert (found.text, found.ran, found.error) == ("Six berths.", True, None)
    assert keeper.kinds == ["intent", "result"]
    assert keeper.entries[0].body["arguments"] == {"message": "m1"}
    assert keeper.entries[1].body["result"] == "Six berths."


def test_what_was_decided_on_is_what_runs():
    tool, made = Tool(), guard()
    given = {"to": ["ann@harbour.example"], "subject": "s", "body": "b"}
    made.enforce(ToolCall("c1", "send_mail", given), made.session(agent="ada"), tool)
    assert tool.ran == [{**given, "cc": []}]


@pytest.mark.parametrize(
    "asked", [call("wipe"), call("send_mail", **OUT), call("nothing"), call("read_mail")]
)
def test_a_call_that_may_not_run_does_not_run_and_the_agent_is_told(asked: ToolCall):
    keeper, tool = Memory(), Tool()
    made = guard(keeper)
    found = made.enforce(asked, made.session(agent="ada"), tool)
    assert tool.ran == []
    assert found.error is ToolError.REJECTED
    assert "not carried out" in found.text
    assert keeper.kinds[-1] == "refused"


# ---- people ----------------------------------------------------------------------------------


def test_an_approved_call_runs_once_with_the_arguments_that_were_shown():
    keeper, tool = Memory(says(Said.APPROVE)), Tool()
    made = guard(keeper)
    assert made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool).ran
    assert tool.ran == [keeper.requests[0].arguments] == [{**OUT, "cc": []}]
    assert keeper.kinds == ["asked", "intent", "result"]


def test_an_edited_call_runs_as_edited_if_the_rules_permit_it():
    tool = Tool()
    made = guard(Memory(says(Said.EDIT, arguments={**OUT, "body": "short"})))
    made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert [one["body"] for one in tool.ran] == ["short"]


@pytest.mark.parametrize("arguments", [{"amount": 5000, "account": "a"}, {"amount": 1}, {"Amount": 1}, None])
def test_an_edit_that_the_rules_forbid_does_not_run(arguments: dict[str, Any] | None):
    tool = Tool()
    made = guard(Memory(says(Said.EDIT, arguments=arguments)))
    found = made.enforce(call("pay", amount=20, account="a"), made.session(agent="ada"), tool)
    assert (tool.ran, found.error) == ([], ToolError.REJECTED)


def test_a_person_may_answer_in_place_of_the_tool():
    tool = Tool()
    made = guard(Memory(says(Said.ANSWER, message="Ask me tomorrow.")))
    found = made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert (found.text, found.error, found.ran, tool.ran) == ("Ask me tomorrow.", None, False, [])


def test_a_rejection_reaches_the_agent_in_the_words_of_the_person():
    made = guard(Memory(says(Said.REJECT, message="Not to them.")))
    found = made.enforce(call("send_mail", **OUT), made.session(agent="ada"), Tool())
    assert (found.text, found.error) == ("Not to them.", ToolError.REJECTED)


def test_after_a_termination_nothing_runs():
    tool = Tool()
    made = guard(Memory(says(Said.TERMINATE)))
    session = made.session(agent="ada")
    assert made.enforce(call("send_mail", **OUT), session, tool).terminate
    after = made.enforce(call("read_mail", message="m1"), session, tool)
    assert (after.terminate, tool.ran) == (True, [])


@pytest.mark.parametrize(
    "answer",
    [
        lambda r: Answer(r.id, r.binding, Said.EXPIRED),
        lambda r: Answer(r.id, r.binding, Said.REFUSED, message="too many questions"),
        lambda r: Answer("another", r.binding, Said.APPROVE, ("rita",)),
        lambda r: Answer(r.id, "another", Said.APPROVE, ("rita",)),
        lambda r: Answer(r.id, r.binding, Said.APPROVE, ()),
        lambda r: Answer(r.id, r.binding, Said.APPROVE, ("owner",)),
        lambda r: Answer(r.id, r.binding, Said.EDIT, ("owner",), arguments=r.arguments),
        lambda r: None,
        lambda r: "approve",
        lambda r: 1 / 0,
    ],
    ids=[
        "expired",
        "refused",
        "other id",
        "other call",
        "nobody",
        "requester",
        "requester edits",
        "none",
        "word",
        "raises",
    ],
)
def test_only_the_answer_to_this_question_by_other_people_lets_a_call_run(answer: Callable[[Request], Any]):
    tool = Tool()
    made = guard(Memory(answer))
    found = made.enforce(call("send_mail", **OUT), made.session(agent="ada", user="owner"), tool)
    assert (tool.ran, found.error) == ([], ToolError.REJECTED)


def test_one_person_is_no_quorum_of_two():
    tool = Tool()
    made = guard(Memory(says(Said.APPROVE, "rita", "rita")), approval="{irreversible_quorum: 2}")
    made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert tool.ran == []
    made = guard(Memory(says(Said.APPROVE, "rita", "sven")), approval="{irreversible_quorum: 2}")
    made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert len(tool.ran) == 1


def test_an_answer_that_comes_after_the_time_is_none():
    tool = Tool()

    def late(request: Request) -> Answer:
        made.clock.time += 61  # type: ignore[attr-defined]
        return Answer(request.id, request.binding, Said.APPROVE, ("rita",))

    made = guard(Memory(late))
    made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert tool.ran == []


def test_an_override_spares_the_question_and_not_the_prohibition():
    keeper, tool = Memory(), Tool()
    keeper.overrides = {"send_mail": "o1", "pay": "o1", "wipe": "o1"}
    made = guard(keeper)
    session = made.session(agent="ada")
    made.enforce(call("send_mail", **OUT), session, tool)
    made.enforce(call("pay", amount=5000, account="a"), session, tool)
    made.enforce(call("wipe"), session, tool)
    assert tool.ran == [{**OUT, "cc": []}]
    assert keeper.requests == []
    assert "override o1" in str(keeper.entries[0].body["reasons"])


def test_the_requests_binding_changes_with_tool_arguments_policy_and_session():
    def binding(asked: ToolCall, text: str = TEXT, said: str = "hello") -> str:
        made = guard(Memory(), text)
        session = made.session(agent="ada", id="s")
        session.hear(Message(Role.USER, said))
        return made.decide(asked, session).binding

    first = binding(call("send_mail", **OUT))
    assert first == binding(call("send_mail", **OUT))
    others = {
        binding(call("send_mail", **{**OUT, "body": "x"})),
        binding(call("send_mail", **OUT), TEXT.replace('"1"', '"2"')),
        binding(call("send_mail", **OUT), said="bye"),
        binding(call("pay", amount=1, account="a")),
    }
    assert len(others | {first}) == 5


# ---- faults ----------------------------------------------------------------------------------


class Broken(Memory):
    def __init__(self, *kinds: str) -> None:
        super().__init__(says(Said.APPROVE))
        self.broken = kinds

    def record(self, entries: Any) -> None:
        if entries[0].kind in self.broken:
            raise KeeperError("the disk is full")
        super().record(entries)


@pytest.mark.parametrize("kind", ["intent", "asked"])
def test_a_call_that_cannot_be_recorded_does_not_run(kind: str):
    tool = Tool()
    made = guard(Broken(kind))
    found = made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert (tool.ran, found.error) == ([], ToolError.REJECTED)
    assert "disk is full" in found.text


def test_a_result_that_cannot_be_recorded_is_withheld_and_ends_the_session():
    tool = Tool("a secret")
    made = guard(Broken("result"))
    session = made.session(agent="ada")
    found = made.enforce(call("read_mail", message="m1"), session, tool)
    assert (found.ran, found.terminate) == (True, True)
    assert "a secret" not in found.text
    assert not made.enforce(call("read_mail", message="m2"), session, tool).ran


def test_a_guard_without_a_keeper_lets_nothing_run():
    tool = Tool()
    made = Guard(policy(), clock=StillClock())
    session = made.session(agent="ada")
    assert not made.enforce(call("read_mail", message="m1"), session, tool).ran
    assert tool.ran == []
    assert made.decide(call("read_mail", message="m1"), session).verb is Verb.PROCEED


@pytest.mark.parametrize("method", ["stopped", "override"])
def test_a_keeper_that_cannot_tell_whether_there_is_a_stop_lets_nothing_run(method: str):
    def fails(*_: str) -> None:
        raise KeeperError("unreachable")

    keeper, tool = Memory(), Tool()
    setattr(keeper, method, fails)
    made = guard(keeper)
    found = made.enforce(call("read_mail", message="m1"), made.session(agent="ada"), tool)
    assert (tool.ran, found.error) == ([], ToolError.REJECTED)


def test_a_stopped_session_ends_and_others_go_on():
    keeper, tool = Memory(), Tool()
    made = guard(keeper)
    keeper.stops["s1"] = "by hand"
    found = made.enforce(call("read_mail", message="m"), made.session(agent="ada", id="s1"), tool)
    assert (found.terminate, tool.ran) == (True, [])
    assert made.enforce(call("read_mail", message="m"), made.session(agent="ada", id="s2"), tool).ran


@pytest.mark.parametrize(
    "monitor",
    [
        lambda step: 1 / 0,
        lambda step: Observation(1.5, "too much"),
        lambda step: Observation(-0.1, "too little"),
        lambda step: Observation(float("nan"), "not a number"),
        lambda step: "suspicious",
        lambda step: time.sleep(30),
    ],
    ids=["raises", "above 1", "below 0", "nan", "word", "hangs"],
)
def test_a_monitor_that_fails_stops_the_call(monitor: Callable[[Step], Any]):
    tool = Tool()
    made = watched(monitor)
    object.__setattr__(made.policy, "file", structs.replace(made.policy.file, timeout=0.2))
    found = made.enforce(call("read_mail", message="m1"), made.session(agent="ada"), tool)
    assert (tool.ran, found.error) == ([], ToolError.REJECTED)

    async def later() -> None:
        assert not (
            await made.enforce_async(call("read_mail", message="m1"), made.session(agent="ada"), tool.wait)
        ).ran

    anyio.run(later)
    assert tool.ran == []


@pytest.mark.parametrize(
    ("score", "verb"), [(None, Verb.PROCEED), (0.4, Verb.PROCEED), (0.5, Verb.ASK), (0.9, Verb.REJECT)]
)
def test_a_monitor_scores_and_its_thresholds_decide(score: float | None, verb: Verb):
    made = watched(lambda step: None if score is None else Observation(score, "odd"))
    found = made.decide(call("read_mail", message="m1"), made.session(agent="ada"))
    assert found.verb is verb
    assert found.scores == ({} if score is None else {"odd": score})


def test_a_dear_monitor_is_asked_only_where_a_cheap_one_is_alarmed():
    asked: list[str] = []

    def dear(step: Step) -> Observation:
        asked.append(step.call.tool)
        return Observation(1.0, "sure")

    made = guard()
    cheap = Watch(
        Rule("cheap", lambda step: Observation(0.5 if step.call.tool == "send_mail" else 0.1, "c")),
        MonitorUse("cheap"),
    )
    second = Watch(Rule("dear", dear, "model"), MonitorUse("dear", reject=0.9, after=0.5))
    object.__setattr__(made.policy, "watches", (cheap, second))
    session = made.session(agent="ada")
    assert made.decide(call("read_mail", message="m1"), session).verb is Verb.PROCEED
    assert made.decide(call("send_mail", **MAIL), session).verb is Verb.REJECT
    assert asked == ["send_mail"]


def test_a_protocol_takes_and_never_gives():
    def milder(step: Step, decision: Decision, found: Any) -> Decision:
        return structs.replace(decision, verb=Verb.PROCEED)

    def harder(step: Step, decision: Decision, found: Any) -> Decision:
        return structs.replace(decision, verb=Verb.REJECT)

    def other(step: Step, decision: Decision, found: Any) -> Decision:
        changed = structs.replace(decision.call, arguments={**OUT, "subject": "x"})
        return structs.replace(decision, verb=Verb.MODIFY, call=changed)

    def decided(protocol: Any, asked: ToolCall) -> Verb:
        made = Guard(policy(), Memory(), protocols=[protocol], clock=StillClock())
        return made.decide(asked, made.session(agent="ada")).verb

    assert decided(milder, call("send_mail", **OUT)) is Verb.ASK
    assert decided(harder, call("read_mail", message="m")) is Verb.REJECT
    # What a protocol turns a call into has to pass the rules as well: here it goes outside.
    assert decided(other, call("send_mail", **MAIL)) is Verb.ASK


def test_a_permission_is_used_once():
    made = guard()
    session = made.session(agent="ada")
    ruling = made.before(call("read_mail", message="m1"), session)
    made.after(ruling, session, "text")
    with pytest.raises(ValueError, match="used already"):
        made.after(ruling, session, "text")


def test_nothing_comes_after_a_call_that_was_not_permitted():
    made = guard()
    session = made.session(agent="ada")
    with pytest.raises(ValueError, match="not permitted"):
        made.after(made.before(call("wipe"), session), session, "text")


def test_calls_that_run_at_the_same_time_share_one_budget():
    made = guard(Memory(), budgets="{calls: 2}")
    session = made.session(agent="ada")
    rulings = [made.before(ToolCall(f"c{n}", "read_mail", {"message": "m"}), session) for n in range(4)]
    assert [ruling.call is not None for ruling in rulings] == [True, True, False, False]


def test_money_is_counted_over_the_session():
    made = guard(Memory(says(Said.APPROVE)), budgets='{money: "50.00"}')
    session, tool = made.session(agent="ada"), Tool()
    for number, amount in enumerate((30, 20.5, 20)):
        made.enforce(ToolCall(f"c{number}", "pay", {"amount": amount, "account": "a"}), session, tool)
    assert [one["amount"] for one in tool.ran] == [30, 20]


def test_an_edit_beyond_the_budget_does_not_run():
    tool = Tool()
    keeper = Memory(says(Said.EDIT, arguments={"amount": 60, "account": "a"}))
    made = guard(keeper, budgets='{money: "50.00"}')
    made.enforce(call("pay", amount=20, account="a"), made.session(agent="ada"), tool)
    assert tool.ran == []


def test_time_is_counted_over_the_session():
    tool = Tool()
    made = guard(Memory(), budgets="{seconds: 60}")
    session = made.session(agent="ada")
    for number in range(3):
        made.enforce(ToolCall(f"c{number}", "read_mail", {"message": "m"}), session, tool)
        made.clock.time += 30  # type: ignore[attr-defined]
    assert len(tool.ran) == 2


# ---- results ---------------------------------------------------------------------------------

KEY = "The password is: hunter2-Quay-77!"


def test_secrets_in_results_do_not_reach_the_agent():
    made = guard()
    found = made.enforce(call("read_mail", message="m1"), made.session(agent="ada"), Tool(KEY))
    assert "hunter2" not in found.text
    assert "[redacted: secret]" in found.text


@pytest.mark.parametrize(
    ("said", "reads"), [(Said.APPROVE, True), (Said.REJECT, False), (Said.EXPIRED, False)]
)
def test_a_person_may_release_a_result(said: Said, reads: bool):
    rules = "[{classes: [secret], do: ask}]"
    keeper = Memory(says(said))
    made = guard(keeper, results=rules)
    found = made.enforce(call("read_mail", message="m1"), made.session(agent="ada"), Tool(KEY))
    assert ("hunter2" in found.text) is reads
    assert keeper.requests[0].subject == "release"


def test_a_tool_that_fails_is_reported_and_what_it_said_is_screened():
    def fails(arguments: dict[str, Any]) -> str:
        raise RuntimeError(KEY)

    found = guard().enforce(call("read_mail", message="m1"), guard().session(agent="ada"), fails)
    assert found.error is ToolError.FAILED
    assert "hunter2" not in found.text


# ---- observing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", [call("wipe", x=1), call("send_mail", **OUT), call("unknown"), call("read_mail")]
)
def test_an_observing_guard_changes_nothing_and_records_what_it_would_have_done(asked: ToolCall):
    keeper, tool = Memory(), Tool(KEY)
    made = guard(keeper, mode="observe")
    found = made.enforce(asked, made.session(agent="ada"), tool)
    assert (found.text, found.error) == (KEY, None)
    assert tool.ran == [asked.arguments]
    assert keeper.kinds == ["observed", "observed"]
    assert keeper.entries[0].body["verb"] in ("reject", "ask")


def test_an_observing_guard_lets_calls_pass_that_it_cannot_record():
    tool = Tool()
    made = guard(Broken("observed"), mode="observe")
    assert made.enforce(call("read_mail", message="m"), made.session(agent="ada"), tool).ran


def test_a_stop_holds_for_an_observing_guard_too():
    keeper, tool = Memory(), Tool()
    keeper.stops["ada"] = "by hand"
    made = guard(keeper, mode="observe")
    assert made.enforce(call("read_mail", message="m"), made.session(agent="ada"), tool).terminate
    assert tool.ran == []


# ---- tasks and cancellation ------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_cancelled_while_people_are_asked_does_not_run(backend: str):
    class Waits(Memory):
        async def ask_async(self, request: Request) -> Answer:
            await anyio.sleep_forever()
            raise AssertionError

    tool = Tool()
    made = guard(Waits())

    async def main() -> None:
        with anyio.move_on_after(0.05) as scope:
            await made.enforce_async(call("send_mail", **OUT), made.session(agent="ada"), tool.wait)
        assert scope.cancelled_caught

    anyio.run(main, backend=backend)
    assert tool.ran == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_tool_that_is_cancelled_is_on_record(backend: str):
    keeper = Memory()
    made = guard(keeper)

    async def forever(arguments: dict[str, Any]) -> str:
        await anyio.sleep_forever()
        return ""

    async def main() -> None:
        with anyio.move_on_after(0.05):
            await made.enforce_async(call("read_mail", message="m"), made.session(agent="ada"), forever)

    anyio.run(main, backend=backend)
    assert keeper.kinds == ["intent", "result"]
    assert keeper.entries[-1].body["result"] == "cancelled"


def test_a_conversation_handed_over_again_and_again_is_heard_once():
    made = guard()
    session = made.session(agent="ada")
    talk = [
        Message(Role.USER, "hello"),
        Message(Role.ASSISTANT, "", calls=(call("read_mail", message="m1"),)),
    ]
    session.follow(talk)
    made.enforce(call("read_mail", message="m1"), session, Tool("text"))
    head = session.head
    session.follow([*talk, Message(Role.TOOL, "text", call_id="c1")])
    assert session.head == head
    session.follow([*talk, Message(Role.TOOL, "text", call_id="c1"), Message(Role.USER, "go on")])
    assert [message.text for message in session.messages] == ["hello", "", "text", "go on"]
