"""One run of a deployed agent, as its guard sees it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from threading import RLock

from msgspec.json import Encoder

from duress.facts import CallFacts, SessionFacts
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
        self.head = sha256(_encode([id, agent, user])).hexdigest()
        self.ended: str | None = None
        """Why no call passes any more, once none does."""
        self._facts = SessionFacts(policy.profile)
        self._messages: list[Message] = []
        self._followed: list[Message] = []
        self._answered: set[str] = set()
        self._asked: set[str] = set()
        self._running: set[str] = set()
        self.lock = RLock()

    @property
    def messages(self) -> tuple[Message, ...]:
        """Return all messages so far, oldest first."""
        with self.lock:
            return tuple(self._messages)

    def recent(self, count: int) -> tuple[Message, ...]:
        """Return the last messages, oldest first."""
        with self.lock:
            return tuple(self._messages[-count:])

    def hear(self, message: Message) -> None:
        """Take in the next message; every message has to be heard once."""
        with self.lock:
            self._facts.hear(message)
            self._messages.append(message)
            self._asked.update(call.id for call in message.calls)
            if message.role is Role.TOOL and message.call_id is not None:
                self._answered.add(message.call_id)
            self.head = sha256(self.head.encode() + _encode(message)).hexdigest()

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
                if message.role is Role.TOOL and message.call_id in self._answered:
                    continue
                if message.calls and all(call.id in self._asked for call in message.calls):
                    continue
                self.hear(message)
            self._followed = list(messages)

    def note(self, call: ToolCall) -> None:
        """Take in a call whose turn was never handed over."""
        with self.lock:
            if call.id not in self._asked:
                self.hear(Message(Role.ASSISTANT, "", calls=(call,)))

    def about(self, call: ToolCall, at: float) -> CallFacts:
        """Return the facts of a call; calls that are running count as carried out."""
        with self.lock:
            return self._facts.about(call, at)

    def start(self, token: str, call: ToolCall, at: float) -> None:
        """Count a call from now on: those decided on before its result is there must see it."""
        with self.lock:
            self._facts.start(call, at)
            self._running.add(token)

    def finish(self, token: str) -> bool:
        """Return whether this permission was still open, and use it up."""
        with self.lock:
            if token not in self._running:
                return False
            self._running.remove(token)
            return True
