"""A policy of an invented office, and a keeper that remembers, for tests of the guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from duress.guard import Answer, Entry, Guard, Policy, Request, Said
from duress.guard.enforcement import Clock
from duress.guard.policy import compiled, parse
from duress.trajectory import ToolCall

TEXT = """\
duress_policy: 1
name: office
version: "1"
organisation: {domains: [harbour.example]}
tools:
  read_mail:
    effect: read
    parameters: {type: object, properties: {message: {type: string}}, required: [message]}
  send_mail:
    effect: irreversible
    recipients: [to, cc]
    parameters:
      type: object
      properties:
        to: {type: array, items: {type: string}, minItems: 1}
        cc: {type: array, items: {type: string}, default: []}
        subject: {type: string}
        body: {type: string}
      required: [to, subject, body]
  pay:
    effect: irreversible
    money: amount
    parameters:
      type: object
      properties: {amount: {type: number, minimum: 0}, account: {type: string}, urgent: {type: boolean}}
      required: [amount, account]
  wipe: {denied: true}
rules: |
  @id("reading") permit (principal, action, resource) when { resource.effect == "read" };
  @id("writing") permit (principal, action, resource == Tool::"send_mail");
  @id("outside") forbid (principal, action in Action::"unattended", resource)
    when { !context.facts.outside_recipients.isEmpty() };
  @id("paying") permit (principal, action == Action::"call pay", resource)
    when { context.args.amount.lessThanOrEqual(decimal("100.0")) };
results: [{classes: [secret], do: redact}]
approval: {expires: 60}
"""


def policy(text: str = TEXT, **changes: str) -> Policy:
    """Return the office's policy; `changes` replaces or adds whole top-level lines."""
    for key, value in changes.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
        text = "\n".join([*lines, f"{key}: {value}", ""])
    return compiled(parse(text))


class StillClock(Clock):
    """Time that passes only when told to, and names that count up."""

    def __init__(self) -> None:
        self.time = 1_790_000_000.0
        self._names = 0

    def now(self) -> float:
        return self.time

    def name(self) -> str:
        self._names += 1
        return f"n{self._names}"


class Memory:
    """Remembers entries and questions; answers as it was told to."""

    def __init__(self, answer: Callable[[Request], Answer] | None = None) -> None:
        self.entries: list[Entry] = []
        self.requests: list[Request] = []
        self.stops: dict[str, str] = {}
        self.overrides: dict[str, str] = {}
        self._answer = answer

    def record(self, entries: Sequence[Entry]) -> None:
        self.entries += entries

    async def record_async(self, entries: Sequence[Entry]) -> None:
        self.record(entries)

    def stopped(self, session: str, agent: str) -> str | None:
        return self.stops.get(session) or self.stops.get(agent)

    def override(self, session: str, agent: str, tool: str) -> str | None:
        return self.overrides.get(tool)

    def ask(self, request: Request) -> Answer:
        self.requests.append(request)
        if self._answer is None:
            return Answer(request.id, request.binding, Said.EXPIRED)
        return self._answer(request)

    async def ask_async(self, request: Request) -> Answer:
        return self.ask(request)

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]


def says(said: Said, *people: str, **more: object) -> Callable[[Request], Answer]:
    """Return people who always answer the same."""
    return lambda request: Answer(request.id, request.binding, said, people or ("rita",), **more)  # type: ignore[arg-type]


def guard(keeper: Memory | None = None, text: str = TEXT, **changes: str) -> Guard:
    return Guard(policy(text, **changes), keeper or Memory(), clock=StillClock())


def call(tool: str, /, **arguments: object) -> ToolCall:
    return ToolCall("c1", tool, dict(arguments))


MAIL = {"to": ["ann@harbour.example"], "subject": "Berths", "body": "Six are free."}
OUT = {**MAIL, "to": ["ann@elsewhere.example"]}
