"""One conversation under way: its session, the calls that may run, what was released of their results."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from threading import Lock

import anyio
from msgspec.structs import replace

from duress.guard.adapters.covered import for_any
from duress.guard.adapters.model_api.wire import Answered, Asked, KeptBack
from duress.guard.adapters.passage import Passage
from duress.guard.adapters.sessions import Conversations
from duress.guard.decision import Result, Ruling
from duress.guard.guard import Guard
from duress.guard.keeper import Entry
from duress.guard.policy import Mode
from duress.guard.results import screen
from duress.guard.session import Session
from duress.trajectory import Message, ToolError

MOST = 1000
"""Conversations that are kept; beyond, the one unused for longest is let go."""


class Talk:
    """A conversation."""

    def __init__(self, guard: Guard, session: Session) -> None:
        self.guard = guard
        self.session = session
        self.passage = Passage(guard, session)
        self.kept: dict[str, KeptBack] = {}
        self.owed: dict[str, list[KeptBack]] = {}
        """By the id of the reply that the provider keeps."""
        self._open: dict[str, Ruling] = {}
        self._released: dict[str, tuple[bytes, str]] = {}
        self._reading = anyio.Lock()

    def permit(self, ruling: Ruling) -> None:
        """Take in that a call is passed on: its result will come with a later request."""
        if ruling.call is not None:
            self._open[ruling.call.id] = ruling

    async def take_back(self, rulings: list[Ruling], why: str) -> None:
        """Use up permissions of calls that their client never got."""
        with anyio.CancelScope(shield=True):
            for ruling in rulings:
                if ruling.call is not None and ruling.call.id not in self._released:
                    self._open.pop(ruling.call.id, None)
                    await self.passage.after_async(ruling, why, ToolError.REJECTED)

    async def hear(self, asked: Asked) -> dict[str, str]:
        """Take in a request; return what the model may read of each result in it, by the id of its call.

        Raises:
            KeeperError: a result that no permission of this guard is known for could not be recorded.
        """
        async with self._reading:
            messages = list(asked.messages)
            found: dict[str, str] = {}
            for answer in asked.answers:
                self.session.follow(messages[: answer.index])
                text = await self._read(answer)
                found[answer.call.id] = text
                messages[answer.index] = _with(messages[answer.index], text)
            self.session.follow(messages)
            return found

    async def _read(self, answer: Answered) -> str:
        id = answer.call.id
        digest = sha256(answer.text.encode("utf-8", "replace")).digest()
        if id in self._released and self._released[id][0] == digest:
            return self._released[id][1]
        ruling = self._open.pop(id, None)
        if ruling is not None:
            result: Result = await self.passage.after_async(ruling, answer.text, answer.error)
            text = result.text
        else:
            text = self.screened(answer)
            await self._record_stray(answer)
        self._released[id] = (digest, text)
        return text

    def screened(self, answer: Answered) -> str:
        """Return what the rules let through of a result, as if nobody could be asked."""
        policy = self.guard.policy
        if policy.file.mode is Mode.OBSERVE:
            return answer.text
        known = answer.call.tool in policy.file.tools
        rules = policy.file.results if known else for_any(policy.file.results)
        look = screen(rules, answer.call.tool, answer.text)
        return look.withheld if look.ask else look.text

    async def _record_stray(self, answer: Answered) -> None:
        """Record a result of a call that this guard has not let through, or no longer knows."""
        keeper = self.guard.keeper
        if keeper is None:
            return
        body = {
            "tool": answer.call.tool,
            "call": answer.call.id,
            "result": answer.text,
            "policy": self.guard.policy.hash,
        }
        body["why"] = "no permission of this guard is known for it"
        session = self.session
        await keeper.record_async(
            [Entry("observed", session.id, session.agent, self.guard.clock.now(), body)]
        )


class Talks:
    """Finds the conversation that a request belongs to. Threads may share it."""

    def __init__(self, guard: Guard, sessions: Conversations, most: int = MOST) -> None:
        self.guard = guard
        self._sessions = sessions
        self._most = most
        self._kept: OrderedDict[str, Talk] = OrderedDict()
        self._names: OrderedDict[str, str] = OrderedDict()
        self._count = 0
        self._lock = Lock()

    def of(self, asked: Asked, named: str | None) -> Talk:
        """Return the conversation of a request.

        It is the one that `named` says. Without a name it is the one whose reply it goes on from or whose
        calls it holds, else the last one with the same opening; a request in which the model has not spoken
        yet begins a new one.
        """
        with self._lock:
            if named:
                return self._at(f"named {named}")
            opening = sha256(asked.opening.encode("utf-8", "replace")).hexdigest()
            for clue in self._clues(asked, opening):
                if clue in self._names and self._names[clue] in self._kept:
                    return self._at(self._names[clue])
            self._count += 1
            name = f"unnamed {self._count}"
            self._remember(f"opening {opening}", name)
            return self._at(name)

    def replied(self, talk: Talk, asked: Asked, ids: list[str], reply: str | None) -> None:
        """Take in what a reply will be known by."""
        with self._lock:
            name = next((name for name, one in self._kept.items() if one is talk), None)
            if name is None:
                return
            opening = sha256(asked.opening.encode("utf-8", "replace")).hexdigest()
            for id in ids:
                self._remember(f"call {opening} {id}", name)
            if reply:
                self._remember(f"reply {reply}", name)

    def _clues(self, asked: Asked, opening: str) -> list[str]:
        if asked.previous is not None:
            return [f"reply {asked.previous}"]
        if asked.begins:
            return []
        calls = [call.id for message in reversed(asked.messages) for call in message.calls]
        return [*(f"call {opening} {id}" for id in calls), f"opening {opening}"]

    def _at(self, name: str) -> Talk:
        found = self._kept.pop(name, None)
        session = self._sessions.of(name)
        if found is None or found.session is not session:
            found = Talk(self.guard, session)
        self._kept[name] = found
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found

    def _remember(self, clue: str, name: str) -> None:
        self._names.pop(clue, None)
        self._names[clue] = name
        while len(self._names) > 50 * self._most:
            self._names.popitem(last=False)


def _with(message: Message, text: str) -> Message:
    return message if message.text == text else replace(message, text=text)
