"""How long a guard's decision takes: in process, and with a durable record for 64 agents at the same time.

    python benchmarks/guard.py [--decisions 4000] [--agents 64] [--seconds 5] [--no-peer]

In one run, in turn: a bare Cedar evaluation of the same rules, our decision (arguments normalised, session
facts, both permissions, reasons), the same with all rule monitors, and the decision of a peer, the policy
evaluator of `agent-os-kernel` on equal rules, in an environment of its own. Then 64 agents, each waiting for
its intent to be on disk before its tool runs, beside the disk's own rate of synced appends. Prints medians,
99th percentiles and ratios.
"""

from __future__ import annotations

import argparse
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
from collections.abc import Callable
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
    assert plain.decide(CALL, session).verb == "proceed"
    assert watched.decide(CALL, watched_session).verb == "proceed"
    cedar = bare(plain.policy)
    took: dict[str, list[float]] = {"bare": [], "ours": [], "watched": [], "peer": []}
    with tempfile.TemporaryDirectory() as folder:
        python = peer(Path(folder)) if with_peer else None
        for _ in range(4):
            took["bare"] += timed(cedar, count // 4)
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
    line("duress: types, facts, both permissions", took["ours"], base)
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


def recorded(agents: int, seconds: float, pause: float) -> None:
    from duress.guard.embedded import EmbeddedKeeper

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rate = synced(folder, 1.0)
        with EmbeddedKeeper(folder / "state") as keeper:
            guard = Guard(policy(), keeper)
            took: list[list[float]] = [[] for _ in range(agents)]
            over = threading.Event()

            def work(mine: list[float]) -> None:
                session, number = session_of(guard, 10), 0
                over.wait(random.uniform(0, pause))
                while not over.is_set():
                    number += 1
                    call = ToolCall(f"c{number}", CALL.tool, CALL.arguments)
                    start = time.perf_counter()
                    ruling = guard.before(call, session)
                    mine.append(time.perf_counter() - start)
                    assert ruling.call is not None, ruling.message
                    guard.after(ruling, session, "sent")
                    # An agent's tools and its model take time; it does not ask without a pause.
                    over.wait(random.uniform(0.5, 1.5) * pause)

            threads = [threading.Thread(target=work, args=(mine,)) for mine in took]
            for thread in threads:
                thread.start()
            time.sleep(seconds)
            over.set()
            for thread in threads:
                thread.join()
        every = sorted(one for mine in took for one in mine[1:])
        print(f"\n{agents} agents at a time, a call every {pause:g} s or so, its intent on disk first")
        print(f"the disk syncs {rate:,.0f} appends of 4 KiB a second, one after the other")
        line("decide and record the intent", every)
        entries = 2 * len(every) / seconds
        print(f"entries recorded {entries:,.0f}/s, {entries / rate:.2f} x the disk's own rate of syncs")


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
    options.add_argument("--no-peer", action="store_true")
    given = options.parse_args()
    decisions(given.decisions, not given.no_peer)
    # Without a pause to speak of, the processor is the limit; with a second, as where a model thinks, not.
    for pause in (0.05, 1.0):
        recorded(given.agents, given.seconds, pause)
    start_up()


if __name__ == "__main__":
    main()
