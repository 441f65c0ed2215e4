"""The way from an agent to its tools, and the decorator for plain functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from inspect import signature, unwrap
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from duress.guard import Answer, Guard, Request, Said
from duress.guard.adapters.passage import Passage, Refused, Terminated, ToolFailed, call_of
from duress.guard.adapters.python import guarded
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.policy import compiled, parse
from duress.guard.stops import Scope
from duress.trajectory import Message, Role, ToolCall

from .keepers import BrokenKeeper, RecordingKeeper

POLICY = """
duress_policy: 1
name: notes
version: "1"
tools:
  note:
    effect: read
    parameters:
      type: object
      properties: {names: {type: array, items: {type: string}}, mode: {type: string, default: plain}}
      required: [names]
  pay: {effect: irreversible, parameters: {type: object, properties: {amount: {type: integer}}, required: [amount]}}
rules: |
  permit (principal, action, resource) when { resource.effect == "read" };
  permit (principal, action in Action::"call", resource == Tool::"pay");
results: [{classes: [secret], do: redact}]
"""
KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"


@pytest.fixture
def keeper() -> RecordingKeeper:
    return RecordingKeeper()


@pytest.fixture
def guard(keeper: RecordingKeeper) -> Guard:
    return Guard(compiled(parse(POLICY)), keeper)


def test_what_was_decided_on_is_what_runs_whoever_changes_it_meanwhile(
    guard: Guard, keeper: RecordingKeeper
) -> None:
    given = {"names": ["a"]}
    record = keeper.record

    def recording(entries: Any) -> None:
        record(entries)
        # The agent's thread goes on: its list is another one now.
        given["names"].append("b")

    keeper.record = recording  # type: ignore[method-assign]
    ran: list[Any] = []
    passage = Passage(guard, guard.session(agent="clerk"))
    passage.run(ToolCall("1", "note", given), ran.append)
    assert ran == [{"names": ["a"], "mode": "plain"}]
    assert keeper.entries[0].body["arguments"] == ran[0]


def test_a_tool_that_changes_its_arguments_does_not_change_the_record(
    guard: Guard, keeper: RecordingKeeper
) -> None:
    session = guard.session(agent="clerk")

    @guarded(guard, session)
    def note(names: list[str], mode: str) -> str:
        names.clear()
        return mode

    note(["a"])
    assert [entry.body["arguments"]["names"] for entry in keeper.entries] == [["a"], ["a"]]


def test_arguments_by_place_and_by_name_are_the_same_call(guard: Guard) -> None:
    hold = guarded(guard, guard.session(agent="clerk"))

    @hold
    def note(names: list[str], /, mode: str = "short") -> str:
        return f"{names} {mode}"

    assert note(["a"], "long") == "['a'] long"
    assert note(["a"], mode="long") == "['a'] long"


def test_a_call_that_does_not_fit_the_function_is_refused(guard: Guard) -> None:
    hold = guarded(guard, guard.session(agent="clerk"))

    @hold
    def note(names: list[str], mode: str = "plain") -> str:
        raise AssertionError("it ran")

    for wrong in (lambda: note(), lambda: note("a"), lambda: note(["a"], other=1)):  # type: ignore[call-arg, arg-type]
        with pytest.raises(Refused):
            wrong()


def test_a_tool_may_return_nothing(guard: Guard) -> None:
    @guarded(guard, guard.session(agent="clerk"))
    def note(names: list[str], mode: str) -> None:
        return None

    assert note(["a"]) is None


def test_a_changed_result_comes_as_a_text(guard: Guard) -> None:
    @guarded(guard, guard.session(agent="clerk"))
    def note(names: list[str], mode: str) -> dict[str, str]:
        return {"note": f"the key is {KEY}"} if names == ["key"] else {"note": "nothing"}

    assert note(["a"]) == {"note": "nothing"}
    told = note(["key"])
    assert isinstance(told, str)
    assert KEY not in told


def test_what_a_tool_raises_is_raised_unless_it_holds_what_may_not_be_read(guard: Guard) -> None:
    @guarded(guard, guard.session(agent="clerk"))
    def note(names: list[str], mode: str) -> str:
        raise LookupError(f"no note for {KEY}" if names == ["key"] else "no note")

    with pytest.raises(LookupError, match="no note"):
        note(["a"])
    with pytest.raises(ToolFailed) as told:
        note(["key"])
    assert KEY not in str(told.value)
    assert KEY not in repr(told.value.__context__)


def test_a_person_answers_in_place_of_the_tool(guard: Guard, keeper: RecordingKeeper) -> None:
    def answering(request: Request) -> Answer:
        return Answer(request.id, request.binding, Said.ANSWER, ("rita",), "It was paid yesterday.")

    keeper.answering = answering

    @guarded(guard, guard.session(agent="clerk"))
    def pay(amount: int) -> str:
        raise AssertionError("it ran")

    assert pay(3) == "It was paid yesterday."


def test_the_function_behind_the_guard_is_not_given_away_and_still_described(guard: Guard) -> None:
    @guarded(guard, guard.session(agent="clerk"))
    def note(names: list[str], mode: str = "plain") -> str:
        """Read notes."""
        raise AssertionError("it ran")

    assert unwrap(note) is note
    assert (note.__name__, note.__doc__) == ("note", "Read notes.")
    assert str(signature(note)) == "(names: list[str], mode: str = 'plain') -> str"
    assert get_type_hints(note) == {"names": list[str], "mode": str, "return": str}


def test_a_coroutine_function_is_awaited_and_a_generator_is_no_tool(guard: Guard) -> None:
    hold = guarded(guard, guard.session(agent="clerk"))

    @hold
    async def note(names: list[str], mode: str) -> str:
        await asyncio.sleep(0)
        return "read"

    assert asyncio.run(note(["a"])) == "read"
    with pytest.raises(TypeError, match="generator"):

        @hold
        def later(names: list[str]) -> Iterator[str]:
            yield ""

    with pytest.raises(TypeError, match="no names"):

        @hold
        def many(*names: str) -> str:
            return ""


def test_a_sync_tool_that_returns_a_coroutine_has_failed(guard: Guard) -> None:
    async def work() -> str:
        return "done"

    @guarded(guard, guard.session(agent="clerk"), name="note")
    def lazy(names: list[str], mode: str) -> Any:
        return work()

    with pytest.raises(TypeError, match="async def"):
        lazy(["a"])


def test_the_session_may_be_looked_up_at_each_call(guard: Guard, keeper: RecordingKeeper) -> None:
    running = [guard.session(agent="clerk", id="one"), guard.session(agent="clerk", id="two")]

    @guarded(guard, lambda: running[0])
    def note(names: list[str], mode: str) -> str:
        return "read"

    note(["a"])
    running.reverse()
    note(["a"])
    assert [entry.session for entry in keeper.entries if entry.kind == "intent"] == ["one", "two"]


def test_a_conversation_is_heard_and_one_that_cannot_be_read_refuses_the_call(guard: Guard) -> None:
    session = guard.session(agent="clerk")
    passage = Passage(guard, session)
    call = ToolCall("1", "note", {"names": ["ann"]})
    heard = (Message(Role.USER, "What of ann?"), Message(Role.ASSISTANT, "", calls=(call,)))
    ruling = passage.before(call, lambda: heard)
    assert ruling.decision.facts is not None
    assert ruling.decision.facts.origin["names"] == "user"

    def broken() -> tuple[Message, ...]:
        raise KeyError("messages")

    assert passage.before(ToolCall("2", "note", {"names": ["ann"]}), broken).call is None


def test_after_the_end_of_a_session_nothing_runs(guard: Guard, keeper: RecordingKeeper) -> None:
    session = guard.session(agent="clerk")

    @guarded(guard, session)
    def note(names: list[str], mode: str) -> str:
        return "read"

    note(["a"])
    session.ended = "blackmail"
    with pytest.raises(Terminated, match="blackmail"):
        note(["a"])


def test_tokens_are_revoked_once_when_the_session_ends() -> None:
    guard = Guard(compiled(parse(POLICY)), BrokenKeeper("result"))
    revoked: list[str] = []

    @guarded(guard, guard.session(agent="clerk"), revoke=lambda: revoked.append("token"))
    def note(names: list[str], mode: str) -> str:
        return "read"

    for _ in range(3):
        with pytest.raises(Terminated):
            note(["a"])
    assert revoked == ["token"]


def test_tokens_are_revoked_at_a_stop_without_waiting_for_the_next_call(tmp_path: Path) -> None:
    with EmbeddedKeeper(tmp_path) as keeper:
        guard = Guard(compiled(parse(POLICY)), keeper)
        gone, other = threading.Event(), threading.Event()
        Passage(guard, guard.session(agent="clerk"), revoke=gone.set)
        Passage(guard, guard.session(agent="waiter"), revoke=other.set)
        keeper.stops.stop(Scope.AGENT, "clerk", person="rita")
        assert gone.wait(60)
        assert not other.is_set()


@pytest.mark.parametrize(
    "written",
    ['{"names": ["a"], "names": ["b"]}', '{"names": NaN}', '["a"]', "{", '{"a": {"b": 1, "b": 2}}', "null"],
)
def test_arguments_that_two_readers_could_read_differently_are_not_read(written: str) -> None:
    assert call_of("1", "note", written).error is not None


def test_an_empty_text_is_a_call_without_arguments() -> None:
    assert call_of("1", "note", "") == ToolCall("1", "note", {})


def test_a_refusal_is_on_record_even_where_nobody_knows_the_session(
    guard: Guard, keeper: RecordingKeeper
) -> None:
    def lost() -> Any:
        raise LookupError("no session is running")

    ruling = Passage(guard, lost).before(ToolCall("c1", "note", {"names": ["a"]}))
    awaited = asyncio.run(Passage(guard, lost).before_async(ToolCall("c2", "note", {"names": ["a"]})))
    assert (ruling.call, awaited.call) == (None, None)
    assert "no session is running" in ruling.message
    assert [(entry.kind, entry.body["call"]) for entry in keeper.entries] == [
        ("refused", "c1"),
        ("refused", "c2"),
    ]


def test_a_conversation_that_cannot_be_read_is_a_refusal_on_record(
    guard: Guard, keeper: RecordingKeeper
) -> None:
    def unreadable() -> Any:
        raise ValueError("half a message")

    session = guard.session(agent="clerk")
    ruling = Passage(guard, session).before(ToolCall("c1", "note", {"names": ["a"]}), unreadable)
    assert ruling.call is None
    assert [(entry.kind, entry.session) for entry in keeper.entries] == [("refused", session.id)]


def test_what_is_no_guard_permits_nothing() -> None:
    class Broken:
        policy = compiled(parse(POLICY))
        keeper = None

    ruling = Passage(Broken(), lambda: None).before(ToolCall("c1", "note", {"names": ["a"]}))  # type: ignore[arg-type, return-value]
    assert ruling.call is None
