"""One recorded run after the other, call by call, under one or several policies.

A call is decided on just before its result is heard, as by a guard in front of tools that run one at a time.
Equal calls with equal facts are decided once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import RLock
from typing import Any

from msgspec import Struct
from msgspec.json import Encoder

from duress.facts import CallFacts
from duress.guard.backtest.recall import Recall, RecalledFacts
from duress.guard.decision import Verb
from duress.guard.enforcement import Clock, Enforcement
from duress.guard.policy import Policy
from duress.guard.requests import Score, scored
from duress.guard.session import Session
from duress.trajectory import Message, Role, ToolCall, ToolError

_MOST = 200_000
"""Decisions that are remembered; then it begins anew."""
_WAITS = "a monitor that waits cannot be asked about a record; take it out of the policy"
_BUDGETS = frozenset({"calls", "seconds", "spent"})
_canonical = Encoder(order="deterministic").encode
NO_EFFECT = frozenset({ToolError.REJECTED, ToolError.UNKNOWN_TOOL, ToolError.MALFORMED})


class Verdict(Struct, frozen=True):
    """What a policy makes of a call."""

    verb: Verb
    source: str
    """What the last reason comes from: `policy`, `schema`, `monitor`, ..."""
    rule: str | None
    why: str


class Replayed(Struct, frozen=True):
    """One recorded call."""

    call: ToolCall
    ran: bool | None
    """Whether it was carried out, by the record; None where it has no result."""
    verdicts: tuple[Verdict, ...]
    """By policy, in the order of the replayers."""


class Replayer:
    """One policy, for any number of recorded runs, one at a time."""

    def __init__(self, policy: Policy, recall: Recall | None = None) -> None:
        self.policy = policy
        self.calls = 0
        self.decided = 0
        """How many of the calls were decided anew: all others had been decided before."""
        self._recall = recall or Recall()
        self._clock = _RecordClock()
        self._steps = Enforcement(policy, self._clock)
        self._known: dict[tuple[Any, ...], Verdict] = {}
        budgets = policy.file.budgets
        limited = budgets.calls is not None or budgets.seconds is not None or policy.money is not None
        self._reads = policy.rules.reads | (_BUDGETS if limited else frozenset[str]())
        # A monitor may read anything: what it watches is decided anew each time.
        self._whole = bool(policy.watches)
        self._session = self.begin("", "")

    def begin(self, run: str, agent: str) -> _Recorded:
        """Begin a recorded run."""
        self._clock.at = 0.0
        self._session = _Recorded(self.policy, run, agent, self._reads, self._recall, self._whole)
        return self._session

    def hear(self, message: Message) -> None:
        """Take in the next message of the run."""
        if message.at is not None:
            self._clock.at = message.at
        self._session.hear(message)

    def decide(self, call: ToolCall) -> Verdict:
        """Return what the policy makes of a call of the run."""
        self.calls += 1
        session = self._session
        if self._whole:
            return self._anew(call)
        at = self._clock.at
        key = (
            session.agent,
            call.tool,
            call.error,
            _canonical(call.arguments),
            *session.recalled.key(call, at),
        )
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            found = self._known[key] = self._anew(call)
        return found

    def _anew(self, call: ToolCall) -> Verdict:
        self.decided += 1
        steps = self._steps.decide(call, self._session)
        try:
            asked = next(steps)
            while True:
                asked = steps.send(scored(asked, _WAITS) if isinstance(asked, Score) else None)
        except StopIteration as done:
            decision = done.value
        reason = decision.reasons[-1]
        return Verdict(decision.verb, reason.source.value, reason.rule, decision.why)


def replay(
    messages: Sequence[Message], run: str, agent: str, replayers: Sequence[Replayer]
) -> Iterator[Replayed]:
    """Yield each call of a recorded run with what the policies make of it, in the order of the results."""
    for replayer in replayers:
        replayer.begin(run, agent)
    open_calls: list[ToolCall] = []
    for message in messages:
        if message.role is Role.TOOL and open_calls:
            call = _answered(open_calls, message)
            if call is not None:
                yield _decided(call, message.error not in NO_EFFECT, replayers)
        elif message.role is not Role.TOOL:
            for call in open_calls:
                yield _decided(call, None, replayers)
            open_calls.clear()
        for replayer in replayers:
            replayer.hear(message)
        open_calls += message.calls
    for call in open_calls:
        yield _decided(call, None, replayers)


def _decided(call: ToolCall, ran: bool | None, replayers: Sequence[Replayer]) -> Replayed:
    return Replayed(call, ran, tuple(replayer.decide(call) for replayer in replayers))


def _answered(open_calls: list[ToolCall], message: Message) -> ToolCall | None:
    """Take the call that a result answers out of the open ones; a result without an id answers the first."""
    for index, call in enumerate(open_calls):
        if message.call_id is None or call.id == message.call_id:
            return open_calls.pop(index)
    return None


class _RecordClock(Clock):
    """The time of the record; 0 where nobody took it."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        """Return seconds since 1970 as the record has them."""
        return self.at

    def name(self) -> str:
        """Return no name: nothing is recorded."""
        return ""


class _Recorded(Session):
    """A session that is over: nothing is bound to its head, so it has none."""

    def __init__(
        self, policy: Policy, id: str, agent: str, reads: frozenset[str], recall: Recall, whole: bool
    ) -> None:
        self.id = id
        self.agent = agent
        self.user = ""
        self.policy_hash = policy.hash
        self.head = ""
        self.ended = None
        self.lock = RLock()
        self.recalled = RecalledFacts(policy.profile, reads, recall)
        self._whole = super().__init__ if whole else None
        if whole:
            super().__init__(policy, id=id, agent=agent)

    def hear(self, message: Message) -> None:
        """Take in the next message."""
        if self._whole is None:
            self.recalled.hear(message)
        else:
            super().hear(message)

    def about(self, call: ToolCall, at: float) -> CallFacts:
        """Return the facts of a call."""
        return self.recalled.about(call, at) if self._whole is None else super().about(call, at)
