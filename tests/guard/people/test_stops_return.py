"""After a stop has returned no tool call begins, in whatever process: what runs then, it names."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from duress.guard import Guard, KeeperError
from duress.guard.clients import Clients
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.keeper import Entry
from duress.guard.policy import compiled, parse
from duress.guard.remote import RemoteKeeper
from duress.guard.state import State
from duress.guard.stops import Scope, Stops
from duress.guard.underway import LEASE, Client, Underway, calls, clients, settled
from duress.trajectory import ToolCall
from guard.people.room import entries, python, served, until

POLICY = """
duress_policy: 1
name: office
version: "1"
tools:
  read: {effect: read, parameters: {type: object, properties: {n: {type: integer}}, required: [n]}}
rules: permit (principal, action, resource);
timeout: 30
"""
AGENT = """
import sys, threading, time
sys.path.insert(0, "tests")
from guard.people.test_stops_return import POLICY
from duress.guard import Guard
from duress.guard.policy import compiled, parse
from duress.trajectory import ToolCall
place, token, agents = sys.argv[1], sys.argv[2], int(sys.argv[3])
if token:
    from duress.guard.remote import RemoteKeeper
    keeper = RemoteKeeper(place, token, patience=30)
else:
    from duress.guard.embedded import EmbeddedKeeper
    keeper = EmbeddedKeeper(place)
guard = Guard(compiled(parse(POLICY)), keeper)
last, ready = [0.0] * agents, threading.Barrier(agents + 1)
def one(number):
    session, calls = guard.session(agent="clerk", user="dana"), 0
    def run(_):
        last[number] = time.monotonic()
        return "done"
    while guard.enforce(ToolCall(f"c{number}-{calls}", "read", {"n": calls}), session, run).ran:
        calls += 1
        if calls == 1:
            ready.wait()
    return calls
threads = [threading.Thread(target=one, args=(number,)) for number in range(agents)]
for thread in threads:
    thread.start()
ready.wait()
print("ready", flush=True)
for thread in threads:
    thread.join()
print(max(last), flush=True)
"""


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Have so many processes compute all the time."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


@pytest.mark.parametrize("load", [0, 4], ids=["idle", "busy"])
@pytest.mark.parametrize("where", ["embedded", "served"])
def test_no_call_begins_after_a_stop_has_returned(folder: Path, where: str, load: int) -> None:
    with State(folder) as state:
        token = Clients(state).add("clerk", owner="", by="test") if where == "served" else ""
    with busy(load), EmbeddedKeeper(folder) as keeper:
        if where == "served":
            with served(folder) as (url, _):
                last, returned, running = stopped_among(keeper, url, token)
        else:
            last, returned, running = stopped_among(keeper, str(folder), token)
    assert last < returned or running, f"a call began {last - returned:.3f} s after the stop had returned"


def stopped_among(keeper: EmbeddedKeeper, place: str, token: str) -> tuple[float, float, int]:
    """Stop two processes of agents; return when the last call began, when the stop returned, what it named."""
    with python(AGENT, place, token, "6") as one, python(AGENT, place, token, "6") as two:
        agents = [one, two]
        for agent in agents:
            assert agent.stdout is not None
            assert agent.stdout.readline() == "ready\n"
        running = len(keeper.stop(Scope.AGENT, "clerk", person="ann").running)
        returned = time.monotonic()
        lasts: list[float] = []
        for agent in agents:
            out, err = agent.communicate(timeout=60)
            assert agent.returncode == 0, err
            lasts.append(float(out))
    return max(lasts), returned, running


def begin(guard: Guard, agent: str = "clerk", **more: object) -> tuple[threading.Thread, threading.Event]:
    """Have a thread call a tool that runs until it is let go."""
    let_go, runs = threading.Event(), threading.Event()

    def run(_: dict[str, object]) -> str:
        runs.set()
        let_go.wait(60)
        return "done"

    session = guard.session(agent=agent, user="dana", id=f"{agent}-1")
    thread = threading.Thread(target=guard.enforce, args=(ToolCall("c1", "read", {"n": 1}), session, run))
    thread.start()
    assert runs.wait(60)
    return thread, let_go


def test_a_stop_waits_for_a_call_and_returns_once_it_has_ended(keeper: EmbeddedKeeper) -> None:
    thread, let_go = begin(Guard(compiled(parse(POLICY)), keeper))
    threading.Timer(0.2, let_go.set).start()
    assert keeper.stop(Scope.ALL, "", person="ann").running == ()
    assert let_go.is_set()
    thread.join()


def test_a_call_that_runs_on_is_named(keeper: EmbeddedKeeper) -> None:
    thread, let_go = begin(Guard(compiled(parse(POLICY)), keeper))
    running = keeper.stop(Scope.AGENT, "clerk", person="ann").running
    assert [(call.agent, call.session, call.tool) for call in running] == [("clerk", "clerk-1", "read")]
    let_go.set()
    thread.join()
    assert calls(keeper.state.folder) == []


def test_nobody_waits_for_calls_of_others(keeper: EmbeddedKeeper) -> None:
    thread, let_go = begin(Guard(compiled(parse(POLICY)), keeper), agent="other")
    assert keeper.stop(Scope.AGENT, "clerk", person="ann").running == ()
    assert [call.agent for call in calls(keeper.state.folder)] == ["other"]
    let_go.set()
    thread.join()


def test_what_ran_in_a_process_that_died_runs_no_more(keeper: EmbeddedKeeper, folder: Path) -> None:
    code = """
import os, sys
sys.path.insert(0, "tests")
from guard.people.test_stops_return import POLICY
from duress.guard import Guard
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.policy import compiled, parse
from duress.trajectory import ToolCall
guard = Guard(compiled(parse(POLICY)), EmbeddedKeeper(sys.argv[1]))
def run(_):
    print("runs", flush=True)
    sys.stdin.readline()
guard.enforce(ToolCall("c1", "read", {"n": 1}), guard.session(agent="clerk"), run)
"""
    with python(code, folder) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "runs\n"
        assert [call.tool for call in calls(folder)] == ["read"]
        agent.kill()
        agent.wait()
        assert keeper.stop(Scope.ALL, "", person="ann").running == ()


def test_an_intent_that_is_not_recorded_is_not_under_way(keeper: EmbeddedKeeper, folder: Path) -> None:
    keeper.stop(Scope.ALL, "", person="ann")
    with pytest.raises(KeeperError, match="stopped"):
        keeper.record([Entry("intent", "s1", "clerk", time.time(), {"decision": "d1", "tool": "pay"})])
    assert calls(folder) == []


def test_names_that_are_too_long_to_be_kept_count_as_anybodys(keeper: EmbeddedKeeper, folder: Path) -> None:
    keeper.record([Entry("intent", "s" * 900, "clerk", time.time(), {"decision": "d1", "tool": "pay"})])
    with EmbeddedKeeper(folder) as other:
        assert len(other.stop(Scope.AGENT, "somebody", person="ann").running) == 1


def test_thousands_of_calls_at_once_are_all_seen(keeper: EmbeddedKeeper, folder: Path) -> None:
    for number in range(1000):
        keeper.underway.begin(Entry("intent", f"s{number}", "clerk", 1.0, {"decision": f"d{number}"}))
    assert len(calls(folder)) == 1000
    for number in range(1000):
        keeper.underway.end(Entry("result", f"s{number}", "clerk", 1.0, {"decision": f"d{number}"}))
    assert calls(folder) == []


# ---- leases ------------------------------------------------------------------------------------


def test_a_stop_waits_for_a_client_that_has_not_heard_until_its_lease_is_over(folder: Path) -> None:
    with State(folder) as state:
        underway = Underway(folder)
        stop = Stops(state).stop(Scope.ALL, "", person="ann")
        run = state.now().run
        underway.lease("one", "clerk", stop.id - 1, run + 0.4)
        began = time.monotonic()
        settled(folder, stop, lambda: state.now().run)
        assert time.monotonic() - began >= 0.35
        underway.lease("one", "clerk", stop.id, run + 60)
        looks: list[float] = []
        settled(folder, stop, lambda: looks.append(run) or state.now().run)  # type: ignore[func-returns-value]
        assert len(looks) == 1
        assert clients(folder) == [Client("clerk", stop.id, run + 60)]
        underway.close()


def test_a_client_whose_server_hangs_denies_by_itself(folder: Path) -> None:
    """The intent is on the server's disk; then nothing is heard any more, and the tool does not run."""
    with State(folder) as state:
        token = Clients(state).add("clerk", owner="", by="test")
    ran: list[object] = []
    with served(folder) as (url, server):

        class Deaf(RemoteKeeper):
            def record(self, entries: object) -> None:
                super().record(entries)  # type: ignore[arg-type]
                server.send_signal(signal.SIGSTOP)
                time.sleep(LEASE + 0.2)

        guard = Guard(compiled(parse(POLICY)), Deaf(url, token, patience=1))
        session = guard.session(agent="clerk", user="dana")
        try:
            result = guard.enforce(ToolCall("c1", "read", {"n": 1}), session, lambda _: ran.append(1) or "x")
        finally:
            server.send_signal(signal.SIGCONT)
        assert ran == []
        assert "not heard of for 2 s" in result.text
        assert [entry.kind for entry in until(lambda: entries(folder, "intent"))] == ["intent"]


def _hangs(server: subprocess.Popen[str], folder: Path) -> bool:
    """Make a server hang; if it does so in the middle of a change, which nobody could then make, it goes on."""
    server.send_signal(signal.SIGSTOP)
    db = sqlite3.connect(folder / "guard.db", timeout=0, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        server.send_signal(signal.SIGCONT)
        return False
    finally:
        db.close()
    return True


def test_a_server_that_hangs_holds_no_stop_up_for_longer_than_a_lease(folder: Path) -> None:
    with State(folder) as state:
        token = Clients(state).add("clerk", owner="", by="test")
    with served(folder) as (url, server), RemoteKeeper(url, token) as keeper:
        assert keeper.stopped("s1", "clerk") is None
        until(lambda: clients(folder))
        until(lambda: _hangs(server, folder))
        try:
            with EmbeddedKeeper(folder) as beside:
                beside.stop(Scope.AGENT, "clerk", person="ann")
            with pytest.raises(KeeperError, match="not heard of"):
                keeper.stopped("s1", "clerk")
        finally:
            server.send_signal(signal.SIGCONT)


def test_a_client_that_goes_takes_its_lease_along(folder: Path) -> None:
    with State(folder) as state:
        token = Clients(state).add("clerk", owner="", by="test")
    with served(folder) as (url, _):

        def goes() -> bool:
            before = len(clients(folder))
            keeper = RemoteKeeper(url, token)
            assert keeper.stopped("s1", "clerk") is None
            assert [client.agent for client in clients(folder)] == ["clerk"] * (before + 1)
            # It waits for two seconds at most that its farewell is heard.
            keeper.close()
            return len(clients(folder)) == before

        until(goes)


def test_what_a_client_asked_before_its_farewell_and_is_heard_after_gives_no_lease(folder: Path) -> None:
    with State(folder) as state:
        token = Clients(state).add("clerk", owner="", by="test")
    with served(folder) as (url, _):

        def asks(*, over: bool = False) -> httpx.Response:
            told = {"name": "one", "heard": 0, "known": "", "over": over}
            headers = {"authorization": f"Bearer {token}"}
            return httpx.post(f"{url}/api/standing", json=told, headers=headers, timeout=60)

        assert asks().status_code == 200
        assert len(clients(folder)) == 1
        assert asks(over=True).status_code == 200
        late = asks()
        assert late.status_code != 200
        assert "has gone" in late.text
        assert clients(folder) == []


def test_a_revoked_token_tells_what_became_of_its_calls_and_nothing_else(folder: Path) -> None:
    with State(folder) as state:
        token = Clients(state).add("clerk", owner="", by="test")
        with served(folder) as (url, _), RemoteKeeper(url, token) as keeper:
            body = {"decision": "d1", "tool": "read"}
            keeper.record([Entry("intent", "s1", "clerk", time.time(), body)])
            Stops(state).stop(Scope.AGENT, "clerk", person="ann")
            with pytest.raises(KeeperError, match="revoked"):
                keeper.record([Entry("result", "s1", "clerk", time.time(), {"decision": "d2"})])
            with pytest.raises(KeeperError, match="revoked"):
                keeper.record([Entry("intent", "s1", "clerk", time.time(), {"decision": "d1"})])
            with pytest.raises(KeeperError, match="revoked"):
                keeper.record([])
            keeper.record([Entry("result", "s1", "clerk", time.time(), body)])
            assert calls(folder) == []
            with pytest.raises(KeeperError, match="revoked"):
                keeper.record([Entry("result", "s1", "clerk", time.time(), body)])
