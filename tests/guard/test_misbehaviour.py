"""Whatever a monitor, a protocol, a keeper, a clock, a tool or a caller does: what was decided on is what runs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import anyio
import pytest
from msgspec import structs

from duress.guard import Answer, Decision, Entry, Guard, Observation, Request, Rule, Said, Session, Step, Verb
from duress.guard.policy import MonitorUse, Watch, compiled
from duress.guard.requests import Score
from duress.trajectory import Message, Role, ToolCall, ToolError
from guard.office import MAIL, OUT, Memory, StillClock, call, guard, policy, says
from guard.test_enforcement import Tool, watched

READ = call("read_mail", message="m1")


def damaged(arguments: dict[str, Any]) -> None:
    for value in arguments.values():
        if isinstance(value, list):
            value.append("eve@elsewhere.example")
    arguments["subject"] = "changed"


# ---- what is decided on is what runs ----------------------------------------------------------


def test_a_tool_that_changes_its_arguments_changes_no_later_call_and_no_record():
    keeper, ran = Memory(), []

    def sends(arguments: dict[str, Any]) -> str:
        ran.append(deepcopy(arguments))
        damaged(arguments)
        return "sent"

    made = guard(keeper)
    session = made.session(agent="ada")
    for number in range(2):
        made.enforce(ToolCall(f"c{number}", "send_mail", {**MAIL, "to": list(MAIL["to"])}), session, sends)
    assert ran == [{**MAIL, "cc": []}] * 2
    assert [entry.body["arguments"] for entry in keeper.entries] == [{**MAIL, "cc": []}] * 4


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
def test_a_monitor_that_changes_what_it_is_shown_changes_nothing(late: bool):
    keeper, tool, held = Memory(), Tool(), []

    def odd(step: Step) -> Observation:
        held.append(step)
        if not late:
            damaged(step.call.arguments)
            damaged(step.messages[-1].calls[0].arguments)
            step.facts.origin.clear()
        return Observation(0.0, "fine")

    made = watched(odd, keeper)

    def runs(arguments: dict[str, Any]) -> str:
        for step in held:
            damaged(step.call.arguments)
        return tool(arguments)

    made.enforce(call("send_mail", **MAIL), made.session(agent="ada"), runs)
    assert tool.ran == [{**MAIL, "cc": []}]
    assert keeper.entries[0].body["arguments"] == {**MAIL, "cc": []}


def test_reviewers_are_shown_what_was_said_whatever_a_monitor_did_to_it():
    def odd(step: Step) -> Observation:
        for message in step.messages:
            for one in message.calls:
                damaged(one.arguments)
        return Observation(0.5, "odd")

    keeper = Memory()
    made = watched(odd, keeper)
    made.enforce(call("send_mail", **MAIL), made.session(agent="ada"), Tool())
    assert [one.arguments for message in keeper.requests[0].recent for one in message.calls] == [MAIL]


def test_a_framework_that_changes_its_conversation_changes_nothing_that_was_heard():
    made = guard()
    session = made.session(agent="ada")
    paid = ToolCall("c1", "pay", {"amount": 30, "account": "a"})
    session.follow([Message(Role.ASSISTANT, "", calls=(paid,))])
    paid.arguments["amount"] = 1
    session.hear(Message(Role.TOOL, "paid", call_id="c1"))
    assert session.about(READ, 0.0).spent == 30
    assert session.recent(9)[0].calls[0].arguments["amount"] == 30


def test_a_keeper_that_changes_what_it_keeps_changes_nothing():
    class Careless(Memory):
        def record(self, entries: Any) -> None:
            super().record([structs.replace(entry, body=dict(entry.body)) for entry in entries])
            for entry in entries:
                damaged(entry.body["arguments"])

        def ask(self, request: Request) -> Answer:
            damaged(request.arguments)
            for message in request.recent:
                for one in message.calls:
                    damaged(one.arguments)
            return Answer(request.id, request.binding, Said.APPROVE, ("rita",))

    keeper, tool = Careless(), Tool()
    made = guard(keeper)
    session = made.session(agent="ada")
    made.enforce(call("send_mail", **OUT), session, tool)
    assert tool.ran == [{**OUT, "cc": []}]
    assert session.recent(9)[0].calls[0].arguments == OUT


def test_a_protocol_that_changes_what_it_is_shown_changes_nothing():
    def odd(step: Step, decision: Decision, found: Any) -> None:
        damaged(step.call.arguments)
        damaged(decision.call.arguments)

    tool = Tool()
    made = Guard(policy(), Memory(), protocols=[odd], clock=StillClock())
    made.enforce(call("send_mail", **MAIL), made.session(agent="ada"), tool)
    assert tool.ran == [{**MAIL, "cc": []}]


def test_a_caller_that_changes_its_call_afterwards_changes_nothing():
    given = {**OUT, "to": list(OUT["to"])}

    def meanwhile(request: Request) -> Answer:
        damaged(given)
        return Answer(request.id, request.binding, Said.APPROVE, ("rita",))

    tool, keeper = Tool(), Memory(meanwhile)
    made = guard(keeper)
    session = made.session(agent="ada")
    made.enforce(ToolCall("c1", "send_mail", given), session, tool)
    assert tool.ran == [{**OUT, "cc": []}] == [keeper.entries[-1].body["arguments"]]
    assert session.messages[0].calls[0].arguments == OUT


def test_a_call_decided_on_twice_is_two_decisions_of_equal_calls():
    made = guard()
    session = made.session(agent="ada")
    asked = call("send_mail", **MAIL)
    first, second = made.decide(asked, session), made.decide(asked, session)
    damaged(first.call.arguments)
    assert (second.call.arguments, asked.arguments) == ({**MAIL, "cc": []}, MAIL)
    assert first.id != second.id


# ---- at the same time -------------------------------------------------------------------------


class Slow(Memory):
    """Takes a while to write, as disks do."""

    def record(self, entries: Any) -> None:
        time.sleep(0.02)
        super().record(entries)

    async def record_async(self, entries: Any) -> None:
        await anyio.sleep(0.02)
        super().record(entries)


def test_threads_at_the_same_time_share_one_budget():
    tool = Tool()
    made = guard(Slow(), budgets="{calls: 3}")
    session, ready = made.session(agent="ada"), threading.Barrier(12)

    def one(number: int) -> None:
        ready.wait()
        made.enforce(ToolCall(f"c{number}", "read_mail", {"message": "m"}), session, tool)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tool.ran) == 3


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_at_the_same_time_share_one_budget_of_money_though_each_was_approved(backend: str):
    class Takes(Slow):
        async def ask_async(self, request: Request) -> Answer:
            await anyio.sleep(0.05)
            return Answer(request.id, request.binding, Said.APPROVE, ("rita",))

    tool = Tool()
    made = guard(Takes(), budgets='{money: "50.00"}')
    session = made.session(agent="ada")

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(4):
                asked = ToolCall(f"c{number}", "pay", {"amount": 20, "account": "a"})
                group.start_soon(made.enforce_async, asked, session, tool.wait)

    anyio.run(main, backend=backend)
    assert len(tool.ran) == 2


FEW = (
    '  @id("few") forbid (principal, action in Action::"unattended", resource)\n'
    "    when { context.facts.calls_of_tool >= 2 };\n"
)


def test_what_may_run_unattended_only_so_often_is_asked_about_when_others_were_faster():
    file = policy().file
    made = Guard(compiled(structs.replace(file, rules=file.rules + FEW)), Memory(), clock=StillClock())
    watch = Watch(Rule("odd", lambda step: None), MonitorUse("odd", reject=0.9))
    object.__setattr__(made.policy, "watches", (watch,))
    session = made.session(agent="ada")
    steps = [
        made._steps.before(ToolCall(f"c{number}", "read_mail", {"message": "m"}), session)  # pyright: ignore[reportPrivateUsage]
        for number in range(4)
    ]
    assert [type(next(one)) for one in steps] == [Score] * 4
    # All four have been decided on by the rules, and none has run.
    asked = [one.send(None) for one in steps]
    assert [one.entries[0].kind for one in asked] == ["intent", "intent", "asked", "asked"]  # type: ignore[union-attr]


def test_what_was_read_while_a_call_was_decided_on_counts_for_it():
    file = policy().file
    rule = (
        '  @id("kept") forbid (principal, action == Action::"call send_mail", resource)\n'
        '    when { context.facts.read_classes.contains("secret") };\n'
    )
    made = Guard(compiled(structs.replace(file, rules=file.rules + rule)), Memory(), clock=StillClock())
    watch = Watch(Rule("odd", lambda step: None), MonitorUse("odd", reject=0.9))
    object.__setattr__(made.policy, "watches", (watch,))
    session = made.session(agent="ada")
    steps = made._steps.before(call("send_mail", **MAIL), session)  # pyright: ignore[reportPrivateUsage]
    assert isinstance(next(steps), Score)
    session.hear(Message(Role.TOOL, "The password is: hunter2-Quay-77!", call_id="other"))
    assert steps.send(None).entries[0].kind == "refused"  # type: ignore[union-attr]


def test_a_session_that_ended_while_people_were_asked_lets_nothing_run():
    tool = Tool()

    def ends(request: Request) -> Answer:
        session.ended = "terminated elsewhere"
        return Answer(request.id, request.binding, Said.APPROVE, ("rita",))

    made = guard(Memory(ends))
    session = made.session(agent="ada")
    found = made.enforce(call("send_mail", **OUT), session, tool)
    assert (tool.ran, found.terminate) == ([], True)


@pytest.mark.parametrize("mode", ["enforce", "observe"])
@pytest.mark.parametrize("reason", ["by hand", ""])
def test_a_stop_that_comes_while_the_intent_is_written_is_not_too_late(mode: str, reason: str):
    class Stopped(Memory):
        def record(self, entries: Any) -> None:
            super().record(entries)
            self.stops["ada"] = reason

        def stopped(self, session: str, agent: str) -> str | None:
            return self.stops.get(agent)

    keeper, tool = Stopped(), Tool()
    made = guard(keeper, mode=mode)
    session = made.session(agent="ada")
    found = made.enforce(READ, session, tool)
    assert (tool.ran, found.terminate, keeper.kinds[-1]) == ([], True, "refused")
    assert made.enforce(READ, session, tool).terminate


@pytest.mark.parametrize("when", [1, 2])
def test_a_keeper_that_cannot_tell_any_more_lets_nothing_run_and_that_is_recorded(when: int):
    class Unsure(Memory):
        looks = 0

        def stopped(self, session: str, agent: str) -> str | None:
            self.looks += 1
            if self.looks == when:
                raise OSError("gone")
            return None

    keeper, tool = Unsure(), Tool()
    made = guard(keeper)
    assert made.enforce(READ, made.session(agent="ada"), tool).error is ToolError.REJECTED
    assert (tool.ran, keeper.kinds[-1]) == ([], "refused")


# ---- answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "people",
    [
        ("Rita", "rita"),
        ("rita", " rita "),
        ("rita", "ｒｉｔａ"),
        ("rita", ""),
        ("rita", None),
        "ri",
        ("rita",),
    ],
)
def test_one_person_under_two_names_is_no_quorum_of_two(people: Any):
    tool = Tool()
    made = guard(
        Memory(lambda r: Answer(r.id, r.binding, Said.APPROVE, people)), approval="{irreversible_quorum: 2}"
    )
    made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert tool.ran == []


@pytest.mark.parametrize("user", ["Owner", " owner", "ＯＷＮＥＲ"])
def test_whoever_asked_is_nobody_who_approves_however_the_name_is_written(user: str):
    tool, keeper = Tool("The password is: hunter2-Quay-77!"), Memory(says(Said.APPROVE, "owner"))
    made = guard(keeper, results="[{classes: [secret], do: ask}]")
    session = made.session(agent="ada", user=user)
    made.enforce(call("send_mail", **OUT), session, tool)
    assert tool.ran == []
    assert "hunter2" not in made.enforce(READ, session, tool).text


def test_an_edit_without_arguments_is_no_edit_to_no_arguments():
    text = policy().file
    tool = structs.replace(text.tools["read_mail"], parameters={"type": "object", "properties": {}})
    rules = 'permit (principal, action == Action::"call read_mail", resource);'
    file = structs.replace(text, tools={"read_mail": tool}, rules=rules)
    made = Guard(compiled(file), Memory(says(Said.EDIT)), clock=StillClock())
    ran = Tool()
    assert not made.enforce(call("read_mail"), made.session(agent="ada"), ran).ran
    assert ran.ran == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda r: Answer("another", r.binding, Said.APPROVE, ("rita",)),
        lambda r: Answer(r.id, "another", Said.APPROVE, ("rita",)),
        lambda r: Answer("another", r.binding, Said.ANSWER, ("rita",), "hunter2"),
        lambda r: Answer(r.id, r.binding, Said.APPROVE, ()),
        lambda r: Answer(r.id, r.binding, Said.APPROVE, ("owner",)),
        lambda r: Answer(r.id, r.binding, Said.EDIT, ("rita",), arguments={}),
        lambda r: "approve",
        lambda r: 1 / 0,
    ],
    ids=["other id", "other call", "other answer", "nobody", "requester", "edit", "word", "raises"],
)
def test_only_the_answer_to_this_question_by_other_people_releases_a_result(answer: Callable[[Request], Any]):
    made = guard(Memory(answer), results="[{classes: [secret], do: ask}]")
    session = made.session(agent="ada", user="owner")
    found = made.enforce(READ, session, Tool("The password is: hunter2-Quay-77!"))
    assert (found.ran, "hunter2" in found.text) == (True, False)


def test_a_result_is_not_released_by_an_answer_that_comes_after_the_time():
    def late(request: Request) -> Answer:
        made.clock.time += 61  # type: ignore[attr-defined]
        return Answer(request.id, request.binding, Said.APPROVE, ("rita",))

    made = guard(Memory(late), results="[{classes: [secret], do: ask}]")
    found = made.enforce(READ, made.session(agent="ada"), Tool("The password is: hunter2-Quay-77!"))
    assert "hunter2" not in found.text


def test_the_record_tells_who_was_asked_to_release_a_result_and_what_they_said():
    keeper = Memory(says(Said.REJECT))
    made = guard(keeper, results="[{classes: [secret], do: ask}]")
    made.enforce(READ, made.session(agent="ada"), Tool("The password is: hunter2-Quay-77!"))
    body = keeper.entries[-1].body
    assert (body["said"], body["people"], body["request"]) == ("reject", ["rita"], keeper.requests[0].id)


# ---- faults -----------------------------------------------------------------------------------


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I cannot say")


@pytest.mark.parametrize(
    "error",
    [Mute(), SystemExit(1), GeneratorExit(), StopIteration(), StopAsyncIteration(), RecursionError()],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_monitor_raises_stops_the_call_and_nothing_else(error: BaseException):
    keeper, tool = Memory(), Tool()

    def raises(step: Step) -> Observation:
        raise error

    made = watched(raises, keeper)
    session = made.session(agent="ada")
    assert made.enforce(READ, session, tool).error is ToolError.REJECTED

    async def later() -> Any:
        return await made.enforce_async(READ, session, tool.wait)

    async def raises_later(step: Step) -> Observation:
        raise error

    for backend in ("asyncio", "trio"):
        assert anyio.run(later, backend=backend).error is ToolError.REJECTED
    watch = Watch(Rule("odd", raises_later), MonitorUse("odd", reject=0.9))  # type: ignore[arg-type]
    object.__setattr__(made.policy, "watches", (watch,))
    for backend in ("asyncio", "trio"):
        assert anyio.run(later, backend=backend).error is ToolError.REJECTED
    assert (tool.ran, set(keeper.kinds)) == ([], {"refused"})


def test_a_monitor_that_cancels_itself_lets_nothing_run():
    tool = Tool()

    async def cancels(step: Step) -> Observation:
        raise asyncio.CancelledError

    made = watched(cancels)

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await made.enforce_async(READ, made.session(agent="ada"), tool.wait)

    asyncio.run(main())
    assert tool.ran == []


@pytest.mark.parametrize(
    "protocol",
    [
        lambda step, decision, found: 1 / 0,
        lambda step, decision, found: "reject",
        lambda step, decision, found: structs.replace(decision, verb="no verb"),
        lambda step, decision, found: structs.replace(decision, verb=Verb.MODIFY, call=None),
    ],
    ids=["raises", "word", "no verb", "no call"],
)
def test_a_protocol_that_fails_stops_the_call_and_that_is_recorded(protocol: Any):
    keeper, tool = Memory(), Tool()
    made = Guard(policy(), keeper, protocols=[protocol], clock=StillClock())
    assert made.enforce(READ, made.session(agent="ada"), tool).error is ToolError.REJECTED
    assert (tool.ran, keeper.kinds) == ([], ["refused"])
    assert "a protocol failed" in str(keeper.entries[0].body["reasons"])


def test_a_protocol_that_says_a_verb_in_a_plain_text_means_the_verb():
    tool = Tool()

    def changes(step: Step, decision: Decision, found: Any) -> Decision:
        other = structs.replace(decision.call, arguments={**MAIL, "subject": "x"})
        return structs.replace(decision, verb="modify", call=other)  # type: ignore[arg-type]

    made = Guard(policy(), Memory(), protocols=[changes], clock=StillClock())
    made.enforce(call("send_mail", **MAIL), made.session(agent="ada"), tool)
    assert [one["subject"] for one in tool.ran] == ["x"]


def test_a_decision_that_took_too_long_is_a_denial_whatever_took_the_time():
    def slow(step: Step, decision: Decision, found: Any) -> None:
        made.clock.time += 1.5  # type: ignore[attr-defined]

    made = Guard(policy(), Memory(), protocols=[slow], clock=StillClock())
    found = made.decide(READ, made.session(agent="ada"))
    assert (found.verb, "1.5 s" in found.why) == (Verb.REJECT, True)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_monitors_that_hang_do_not_keep_others_from_their_threads(backend: str):
    over = threading.Event()

    def hangs(step: Step) -> None:
        over.wait(60)

    made = watched(hangs)
    object.__setattr__(made.policy, "file", structs.replace(made.policy.file, timeout=0.05))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(60):
                group.start_soon(made.decide_async, READ, made.session(agent="ada"))
        with anyio.fail_after(5):
            await anyio.to_thread.run_sync(lambda: None)
        over.set()

    try:
        anyio.run(main, backend=backend)
    finally:
        over.set()


def test_a_monitor_of_others_in_the_guise_of_ours_is_not_waited_for():
    class Guise:
        name, cost = "odd", "rule"

        def __init__(self) -> None:
            from duress.guard.monitors import monitor

            self.score = monitor("pressure").score  # type: ignore[attr-defined]

        def __call__(self, step: Step) -> None:
            time.sleep(20)

    made = guard()
    watch = Watch(Guise(), MonitorUse("odd", reject=0.5))  # type: ignore[arg-type]
    object.__setattr__(made.policy, "watches", (watch,))
    object.__setattr__(made.policy, "file", structs.replace(made.policy.file, timeout=0.1))
    assert made.decide(READ, made.session(agent="ada")).verb is Verb.REJECT


def test_a_monitor_may_ask_the_guard_itself():
    def asks(step: Step) -> Observation:
        inner = plain.decide(step.call, session)
        return Observation(0.0, inner.why)

    made, plain = watched(asks), guard()
    session = made.session(agent="ada")
    assert made.decide(READ, session).verb is Verb.PROCEED


class Later(Memory):
    """Was written for event loops, and used without one."""

    async def record(self, entries: Any) -> None:  # type: ignore[override]
        self.entries += entries

    async def ask(self, request: Request) -> Answer:  # type: ignore[override]
        return Answer(request.id, request.binding, Said.APPROVE, ("rita",))


@pytest.mark.parametrize("asked", [READ, call("send_mail", **OUT)])
def test_a_keeper_that_only_promises_to_record_lets_nothing_run(asked: ToolCall):
    tool = Tool()
    made = guard(Later())
    assert made.enforce(asked, made.session(agent="ada"), tool).error is ToolError.REJECTED
    assert tool.ran == []


@pytest.mark.parametrize("answer", [False, True, 0, "recorded"])
def test_a_keeper_that_answers_anything_but_nothing_has_not_recorded(answer: Any):
    class Odd(Memory):
        def record(self, entries: Any) -> Any:
            return answer

    tool = Tool()
    made = guard(Odd())
    assert not made.enforce(READ, made.session(agent="ada"), tool).ran
    assert tool.ran == []


@pytest.mark.parametrize("time_of", [lambda self: float("nan"), lambda self: 1 / 0])
def test_a_clock_that_cannot_tell_the_time_lets_nothing_run(time_of: Callable[[Any], float]):
    clock = type("Odd", (StillClock,), {"now": time_of})()
    tool = Tool()
    made = Guard(policy(), Memory(says(Said.APPROVE)), clock=clock)
    for asked in (READ, call("send_mail", **OUT)):
        assert not made.enforce(asked, made.session(agent="ada"), tool).ran
    assert tool.ran == []


def test_a_clock_that_stops_telling_while_people_are_asked_lets_nothing_run():
    def breaks(request: Request) -> Answer:
        made.clock.time = float("nan")  # type: ignore[attr-defined]
        return Answer(request.id, request.binding, Said.APPROVE, ("rita",))

    tool = Tool()
    made = guard(Memory(breaks))
    made.enforce(call("send_mail", **OUT), made.session(agent="ada"), tool)
    assert tool.ran == []


# ---- calls that are none ----------------------------------------------------------------------


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


ODD = [
    ToolCall(None, "read_mail", {"message": "m"}),  # type: ignore[arg-type]
    ToolCall(["c1"], "read_mail", {"message": "m"}),  # type: ignore[arg-type]
    ToolCall("c1", None, {"message": "m"}),  # type: ignore[arg-type]
    ToolCall("c1", ["read_mail"], {"message": "m"}),  # type: ignore[arg-type]
    ToolCall("c1", "read_mail", None),  # type: ignore[arg-type]
    ToolCall("c1", "read_mail", [["message", "m"]]),  # type: ignore[arg-type]
    ToolCall("c1", "read_mail", {1: "m"}),  # type: ignore[dict-item]
    ToolCall("c1", "read_mail", {"message": "\ud800"}),
    ToolCall("c1", "read_mail\ud800", {"message": "m"}),
    ToolCall("c1", "read_mail", {"message": float("nan")}),
    ToolCall("c1", "read_mail", {"message": 10**5000}),
    ToolCall("c1", "read_mail", {"message": deep(100_000)}),
    ToolCall("c1", "read_mail", {"message": object()}),
    ToolCall("c1", "read_mail", {"message": "m"}, error=Mute()),  # type: ignore[arg-type]
    None,
    "read_mail",
]


@pytest.mark.parametrize("asked", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("ledger", [False, True], ids=["memory", "ledger"])
def test_what_is_no_call_is_refused_and_the_refusal_recorded(asked: Any, ledger: bool, tmp_path: Any):
    tool = Tool()
    if ledger:
        from duress.guard.embedded import EmbeddedKeeper

        with EmbeddedKeeper(tmp_path) as keeper:
            made = Guard(policy(), keeper)
            session = made.session(agent="ada")
            found = made.enforce(asked, session, tool)
            assert made.enforce(READ, session, Tool("text")).ran
        from duress.ledger import Ledger

        with Ledger.open(tmp_path / "ledger.db") as kept:
            kinds = [entry.kind for entry in kept.entries()]
    else:
        memory = Memory()
        made = guard(memory)
        found = made.enforce(asked, made.session(agent="ada"), tool)
        kinds = [*memory.kinds, "intent", "result"]
    assert (tool.ran, found.error) == ([], ToolError.REJECTED)
    assert "not carried out" in found.text
    assert [kind for kind in kinds if kind in ("refused", "intent", "result")] == [
        "refused",
        "intent",
        "result",
    ]


@pytest.mark.parametrize("asked", ODD[:-2], ids=range(len(ODD) - 2))
def test_an_observing_guard_changes_nothing_about_calls_that_are_none(asked: Any):
    tool = Tool()
    made = guard(Memory(), mode="observe")
    assert made.enforce(asked, made.session(agent="ada"), tool).text == "done"
    assert tool.ran == [asked.arguments]


@pytest.mark.parametrize("session", [None, "s1"])
def test_a_session_that_is_none_lets_nothing_run(session: Any):
    tool = Tool()
    assert guard().enforce(READ, session, tool).error is ToolError.REJECTED
    assert tool.ran == []


def test_a_session_of_another_policy_lets_nothing_run():
    tool = Tool()
    other = guard(Memory(), window="1.0").session(agent="ada")
    found = guard().enforce(READ, other, tool)
    assert (tool.ran, "another policy" in found.text) == ([], True)


# ---- permissions ------------------------------------------------------------------------------


def test_a_permission_holds_in_its_own_session_alone():
    made = guard()
    ruling = made.before(READ, made.session(agent="ada"))
    with pytest.raises(ValueError, match="another session"):
        made.after(ruling, made.session(agent="ada"), "text")


@pytest.mark.parametrize("asked", [READ, call("unknown")])
def test_a_permission_of_an_observing_guard_is_used_once_too(asked: ToolCall):
    made = guard(Memory(), mode="observe")
    session = made.session(agent="ada")
    ruling = made.before(asked, session)
    made.after(ruling, session, "text")
    with pytest.raises(ValueError, match="used already"):
        made.after(ruling, session, "text")


# ---- results ----------------------------------------------------------------------------------


def test_a_tool_whose_error_cannot_be_told_is_on_record_as_failed():
    keeper = Memory()
    made = guard(keeper)

    def fails(arguments: dict[str, Any]) -> str:
        raise Mute

    found = made.enforce(READ, made.session(agent="ada"), fails)
    assert (found.error, found.text, keeper.kinds) == (ToolError.FAILED, "Mute", ["intent", "result"])


def test_a_passage_records_a_tool_whose_error_cannot_be_told_too():
    from duress.guard.adapters.passage import Passage

    keeper = Memory()
    made = guard(keeper)
    passage = Passage(made, made.session(agent="ada"))

    def fails(arguments: dict[str, Any]) -> str:
        raise Mute

    async def later(arguments: dict[str, Any]) -> str:
        raise Mute

    assert passage.run(READ, fails).error is ToolError.FAILED
    assert anyio.run(passage.run_async, READ, later).error is ToolError.FAILED
    assert keeper.kinds == ["intent", "result"] * 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_a_tool_that_is_interrupted_is_on_record(error: BaseException):
    keeper = Memory()
    made = guard(keeper)

    def ends(arguments: dict[str, Any]) -> str:
        raise error

    with pytest.raises(type(error)):
        made.enforce(READ, made.session(agent="ada"), ends)
    assert (keeper.kinds, keeper.entries[-1].body["result"]) == (["intent", "result"], "cancelled")


def test_a_result_with_half_of_a_surrogate_pair_is_read_as_it_is_recorded():
    keeper = Memory()
    made = guard(keeper)
    found = made.enforce(READ, made.session(agent="ada"), Tool("a\udc80b"))
    assert (found.text, keeper.entries[-1].body["result"]) == ("a\\udc80b", "a\\udc80b")


@pytest.mark.parametrize("returned", [({"a": 1}, None), ("text", "no error"), (None, None), (b"x", None)])
def test_a_result_that_is_none_is_withheld_and_on_record(returned: Any):
    keeper = Memory()
    made = guard(keeper)
    session = made.session(agent="ada")
    found = made.enforce(READ, session, lambda arguments: returned)
    assert (found.ran, found.terminate, "withheld" in found.text) == (True, True, True)
    assert keeper.kinds == ["intent", "result"]


def test_a_screen_that_fails_withholds_the_result_unless_the_guard_observes(monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("duress.guard.enforcement.screen", fails)
    keeper = Memory()
    made = guard(keeper)
    found = made.enforce(READ, made.session(agent="ada"), Tool("text"))
    assert (found.terminate, "text" in found.text, keeper.kinds) == (True, False, ["intent", "result"])
    made = guard(Memory(), mode="observe")
    found = made.enforce(READ, made.session(agent="ada"), Tool("text"))
    assert (found.terminate, found.text, found.error) == (False, "text", None)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_result_is_on_record_though_its_task_is_cancelled_meanwhile(backend: str):
    keeper = Slow()
    made = guard(keeper)

    async def main() -> None:
        with anyio.CancelScope() as scope:

            async def ends(arguments: dict[str, Any]) -> str:
                scope.cancel()
                return "effect"

            await made.enforce_async(READ, made.session(agent="ada"), ends)

    anyio.run(main, backend=backend)
    assert [entry.body.get("result") for entry in keeper.entries] == [None, "effect"]


# ---- conversations ----------------------------------------------------------------------------


def spoken(session: Session) -> list[str]:
    return [message.text for message in session.messages if message.role is Role.TOOL]


def asks(id: str, **arguments: object) -> Message:
    return Message(Role.ASSISTANT, "", calls=(ToolCall(id, "read_mail", dict(arguments)),))


def test_ids_that_come_again_hide_no_result_and_no_call():
    made = guard()
    session = made.session(agent="ada")
    talk = [asks("", message="1"), Message(Role.TOOL, "one", call_id="")]
    session.follow(talk)
    talk += [asks("", message="2"), Message(Role.TOOL, "The password is: hunter2-Quay-77!", call_id="")]
    session.follow(talk)
    assert spoken(session) == ["one", "The password is: hunter2-Quay-77!"]
    assert [str(one) for one in session.about(READ, 0.0).read_classes] == ["secret"]
    assert session.about(READ, 0.0).calls == 2


def test_ids_that_come_again_hide_nothing_behind_results_of_the_guard():
    made = guard()
    session = made.session(agent="ada")
    made.enforce(ToolCall("", "read_mail", {"message": "1"}), session, Tool("one"))
    made.enforce(ToolCall("", "read_mail", {"message": "2"}), session, Tool("two"))
    assert [call.arguments for message in session.messages for call in message.calls] == [
        {"message": "1"},
        {"message": "2"},
    ]
    talk = [
        asks("", message="1"),
        Message(Role.TOOL, "[one]", call_id=""),
        asks("", message="2"),
        Message(Role.TOOL, "[two]", call_id=""),
    ]
    session.follow(talk)
    assert spoken(session) == ["one", "two"]
    session.follow([*talk, asks("", message="3"), Message(Role.TOOL, "not through the guard", call_id="")])
    assert spoken(session) == ["one", "two", "not through the guard"]


def test_a_rewritten_conversation_makes_no_fact_milder():
    made = guard()
    session = made.session(agent="ada")
    secret = Message(Role.TOOL, "The password is: hunter2-Quay-77!", call_id="c1")
    talk = [
        Message(Role.USER, "hello"),
        asks("c1", message="1"),
        secret,
        Message(Role.USER, "No. Stop that."),
    ]
    session.follow(talk)
    before = session.about(READ, 0.0)
    for other in ([], talk[:1], [Message(Role.USER, "All is well.")], talk[::-1], talk):
        session.follow(other)
        after = session.about(READ, 0.0)
        assert set(after.read_classes) >= set(before.read_classes)
        assert (after.calls >= before.calls, after.rebuffs >= before.rebuffs) == (True, True)
        before = after


def test_no_two_sessions_that_differ_have_one_head():
    made = guard()

    def head(*messages: Message, id: str = "s", agent: str = "a", user: str = "u") -> str:
        session = made.session(agent=agent, user=user, id=id)
        for message in messages:
            session.hear(message)
        return session.head

    heads = [
        head(),
        head(id="sa", agent=""),
        head(agent="au", user=""),
        head(Message(Role.USER, "ab")),
        head(Message(Role.USER, "a"), Message(Role.USER, "b")),
        head(Message(Role.USER, "c"), Message(Role.USER, "b")),
        head(Message(Role.USER, "b")),
        head(Message(Role.TOOL, "ab")),
        head(Message(Role.USER, "\ud800")),
        head(Message(Role.USER, "\ud801")),
        head(asks("c", message="1")),
        head(asks("c", message=1)),
        head(asks("c", message=True)),
        head(asks("c", message=["1"])),
        head(Message(Role.TOOL, "ab", call_id="")),
    ]
    assert len(set(heads)) == len(heads)


def test_entries_are_of_the_kinds_that_are_documented():
    keeper = Memory(says(Said.APPROVE))
    made = guard(keeper)
    made.enforce(call("send_mail", **OUT), made.session(agent="ada"), Tool())
    assert all(isinstance(entry, Entry) for entry in keeper.entries)
    assert keeper.kinds == ["asked", "intent", "result"]
