"""How long a guard's decision takes: in process, and with a durable record for 64 agents at the same time.

    python benchmarks/guard.py [--decisions 4000] [--agents 64] [--seconds 5] [--pause 0.05] [--no-peer]

In one run, in turn: a bare Cedar evaluation of the same rules, our decision (arguments normalised, session
facts, both permissions, reasons), once where rules see what they saw before and once where they never do, the
same with all rule monitors, and the decision of a peer, the policy evaluator of `agent-os-kernel` on equal
rules, in an environment of its own. Then 64 agents, each waiting for its intent to be on disk before its tool
runs, at several rates of calls, in threads and in tasks; how many calls were offered and reached is beside
how long they took. Prints medians, 99th percentiles and ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Sequence
from itertools import count as counted
from pathlib import Path
from typing import Any

from duress.guard import Guard
from duress.guard.policy import Policy, compiled, parse
from duress.trajectory import Message, Role, ToolCall

PEER = "agent-os-kernel==3.7.0"
TOOLS = [f"tool_{number}" for number in range(8)]
HEAD = """\
duress_policy: 1
name: bench
version: "1"
organisation: {domains: [home.example]}
tools:
  read_mail:
    effect: read
    parameters: {type: object, properties: {message: {type: string}}, required: [message]}
  send_mail:
    effect: irreversible
    recipients: [to]
    parameters:
      type: object
      properties: {to: {type: array, items: {type: string}}, subject: {type: string}, body: {type: string}}
      required: [to, subject, body]
"""
OTHER = (
    "  {name}: {{effect: reversible, parameters: {{type: object, properties: {{x: {{type: string}}}}}}}}\n"
)
RULES = [
    'permit (principal, action, resource) when { resource.effect == "read" };',
    'permit (principal, action, resource == Tool::"send_mail");',
    *(f'permit (principal, action in Action::"call", resource == Tool::"{name}");' for name in TOOLS),
    'forbid (principal, action in Action::"unattended", resource) '
    "when { !context.facts.outside_recipients.isEmpty() };",
]
"""Ten permits and a prohibition."""
NAMES = ("provenance", "novelty", "disclosure", "pressure", "burst", "coercion", "oversight")
MONITORS = f"[{', '.join(f'{{name: {name}, reject: 1.0}}' for name in NAMES)}]"
CALL = ToolCall(
    "c1",
    "send_mail",
    {"to": ["ann@home.example"], "subject": "Berths", "body": "Six berths are free on Friday. " * 16},
)

PEER_CODE = """
import json, sys, time
from agent_os.policies.evaluator import PolicyEvaluator
from agent_os.policies.schema import PolicyAction, PolicyCondition, PolicyDocument, PolicyOperator, PolicyRule
def rule(name, value, action, priority, field="tool_name", operator=PolicyOperator.EQ):
    return PolicyRule(name=name, action=action, priority=priority,
                      condition=PolicyCondition(field=field, operator=operator, value=value))
rules = [rule("outside", 0, PolicyAction.DENY, 100, "outside_recipients", PolicyOperator.GT)]
rules += [rule(n, n, PolicyAction.ALLOW, 10) for n in ["read_mail", *json.loads(sys.argv[2]), "send_mail"]]
found = PolicyEvaluator([PolicyDocument(name="bench", rules=rules)])
context = {"tool_name": "send_mail", "outside_recipients": 0, **json.loads(sys.argv[3])}
assert found.evaluate(context).allowed
took = []
for _ in range(int(sys.argv[1])):
    start = time.perf_counter()
    found.evaluate(dict(context))
    took.append(time.perf_counter() - start)
print(json.dumps(took))
"""


def policy(monitors: str = "[]") -> Policy:
    rules = "".join(f"  {rule}\n" for rule in RULES)
    others = "".join(OTHER.format(name=name) for name in TOOLS)
    return compiled(parse(f"{HEAD}{others}rules: |\n{rules}monitors: {monitors}\n"))


def session_of(guard: Guard, messages: int = 50) -> Any:
    session = guard.session(agent="bench", user="owner")
    session.hear(Message(Role.SYSTEM, "You look after the office mail of home.example."))
    session.hear(Message(Role.USER, "Write to ann@home.example how many berths are free on Friday."))
    for number in range(messages):
        text = f"Message {number}. " + "The quay was repaired in spring and the depths were taken anew. " * 30
        session.hear(Message(Role.TOOL, text, call_id=f"t{number}"))
    return session


def timed(once: Callable[[], Any], count: int) -> list[float]:
    took: list[float] = []
    for _ in range(count):
        start = time.perf_counter()
        once()
        took.append(time.perf_counter() - start)
    return took


def bare(one: Policy) -> Callable[[], Any]:
    """Return one Cedar evaluation, of one permission, with everything parsed beforehand."""
    import cedarpy

    rules = cedarpy.PolicySet.from_str(one.file.rules)
    request = {
        "principal": 'Agent::"bench"',
        "action": 'Action::"call send_mail"',
        "resource": 'Tool::"send_mail"',
        "context": json.dumps({"facts": {"outside_recipients": []}}),
    }
    entities = one.rules.entities
    assert cedarpy.is_authorized(request, rules, entities).allowed
    return lambda: cedarpy.is_authorized(request, rules, entities)


def peer(folder: Path) -> Path | None:
    """Return the Python of an environment with the peer, or None if it cannot be had."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    # The peer imports yaml and does not say so.
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", PEER, "pyyaml"]
    done = subprocess.run(install, capture_output=True, check=False)
    return python if done.returncode == 0 else None


def line(name: str, took: list[float], against: float | None = None) -> float:
    median = statistics.median(took)
    tail = statistics.quantiles(took, n=100)[98]
    ratio = f"   {median / against:5.2f} x bare Cedar" if against else ""
    print(f"{name:44} median {median * 1e6:7.0f} us   p99 {tail * 1e6:7.0f} us   {1 / median:8,.0f}/s{ratio}")
    return median


def decisions(count: int, with_peer: bool) -> None:
    plain, watched = Guard(policy()), Guard(policy(MONITORS))
    session, watched_session = session_of(plain), session_of(watched)
    strangers = (
        ToolCall(f"c{n}", CALL.tool, {**CALL.arguments, "to": [f"a{n}@away.example"]}) for n in counted()
    )
    assert plain.decide(CALL, session).verb == "proceed"
    assert watched.decide(CALL, watched_session).verb == "proceed"
    cedar = bare(plain.policy)
    took: dict[str, list[float]] = {"bare": [], "new": [], "ours": [], "watched": [], "peer": []}
    with tempfile.TemporaryDirectory() as folder:
        python = peer(Path(folder)) if with_peer else None
        for _ in range(4):
            took["bare"] += timed(cedar, count // 4)
            took["new"] += timed(lambda: plain.decide(next(strangers), session), count // 4)
            took["ours"] += timed(lambda: plain.decide(CALL, session), count // 4)
            took["watched"] += timed(lambda: watched.decide(CALL, watched_session), count // 4)
            if python:
                shown = subprocess.run(
                    [python, "-c", PEER_CODE, str(count // 4), json.dumps(TOOLS), json.dumps(CALL.arguments)],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                took["peer"] += json.loads(shown.stdout)
    print(
        f"Decisions: a session of {len(session.messages)} messages, {len(RULES)} rules, {count} each in turn"
    )
    base = line("bare Cedar, one permission", took["bare"])
    line("duress: types, facts, both permissions", took["new"], base)
    line("duress where rules see what they saw before", took["ours"], base)
    line("duress with seven rule monitors", took["watched"], base)
    if took["peer"]:
        line(f"{PEER}: tool name and one count", took["peer"], base)
    else:
        print(f"{PEER}: not installed; left out")


def synced(folder: Path, seconds: float) -> float:
    """Return how many appends of 4 KiB the disk syncs in a second, one after the other."""
    block, count = os.urandom(4096), 0
    with (folder / "sync").open("wb") as out:
        start = time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            out.write(block)
            out.flush()
            os.fsync(out.fileno())
            count += 1
    return count / spent


PAUSES = (0.05, 0.1, 0.25, 1.0)
"""Seconds between the calls of one agent, on average: its model and its tools take their time."""
WARM = 1.0
"""Seconds before anything is counted: each session is heard of for the first time."""


class Agents:
    """Agents that call and wait, each in a thread or a task of its own, and how long their intents took."""

    def __init__(self, guard: Guard, agents: int, pause: float) -> None:
        self.guard, self.agents, self.pause = guard, agents, pause
        self.took: list[float] = []
        self.over = False

    def sessions(self) -> list[Any]:
        return [session_of(self.guard, 10) for _ in range(self.agents)]

    def call(self, agent: int, number: int) -> ToolCall:
        # No two calls say the same: nothing is known from the one before.
        body = f"To berth {agent}.{number}: {CALL.arguments['body']}"
        return ToolCall(f"c{agent}-{number}", CALL.tool, {**CALL.arguments, "body": body})

    def wait(self) -> float:
        return random.uniform(0.5, 1.5) * self.pause

    def thread(self, agent: int, session: Any, over: threading.Event) -> None:
        over.wait(random.uniform(0, self.pause))
        number = 0
        while not over.is_set():
            number += 1
            call = self.call(agent, number)
            start = time.perf_counter()
            ruling = self.guard.before(call, session)
            self.took.append(time.perf_counter() - start)
            assert ruling.call is not None, ruling.message
            self.guard.after(ruling, session, "sent")
            over.wait(self.wait())

    async def task(self, agent: int, session: Any) -> None:
        await asyncio.sleep(random.uniform(0, self.pause))
        number = 0
        while not self.over:
            number += 1
            call = self.call(agent, number)
            start = time.perf_counter()
            ruling = await self.guard.before_async(call, session)
            self.took.append(time.perf_counter() - start)
            assert ruling.call is not None, ruling.message
            await self.guard.after_async(ruling, session, "sent")
            await asyncio.sleep(self.wait())

    def shown(self, kind: str, seconds: float, processor: float) -> None:
        reached, offered = len(self.took) / seconds, self.agents / self.pause
        cuts = statistics.quantiles(self.took, n=100)
        print(
            f"  {kind:8} {self.pause:5.2f} s {offered:9,.0f} {reached:9,.0f} {2 * reached:11,.0f} "
            f"{1000 * statistics.median(self.took):8.1f} {1000 * cuts[98]:8.1f} "
            f"{1000 * processor / len(self.took):9.2f} {processor / seconds:9.2f}"
        )


def in_threads(agents: Agents, seconds: float) -> None:
    over = threading.Event()
    threads = [
        threading.Thread(target=agents.thread, args=(number, session, over))
        for number, session in enumerate(agents.sessions())
    ]
    for thread in threads:
        thread.start()
    time.sleep(WARM)
    agents.took = []
    began, start = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    processor, spent = time.process_time() - began, time.perf_counter() - start
    agents.shown("threads", spent, processor)
    over.set()
    for thread in threads:
        thread.join()


async def in_tasks(agents: Agents, seconds: float) -> None:
    tasks = [
        asyncio.create_task(agents.task(number, session)) for number, session in enumerate(agents.sessions())
    ]
    await asyncio.sleep(WARM)
    agents.took = []
    began, start = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    processor, spent = time.process_time() - began, time.perf_counter() - start
    agents.shown("tasks", spent, processor)
    agents.over = True
    await asyncio.gather(*tasks)


def recorded(count: int, seconds: float, pauses: Sequence[float]) -> None:
    from duress.guard.embedded import EmbeddedKeeper

    print(
        f"\n{count} agents in one process, each waits until its intent is on disk, then until its result is."
    )
    print("Offered: calls a second if nothing took any time. Where fewer are reached, agents wait in line.")
    print(f"  {'':8} {'pause':7} {'offered':>9} {'reached':>9} {'entries/s':>11} {'p50 ms':>8} {'p99 ms':>8} "
          f"{'cpu ms':>9} {'cores':>9}")  # fmt: skip
    for pause in pauses:
        for way in ("threads", "tasks"):
            with tempfile.TemporaryDirectory() as name, EmbeddedKeeper(Path(name) / "state") as keeper:
                agents = Agents(Guard(policy(), keeper), count, pause)
                if way == "threads":
                    in_threads(agents, seconds)
                else:
                    asyncio.run(in_tasks(agents, seconds))
    with tempfile.TemporaryDirectory() as name:
        rate = synced(Path(name), 1.0)
    print(
        f"The disk syncs {rate:,.0f} appends of 4 KiB a second, one after the other. `cpu ms`: processor time"
    )
    print("of one call with its two entries; `cores`: how many processors that took.")


def start_up() -> None:
    code = (
        "import time; t = time.perf_counter(); import duress.guard; t = time.perf_counter() - t;"
        "print(t, next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"
    )
    shown = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(7)]
    runs = [list(map(float, one.split())) for one in shown]
    took, memory = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"\nimport duress.guard: median {took * 1e3:.0f} ms, {memory / 1024:.0f} MB of 7 processes")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--decisions", type=int, default=4000)
    options.add_argument("--agents", type=int, default=64)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--pause", type=float, action="append", help="seconds between an agent's calls")
    options.add_argument("--only-record", action="store_true", help="leave out the decisions in process")
    options.add_argument("--no-peer", action="store_true")
    given = options.parse_args()
    if not given.only_record:
        decisions(given.decisions, not given.no_peer)
    recorded(given.agents, given.seconds, given.pause or PAUSES)
    start_up()


if __name__ == "__main__":
    main()
