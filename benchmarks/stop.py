"""How long a stop takes with 64 agents running: `python benchmarks/stop.py`.

Each agent calls a tool again and again through a guard that records each intent durably; another process
stops all of them. Measured from the moment at which the stop is ordered: until it is on disk, until an agent
begins its last call, until an agent hears that it is stopped, until the command returns; and, where agents
wait for people, until they are denied. Calls that begin after the command has returned are counted, and of
these the ones that it has not named as running: there must be none. `--busy` has so many other processes
compute all the time. All clocks are the one of the machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from duress.guard import Guard, Keeper
from duress.guard.clients import Clients
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.policy import compiled, parse
from duress.guard.remote import RemoteKeeper
from duress.guard.reviewers import Reviewers, Role
from duress.guard.state import State
from duress.guard.stops import Scope, Stops
from duress.guard.underway import settled
from duress.trajectory import ToolCall

POLICY = """\
duress_policy: 1
name: bench
version: "1"
tools:
  read: {effect: read, parameters: {type: object, properties: {n: {type: integer}}, required: [n]}}
  write: {effect: reversible, parameters: {type: object, properties: {n: {type: integer}}, required: [n]}}
rules: |
  permit (principal, action, resource) when { resource.effect == "read" };
  permit (principal, action == Action::"call write", resource);
timeout: 5
"""
RUNNING = 0.7
"""Seconds that agents run before they are stopped."""


@dataclass(frozen=True)
class Stopped:
    """What one agent saw of one stop, as moments of the machine's clock."""

    agent: str
    last: float
    """When its last call began; 0 if it made none."""
    heard: float
    """When it was first refused."""
    calls: int
    unheard: int
    """Calls that were denied because the server had not been heard of for the time of a lease."""


def run(keeper: Keeper, agent: str, tool: str, ready: threading.Event) -> Stopped:
    """Call a tool until it is refused."""
    guard = Guard(compiled(parse(POLICY)), keeper)
    session = guard.session(agent=agent, user="dana")
    last, calls, unheard = 0.0, 0, 0

    def execute(_: dict[str, object]) -> str:
        nonlocal last, calls
        last, calls = time.monotonic(), calls + 1
        return "done"

    while True:
        ready.set()
        result = guard.enforce(ToolCall(secrets.token_hex(4), tool, {"n": calls}), session, execute)
        if not result.ran:
            if "not heard of" in result.text:
                # A server without a processor to run on: its clients deny until they hear of it.
                unheard += 1
                continue
            if "stopped" not in result.text:
                raise RuntimeError(f"refused for another reason: {result.text}")
            return Stopped(agent, last, time.monotonic(), calls, unheard)


def work(place: str, tool: str, agents: Sequence[tuple[str, str]], pipe: Connection) -> None:
    """Be the process of some agents; report what they saw."""
    keepers: list[Keeper] = []
    shared: EmbeddedKeeper | None = None if place.startswith("http") else EmbeddedKeeper(place)
    for _, token in agents:
        keepers.append(shared or RemoteKeeper(place, token))
    found: list[Stopped] = []
    failed: list[str] = []

    def one(keeper: Keeper, agent: str, ready: threading.Event) -> None:
        try:
            found.append(run(keeper, agent, tool, ready))
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}")
            ready.set()

    events = [threading.Event() for _ in agents]
    threads = [
        threading.Thread(target=one, args=(keeper, agent, event))
        for keeper, (agent, _), event in zip(keepers, agents, events, strict=True)
    ]
    for thread in threads:
        thread.start()
    for event in events:
        event.wait()
    pipe.send("running")
    for thread in threads:
        thread.join()
    pipe.send((found, failed))
    if shared is not None:
        shared.close()


def rounds(place: str, folder: Path, agents: int, processes: int, times: int, tool: str) -> None:
    """Start agents, stop them, and print what they saw, over several rounds."""
    context = multiprocessing.get_context("spawn")
    ordered: list[float] = []
    lasts: list[float] = []
    heard: list[float] = []
    returns: list[float] = []
    late = unnamed = calls = unheard = 0
    with State(folder) as state:
        stops, clients = Stops(state), Clients(state)
        for _ in range(times):
            names = [f"agent-{number}" for number in range(agents)]
            served = place.startswith("http")
            tokens = [clients.add(name, owner="", by="bench") if served else "" for name in names]
            parts = [list(zip(names, tokens, strict=True))[start::processes] for start in range(processes)]
            pipes: list[Connection] = []
            workers: list[multiprocessing.process.BaseProcess] = []
            for part in parts:
                ours, theirs = context.Pipe()
                worker = context.Process(target=work, args=(place, tool, part, theirs))
                worker.start()
                pipes.append(ours)
                workers.append(worker)
            for pipe in pipes:
                pipe.recv()
            if tool == "write":
                _all_wait(state, agents)
            time.sleep(RUNNING)
            began = time.monotonic()
            stop = stops.stop(Scope.ALL, "", person="bench", reason="benchmark")
            ordered.append(time.monotonic() - began)
            running = {call.agent for call in settled(folder, stop, lambda: state.now().run)}
            returned = time.monotonic()
            returns.append(returned - began)
            for pipe in pipes:
                found, failed = pipe.recv()
                if failed:
                    raise SystemExit(f"an agent failed: {failed[0]}")
                for one in found:
                    lasts.append(max(0.0, one.last - began))
                    heard.append(one.heard - began)
                    late += one.last > returned
                    unnamed += one.last > returned and one.agent not in running
                    calls += one.calls
                    unheard += one.unheard
            for worker in workers:
                worker.join()
            stops.resume(Scope.ALL, "", person="bench", reason="next round")
    print(f"    the stop is on disk           {_figures(ordered)}")
    if unheard:
        print(f"    denied because the server was not heard of for the time of a lease: {unheard:,}")
    print(f"    the command returns           {_figures(returns)}")
    if tool == "read":
        print(f"    an agent's last call begins   {_figures(lasts)}")
    print(f"    an agent hears of it          {_figures(heard)}")
    if tool == "read":
        print(
            f"    calls begun after the command had returned: {late} of {calls:,}; {unnamed} not named by it"
        )


def _all_wait(state: State, agents: int) -> None:
    while True:
        rows = state.rows("SELECT COUNT(*) AS n FROM request WHERE said IS NULL")
        if rows[0]["n"] >= agents:
            return
        time.sleep(0.05)


def _figures(seconds: Sequence[float]) -> str:
    p50, p99 = np.percentile([1000 * one for one in seconds], [50, 99])
    return f"p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   n {len(seconds)}"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run a server on a free port."""
    code = "import sys; from duress.cli.main import main; sys.argv[0] = 'duress'; main()"
    command = [sys.executable, "-c", code, "guard", "serve", "--state", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("The page: ").strip().rstrip("/")
        time.sleep(1)
        try:
            yield url
        finally:
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="other processes that compute all the time")
    given = parser.parse_args()
    said = f"{given.agents} agents, {given.rounds} rounds, {given.busy} busy processes"
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(given.busy)]
    try:
        measure(given.agents, given.rounds, said)
    finally:
        for one in busy:
            one.kill()


def measure(agents: int, times: int, said: str) -> None:
    """Print all figures."""
    for name, processes, served in (
        ("one process, embedded", 1, False),
        ("8 processes, embedded in each on one state folder", 8, False),
        ("8 processes, served", 8, True),
    ):
        print(f"\n{name}: {said}")
        for tool, title in (("read", "running"), ("write", "waiting for people")):
            with tempfile.TemporaryDirectory(prefix="duress-stop-") as scratch:
                folder = Path(scratch) / "guard"
                with State(folder) as state:
                    Reviewers(state).add("ann", Role.REVIEWER, by="bench")
                print(f"  {title}")
                if served:
                    with serving(folder) as url:
                        rounds(url, folder, agents, processes, times, tool)
                else:
                    rounds(str(folder), folder, agents, processes, times, tool)


if __name__ == "__main__":
    main()
