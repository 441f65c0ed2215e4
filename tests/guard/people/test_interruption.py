"""Whatever is killed whenever: nothing runs twice, nothing runs unrecorded, nothing is lost without a word."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from duress.guard import KeeperError, Said
from duress.guard.clients import Clients
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.queue import GONE, UNTAKEN
from duress.guard.reviewers import Reviewer
from duress.guard.state import State
from duress.guard.votes import Votes
from guard.people.room import Asked, ask, entries, people, python, question, say, served, until

AGENT = """
import sys
from guard.office import OUT, call, policy
from guard.people.room import Path
from duress.guard import Guard
from duress.guard.{module} import {keeper}
from duress.trajectory import ToolCall
kept = {make}
guard = Guard(policy(), kept)
session = guard.session(agent="clerk", user="dana", id=sys.argv[3])
print("ready", flush=True)
for number in range(10_000):
    def run(arguments):
        with open(sys.argv[2], "a") as ran:
            ran.write(arguments["subject"] + "\\n")
        return "sent"
    subject = sys.argv[3] + "-" + str(number)
    given = {{**OUT, "subject": subject}}
    guard.enforce(ToolCall("c" + str(number), "send_mail", given), session, run)
"""
EMBEDDED = AGENT.format(module="embedded", keeper="EmbeddedKeeper", make="EmbeddedKeeper(sys.argv[1])")
REMOTE = AGENT.format(
    module="remote", keeper="RemoteKeeper", make="RemoteKeeper(sys.argv[1], sys.argv[4], patience=3)"
)


def approve_all(keeper: EmbeddedKeeper, who: Reviewer, seconds: float) -> None:
    """Approve whatever comes, for a while."""
    end = time.monotonic() + seconds
    votes = Votes(keeper.state)
    while time.monotonic() < end:
        for item in keeper.queue.waiting():
            try:
                votes.cast(item.request.id, who, Said.APPROVE, binding=item.binding)
            except KeeperError:
                # Settled meanwhile: its agent was killed.
                continue
        time.sleep(0.001)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def check(folder: Path, ran: Path) -> int:
    """Nothing ran twice, or without its intent and its approval in the record. Returns how many ran."""
    counts = Counter(lines(ran))
    assert set(counts.values()) <= {1}
    intents = Counter(entry.body["arguments"]["subject"] for entry in entries(folder, "intent") if entry.body)
    assert set(intents.values()) <= {1}
    assert counts.keys() <= intents.keys()
    votes = {entry.body["request"] for entry in entries(folder, "vote") if entry.body}
    for entry in entries(folder, "intent"):
        assert entry.body is not None
        assert entry.body["request"] in votes
    return len(counts)


def test_agents_killed_at_any_moment_run_nothing_twice_and_nothing_unrecorded(
    folder: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    chance = random.Random(3)
    with EmbeddedKeeper(folder) as keeper:
        (ann,) = people(keeper.state, "ann")
        for number in range(60):
            with python(EMBEDDED, folder, ran, f"a{number}") as agent:
                assert agent.stdout is not None
                assert agent.stdout.readline() == "ready\n"
                approve_all(keeper, ann, chance.uniform(0.05, 0.35))
                agent.send_signal(signal.SIGKILL)
                agent.wait()
            # On a slow machine few calls run in that time.
            if number >= 5 and len(lines(ran)) > 5:
                break
        keeper.queue.sweep()
        assert keeper.queue.waiting() == []
        assert keeper.queue.settled() == []
    assert check(folder, ran) > 5


def test_whoever_writes_the_ledger_may_be_killed(folder: Path, tmp_path: Path) -> None:
    """The agent is its writer; what others put in the outbox is written once, by whoever comes next."""
    ran = tmp_path / "ran"
    for number in range(4):
        with python(EMBEDDED, folder, ran, f"a{number}") as agent:
            assert agent.stdout is not None
            assert agent.stdout.readline() == "ready\n"
            with EmbeddedKeeper(folder) as keeper:
                ann = next(iter(keeper.queue._people.all()), None) or people(keeper.state, "ann")[0]
                until(keeper.queue.waiting, 10)
                approve_all(keeper, ann, 0.25)
                agent.send_signal(signal.SIGKILL)
                agent.wait()
    check(folder, ran)
    numbers = [entry.body["outbox"] for entry in entries(folder) if entry.body and "outbox" in entry.body]
    assert len(numbers) == len(set(numbers)), "an entry of the outbox was written twice"
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), "an entry of the outbox was lost"


def test_a_question_of_a_process_that_died_cannot_be_approved(keeper: EmbeddedKeeper, folder: Path) -> None:
    (ann,) = people(keeper.state, "ann")
    with python(EMBEDDED, folder, folder / "ran", "a") as agent:
        item = until(keeper.queue.waiting)[0]
        agent.kill()
        agent.wait()
        with pytest.raises(KeeperError, match=GONE):
            Votes(keeper.state).cast(item.request.id, ann, Said.APPROVE, binding=item.binding)


def test_an_approval_that_nobody_took_is_told_of(keeper: EmbeddedKeeper, folder: Path) -> None:
    """The agent dies between the answer and taking it: nothing ran by it, and the record says so."""
    (ann,) = people(keeper.state, "ann")
    code = """
import os, signal, sys
from duress.guard.embedded import EmbeddedKeeper
from guard.people.room import question
EmbeddedKeeper(sys.argv[1]).put(question())
print("put", flush=True)
signal.pause()
"""
    with python(code, folder) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()
        say(keeper, ann, Said.APPROVE)
        agent.kill()
        agent.wait()
    item = until(lambda: [one for one in keeper.queue.recent() if one.message == UNTAKEN])[0]
    assert item.said is Said.EXPIRED
    until(lambda: entries(folder, "lost"))
    body = entries(folder, "lost")[0].body
    assert body is not None
    assert (body["said"], body["people"]) == ("approve", ["ann"])


def test_a_server_killed_while_people_are_asked_is_a_denial(folder: Path) -> None:
    from duress.guard.remote import RemoteKeeper

    with State(folder) as state:
        (ann,) = people(state, "ann")
        token = Clients(state).add("clerk", owner="", by="test")
        with served(folder) as (url, server):
            keeper = RemoteKeeper(url, token)
            asked = Asked(keeper.ask, question())
            from duress.guard.queue import Queue

            item = until(Queue(state).waiting)[0]
            server.send_signal(signal.SIGKILL)
            assert isinstance(asked.outcome, KeeperError)
            with pytest.raises(KeeperError, match=GONE):
                Votes(state).cast(item.request.id, ann, Said.APPROVE, binding=item.binding)
            with pytest.raises(KeeperError):
                keeper.record([])


def test_servers_killed_at_any_moment_let_nothing_run_twice(folder: Path, tmp_path: Path) -> None:
    """Agents are served; the server is killed and started anew, and agents begin again with it."""
    ran = tmp_path / "ran"
    chance = random.Random(5)
    with State(folder) as state:
        people(state, "ann")
        token = Clients(state).add("clerk", owner="", by="test")
    for number in range(2):
        with (
            served(folder) as (url, server),
            python(REMOTE, url, ran, f"r{number}", token) as agent,
            EmbeddedKeeper(folder) as beside,
        ):
            assert agent.stdout is not None
            assert agent.stdout.readline() == "ready\n"
            until(beside.queue.waiting)
            approve_all(beside, beside.queue._people.get("ann"), chance.uniform(0.2, 0.6))
            server.send_signal(signal.SIGKILL)
            server.wait()
            before = lines(ran)
            time.sleep(0.3)
            assert len(lines(ran)) <= len(before) + 1, "without its server an agent goes on"
    assert check(folder, ran) > 2


def test_a_server_told_to_end_ends_soon_and_denies(folder: Path) -> None:
    from duress.guard.remote import RemoteKeeper

    with State(folder) as state:
        people(state, "ann")
        token = Clients(state).add("clerk", owner="", by="test")
        with served(folder) as (url, server):
            keeper = RemoteKeeper(url, token)
            assert keeper.stopped("s1", "clerk") is None
            asked = Asked(keeper.ask, question())
            from duress.guard.queue import Queue

            until(Queue(state).waiting)
            server.terminate()
            assert server.wait(60) in (0, -signal.SIGTERM)
            assert isinstance(asked.outcome, KeeperError)


def test_an_agent_that_waits_hears_of_an_answer_within_milliseconds(keeper: EmbeddedKeeper) -> None:
    (ann,) = people(keeper.state, "ann")
    took: list[float] = []
    for number in range(10):
        asked = ask(keeper, arguments={"number": number})
        say(keeper, ann, Said.APPROVE, asked.request)
        began = time.monotonic()
        _ = asked.answer
        took.append(time.monotonic() - began)
    assert sorted(took)[5] < 0.5
