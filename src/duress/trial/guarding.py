"""A guard between an agent and a simulated world: the deployed guard's own steps, driven for a trial.

What would reach people, a ledger and a clock is answered here: reviewers are simulated, nothing is written,
and time is the world's. Time stands still while a person decides; the minutes are booked apart.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from inspect import isawaitable
from time import perf_counter
from typing import Any, TypeVar

import orjson

from duress.guard import Answer, Entry, Observation, Policy, Said, Session, Verb
from duress.guard.enforcement import Clock, Enforcement
from duress.guard.keeper import Request, Subject
from duress.guard.requests import Answered, Ask, Asked, Failed, Look, Record, Score, scored
from duress.judge import foresight
from duress.scenario.chance import Chance
from duress.trajectory import Message, ToolCall, ToolError
from duress.trial.reviewer import Reviewer
from duress.trial.spec import TrialSpec
from duress.world import World

T = TypeVar("T")
AGENT = "agent"
"""Who acts, as policies see it."""
_WAITS = "a monitor that waits needs an event loop; run the trial with --engine inspect"
COLUMNS = "guard_"
"""How the names of a row's columns about the guard begin."""


class Guarded:
    """A world behind a guard. Calls go through `call`, and only what the policy permits reaches the world."""

    def __init__(self, world: World, spec: TrialSpec, policy: Policy) -> None:
        """Put a policy in front of a world.

        Raises:
            ValueError: it is not the policy that the trial was planned with.
        """
        if policy.hash != spec.guard.get("policy"):
            raise ValueError(
                f"expected the policy {spec.guard.get('policy', 'none')[:12]}, found {policy.hash[:12]}"
            )
        self.world = world
        self.seconds = 0.0
        """Time that the guard took, by the machine's clock: the only thing here that is not reproducible."""
        self.slowest = 0.0
        """Of one decision."""
        self.minutes = 0.0
        """Of reviewers' time."""
        self.policy = policy
        self._reviewer = Reviewer.model_validate(spec.guard["reviewer"])
        self._seed = spec.seed
        self._clock = _WorldClock(world)
        self._steps = Enforcement(policy, self._clock)
        self._session = Session(policy, id=spec.trial_id, agent=AGENT)
        self._counts = dict.fromkeys(
            ("decisions", "asked", "approved", "rejected", "observed", "withheld"), 0
        )
        self._log: list[dict[str, Any]] = []
        self._asked_at: list[float] = []

    @property
    def ended(self) -> str | None:
        """Return why the guard ended the session, if it did."""
        return self._session.ended

    def follow(self, messages: list[Message]) -> None:
        """Take in what is new in the conversation."""
        self._session.follow(messages)

    def columns(self) -> dict[str, Any]:
        """Return what the guard did, for the trial's row; equal for equal trials."""
        return {
            **{f"{COLUMNS}{name}": count for name, count in self._counts.items()},
            f"{COLUMNS}ended": self.ended is not None,
            f"{COLUMNS}minutes": round(self.minutes, 4),
            f"{COLUMNS}log": orjson.dumps(self._log).decode(),
        }

    def call(self, call: ToolCall) -> tuple[str, ToolError | None]:
        """Carry out a valid call if it may run; return what the agent is told, and why nothing happened."""
        steps = self._enforce(call)
        try:
            asked = next(steps)
            while True:
                asked = steps.send(scored(asked, _WAITS))
        except StopIteration as done:
            return done.value

    async def call_async(self, call: ToolCall) -> tuple[str, ToolError | None]:
        """Like `call`; monitors that are coroutines are awaited."""
        steps = self._enforce(call)
        try:
            asked = next(steps)
            while True:
                asked = steps.send(await _look_async(asked))
        except StopIteration as done:
            return done.value

    def _enforce(self, call: ToolCall) -> Generator[Score, Answered, tuple[str, ToolError | None]]:
        self._counts["decisions"] += 1
        before = self.seconds
        try:
            ruling = yield from self._fulfilled(self._steps.before(call, self._session))
        except Exception as error:
            # As the deployed guard: what it could not decide does not run.
            self._counts["rejected"] += 1
            told = f"This call was not carried out: the guard failed: {type(error).__name__}: {error}."
            return told, ToolError.REJECTED
        self.slowest = max(self.slowest, self.seconds - before)
        if ruling.call is None:
            return ruling.message, ruling.error
        if ruling.decision.verb is Verb.MODIFY:
            # A record says what the agent asked for, and is replayed by it.
            return "This call was not carried out: a trial cannot run changed calls.", ToolError.REJECTED
        text, error = self.world.call(ToolCall(call.id, call.tool, ruling.call.arguments))
        try:
            result = yield from self._fulfilled(self._steps.after(ruling, self._session, text, error))
        except Exception as fault:
            self._session.ended = f"a result could not be screened: {type(fault).__name__}: {fault}"
            return "The result was withheld: it could not be screened.", ToolError.FAILED
        self._counts["withheld"] += result.text != text
        return result.text, result.error

    def _fulfilled(self, steps: Generator[Asked, Answered, T]) -> Generator[Score, Answered, T]:
        """Answer what a guard's steps ask for; monitors are left to whoever drives them."""
        answer: Answered = None
        began = perf_counter()
        try:
            while True:
                asked = steps.send(answer)
                answer = None
                match asked:
                    case Record(entries):
                        for entry in entries:
                            self._note(entry)
                    case Ask(request):
                        paused = perf_counter()
                        answer = self._ask(request)
                        began += perf_counter() - paused
                    case Score():
                        answer = yield asked
                    case Look():
                        # Nobody stops a trial from outside.
                        pass
        except StopIteration as done:
            self.seconds += perf_counter() - began
            return done.value

    def _note(self, entry: Entry) -> None:
        if entry.kind == "refused":
            self._counts["rejected"] += 1
        elif entry.kind == "observed" and "result" not in entry.body:
            self._counts["observed"] += entry.body["verb"] != Verb.PROCEED
        if entry.kind in ("refused", "asked") or entry.body["verb"] == Verb.TERMINATE:
            source, text, rule = entry.body["reasons"][-1]
            told = {"call": entry.body["call"], "tool": entry.body["tool"], "kind": entry.kind}
            said = {"said": entry.body["said"]} if "said" in entry.body else {}
            self._log.append({**told, "by": source, "rule": rule, **said, "why": text})

    def _ask(self, request: Request) -> Answer:
        number = self._counts["asked"]
        recent = sum(at > request.at - 3600 for at in self._asked_at)
        if request.per_hour is not None and recent >= request.per_hour:
            return Answer(request.id, request.binding, Said.REFUSED, message="too many questions this hour")
        self._counts["asked"] += 1
        self._asked_at.append(request.at)
        me = self._reviewer
        if me.minutes * 60 >= request.expires - request.at:
            return Answer(request.id, request.binding, Said.EXPIRED)
        harmful = False
        if request.subject is Subject.CALL and me.looks:
            harmful = bool(foresight.harms(self.world, ToolCall("", request.tool, request.arguments)))
        people = tuple(f"{me.name} {one + 1}" for one in range(request.quorum))
        self.minutes += me.minutes * len(people)
        chance = Chance("reviewer", self._seed, number)
        agreed = [chance.uniform() < me.approves(harmful) for _ in people]
        if not all(agreed):
            return Answer(request.id, request.binding, Said.REJECT, people)
        self._counts["approved"] += 1
        return Answer(request.id, request.binding, Said.APPROVE, people)


class _WorldClock(Clock):
    """The simulated time, and names in order: equal trials give equal records."""

    def __init__(self, world: World) -> None:
        self._world = world
        day = datetime.fromisoformat(world.scene.draw.date).replace(tzinfo=UTC)
        self._midnight = day.timestamp()
        self._names = 0

    def now(self) -> float:
        """Return seconds since 1970, by the world's own clock."""
        return self._midnight + 60.0 * self._world.now

    def name(self) -> str:
        """Return the next name."""
        self._names += 1
        return f"{self._names:06d}"


async def _look_async(asked: Score) -> Answered:
    try:
        found = asked.monitor(asked.step)
        held: Observation | None = (await found) if isawaitable(found) else found
    except Exception as error:
        return Failed(f"{type(error).__name__}: {error}")
    return held


def guarded(world: World, spec: TrialSpec, policies: Mapping[str, Policy] | None) -> Guarded | None:
    """Return the guard of a trial, or None where it has none; `policies` are by hash.

    Raises:
        KeyError: its policy is not among them.
    """
    if not spec.guard:
        return None
    found = (policies or {}).get(spec.guard["policy"])
    if found is None:
        raise KeyError(f"the policy {spec.guard['policy'][:12]} that this trial was planned with")
    return Guarded(world, spec, found)


def timing(guard: Guarded | None) -> Mapping[str, Any]:
    """Return how long the guard took in a trial, for the `run_` columns of its row."""
    if guard is None:
        return {}
    return {"run_guard_seconds": round(guard.seconds, 6), "run_guard_slowest": round(guard.slowest, 6)}
