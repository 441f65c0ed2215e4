"""From a stop on no call passes: not in this process, not in another, not after a restart."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import anyio
import pytest

from duress.guard import KeeperError, Said
from duress.guard.clients import Clients
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.state import State, StateError
from duress.guard.stops import Scope, Stop, Stops
from guard.people.room import ask, entries, intent, people, python, question, say, until


@pytest.mark.parametrize(
    ("scope", "name", "stopped", "free"),
    [
        (Scope.SESSION, "s1", [("s1", "clerk")], [("s2", "clerk"), ("s2", "other")]),
        (Scope.AGENT, "clerk", [("s1", "clerk"), ("s2", "clerk")], [("s1", "other")]),
        (Scope.ALL, "", [("s1", "clerk"), ("s9", "other")], []),
    ],
)
def test_a_stop_concerns_what_it_names(
    keeper: EmbeddedKeeper,
    scope: Scope,
    name: str,
    stopped: list[tuple[str, str]],
    free: list[tuple[str, str]],
) -> None:
    keeper.stop(scope, name, person="ann", reason="it mails strangers")
    for session, agent in stopped:
        reason = keeper.stopped(session, agent)
        assert reason is not None
        assert "it mails strangers" in reason
        with pytest.raises(KeeperError, match="stopped"):
            keeper.record([intent(session, agent)])
    for session, agent in free:
        assert keeper.stopped(session, agent) is None
        keeper.record([intent(session, agent)])


def test_waiting_questions_are_denied_at_once(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")
    asked = [ask(keeper, session=f"s{number}", arguments={"n": number}) for number in range(8)]
    keeper.stop(Scope.AGENT, "clerk", person="ann", reason="enough")
    answers = [one.answer for one in asked]
    assert {answer.said for answer in answers} == {Said.REFUSED}
    assert all("enough" in answer.message for answer in answers)


def test_what_was_approved_and_not_yet_taken_is_denied_too(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    request = question()
    keeper.put(request)
    say(keeper, ann, Said.APPROVE)
    keeper.stop(Scope.SESSION, "s1", person="ann")
    taken = keeper.queue.take(request)
    assert taken is not None
    assert taken.said is Said.REFUSED


def test_nothing_is_asked_of_people_for_what_is_stopped(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")
    keeper.stop(Scope.ALL, "", person="ann")
    assert keeper.ask(question()).said is Said.REFUSED
    assert keeper.queue.waiting() == []


def test_a_stop_of_another_process_is_seen_by_the_next_decision(keeper: EmbeddedKeeper, folder: Path) -> None:
    code = """
import sys
from pathlib import Path
from duress.guard.state import State
from duress.guard.stops import Scope, Stops
stops = Stops(State(Path(sys.argv[1])))
sys.stdin.readline()
stops.stop(Scope.AGENT, "clerk", person="ann")
print("stopped", flush=True)
sys.stdin.readline()
"""
    people(keeper.state, "ann")
    asked = ask(keeper)
    with python(code, folder) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert keeper.stopped("s2", "clerk") is None
        other.stdin.write("go\n")
        other.stdin.flush()
        other.stdout.readline()
        assert keeper.stopped("s2", "clerk") is not None
        assert asked.answer.said is Said.REFUSED


def test_a_restart_does_not_forget_a_stop(folder: Path) -> None:
    with EmbeddedKeeper(folder) as keeper:
        keeper.stop(Scope.AGENT, "clerk", person="ann", reason="until Monday")
    with EmbeddedKeeper(folder) as keeper:
        assert keeper.stopped("s7", "clerk") == "ann stopped agent clerk: until Monday"


def test_to_resume_needs_a_reason_and_both_are_recorded(keeper: EmbeddedKeeper, folder: Path) -> None:
    keeper.stop(Scope.ALL, "", person="ann", reason="drill")
    with pytest.raises(KeeperError, match="needs a reason"):
        keeper.stops.resume(Scope.ALL, "", person="ann", reason=" ")
    with pytest.raises(KeeperError, match="is not stopped"):
        keeper.stops.resume(Scope.AGENT, "clerk", person="ann", reason="over")
    keeper.stops.resume(Scope.ALL, "", person="ben", reason="the drill is over")
    assert keeper.stopped("s1", "clerk") is None
    until(lambda: entries(folder, "resume"))
    told = [
        (entry.kind, entry.body["person"], entry.body["reason"]) for entry in entries(folder) if entry.body
    ]
    assert told == [("stop", "ann", "drill"), ("resume", "ben", "the drill is over")]


def test_tokens_of_the_stopped_agent_are_revoked_for_good(keeper: EmbeddedKeeper) -> None:
    clients = Clients(keeper.state)
    mine, others = clients.add("clerk", owner="", by="test"), clients.add("other", owner="", by="test")
    keeper.stop(Scope.AGENT, "clerk", person="ann")
    keeper.stops.resume(Scope.AGENT, "clerk", person="ann", reason="over")
    revoked, valid = clients.of(mine), clients.of(others)
    assert revoked is not None
    assert revoked.revoked is not None
    assert valid is not None
    assert valid.revoked is None


def test_adapters_hear_of_a_stop_wherever_it_was_made(keeper: EmbeddedKeeper, folder: Path) -> None:
    heard: list[Stop] = []

    def fails(stop: Stop) -> None:
        raise RuntimeError("the broker is away")

    keeper.on_stop(fails)
    keeper.on_stop(heard.append)
    with State(folder) as other:
        Stops(other).stop(Scope.AGENT, "clerk", person="ann")
    until(lambda: heard)
    assert heard[0].name == "clerk"
    until(lambda: entries(folder, "revocation"))
    body = entries(folder, "revocation")[0].body
    assert body is not None
    assert "the broker is away" in body["failed"]


def test_a_state_that_was_replaced_by_another_file_denies(keeper: EmbeddedKeeper, folder: Path) -> None:
    keeper.stop(Scope.ALL, "", person="ann")
    shutil.copy(folder / "guard.db", folder / "copy")
    (folder / "copy").replace(folder / "guard.db")
    # Looked at every 5 ms.
    time.sleep(0.02)
    with pytest.raises(KeeperError, match="put in its place"):
        keeper.stopped("s1", "clerk")


def test_a_state_that_is_gone_denies(keeper: EmbeddedKeeper, folder: Path) -> None:
    (folder / "guard.db").unlink()
    time.sleep(0.02)
    with pytest.raises(KeeperError):
        keeper.stopped("s1", "clerk")
    with pytest.raises(KeeperError):
        keeper.record([intent()])


def test_a_file_that_is_no_state_is_an_error(folder: Path) -> None:
    folder.mkdir()
    (folder / "guard.db").write_text("no database, however long one looks at it")
    with pytest.raises(StateError, match=r"guard\.db"):
        EmbeddedKeeper(folder)


def test_the_state_is_for_its_owner_alone(keeper: EmbeddedKeeper, folder: Path) -> None:
    keeper.record([intent()])
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}


def test_a_stop_holds_for_tasks_too(keeper: EmbeddedKeeper) -> None:
    people(keeper.state, "ann")

    async def main() -> Said:
        found: list[Said] = []

        async def waits() -> None:
            found.append((await keeper.ask_async(question())).said)

        async with anyio.create_task_group() as group:
            group.start_soon(waits)
            while not keeper.queue.waiting():
                await anyio.sleep(0.01)
            keeper.stop(Scope.ALL, "", person="ann")
        with pytest.raises(KeeperError, match="stopped"):
            await keeper.record_async([intent()])
        return found[0]

    assert anyio.run(main) is Said.REFUSED


def test_a_forked_child_sees_stops_and_can_record(keeper: EmbeddedKeeper, folder: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.keeper import KeeperError
from duress.guard.stops import Scope
from guard.people.room import intent
keeper = EmbeddedKeeper(sys.argv[1])
keeper.record([intent(step=1)])
child = os.fork()
if child == 0:
    keeper.record([intent(step=2)])
    keeper.stop(Scope.AGENT, "clerk", person="child")
    os._exit(0)
os.waitpid(child, 0)
assert keeper.stopped("s1", "clerk")
keeper.close()
print("done", flush=True)
"""
    keeper.close()
    with python(code, folder) as process:
        out, err = process.communicate(timeout=60)
        assert out == "done\n", err
    steps = [entry.body["step"] for entry in entries(folder, "intent") if entry.body]
    assert steps == [1, 2]
