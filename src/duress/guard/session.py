"""One run of a deployed agent, as its guard sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from os import urandom
from threading import RLock
from typing import Any

from msgspec.json import Encoder

from duress.facts import CallFacts, SessionFacts
from duress.guard.given import owned, sound
from duress.guard.policy import Policy
from duress.trajectory import Message, Role, ToolCall

_encode = Encoder(order="deterministic").encode


class Session:
    """What was said and done, the facts of it, and its head: a hash that changes with every message.

    Methods may be called from several threads.
    """

    def __init__(self, policy: Policy, *, id: str, agent: str, user: str = "") -> None:
        """Begin a session; made by `Guard.session`."""
        self.id = id
        self.agent = agent
        self.user = user
        """On whose behalf the agent acts."""
        self.policy_hash = policy.hash
        """Its facts are those that this policy asks for; no other policy decides by them."""
        self.head = sha256(_encode([id, agent, user])).hexdigest()
        self.ended: str | None = None
        """Why no call passes any more, once none does."""
        self.revision = 0
        """Changes with whatever may change the facts of a call."""
        self._facts = SessionFacts(policy.profile)
        self._messages: list[Message] = []
        self._shown: list[Message] = []
        self._followed: list[Message] = []
        self._results: Counter[str] = Counter()
        self._known: set[bytes] = set()
        self._running: set[str] = set()
        self.lock = RLock()

    @property
    def messages(self) -> tuple[Message, ...]:
        """Return all messages so far, oldest first."""
        with self.lock:
            # Copies of those that reviewers are shown: whoever gets these could change what is in them.
            return tuple(self._shown)

    def recent(self, count: int) -> tuple[Message, ...]:
        """Return the last messages, oldest first."""
        with self.lock:
            return tuple(map(owned, self._messages[-count:]))

    def hear(self, message: Message) -> None:
        """Take in the next message; every message has to be heard once."""
        message = owned(message)
        with self.lock:
            self.revision += 1
            self.head = sha256(self.head.encode() + _bytes(message)).hexdigest()
            self._messages.append(message)
            self._shown.append(owned(message))
            self._known.update(map(_key, message.calls))
            self._facts.hear(message)

    def answer(self, message: Message) -> None:
        """Take in a result that the guard hands out itself, before any conversation has it."""
        with self.lock:
            if message.call_id is not None:
                self._results[message.call_id] += 1
            self.hear(message)

    def follow(self, messages: Sequence[Message]) -> None:
        """Take in what is new in a conversation that is handed over whole; may be called again and again.

        Results that the guard has handed out itself are known already. Where a framework has rewritten what
        came before (a summary in place of old turns), everything after the first difference counts as new.
        """
        with self.lock:
            same = 0
            for one, other in zip(messages, self._followed, strict=False):
                if one is not other and one != other:
                    break
                same += 1
            for message in messages[same:]:
                if not self._knows(message):
                    self.hear(message)
            self._followed = list(messages)

    def _knows(self, message: Message) -> bool:
        """Return whether the guard has heard a message before any conversation had it.

        Ids alone do not tell: some frameworks give the same ones again in every turn.
        """
        if message.calls:
            return all(_key(call) in self._known for call in map(sound, message.calls))
        if message.role is not Role.TOOL or message.call_id is None:
            return False
        key = _key((message.call_id, message.text))
        if key in self._known:
            return True
        if not self._results[message.call_id]:
            return False
        # The guard's own result, in whatever form the framework gives it.
        self._results[message.call_id] -= 1
        self._known.add(key)
        return True

    def note(self, call: ToolCall) -> None:
        """Take in a call whose turn was never handed over."""
        with self.lock:
            if _key(call) not in self._known:
                self.hear(Message(Role.ASSISTANT, "", calls=(call,)))

    def about(self, call: ToolCall, at: float) -> CallFacts:
        """Return the facts of a call; calls that are running count as carried out."""
        with self.lock:
            return self._facts.about(call, at)

    def start(self, token: str, call: ToolCall, at: float) -> None:
        """Count a call from now on: those decided on before its result is there must see it."""
        with self.lock:
            self.revision += 1
            self._running.add(token)
            self._facts.start(call, at)

    def permit(self, token: str) -> None:
        """Let a call run that nothing is known of, so that it cannot be counted."""
        with self.lock:
            self._running.add(token)

    def finish(self, token: str) -> bool:
        """Return whether this permission was still open, and use it up."""
        with self.lock:
            if token not in self._running:
                return False
            self._running.remove(token)
            return True


def _key(value: Any) -> bytes:
    return sha256(_bytes(value)).digest()


def _bytes(value: Any) -> bytes:
    """Return what stands for a value and for no other."""
    try:
        return _encode(value)
    except Exception:
        # No JSON (half of a surrogate pair, an object): it equals nothing, and itself neither.
        return b"\0" + urandom(16)
