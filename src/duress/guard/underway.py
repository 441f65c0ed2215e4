"""What a stop waits for: calls that were let through, and clients that may let some through still."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from duress.guard.keeper import Entry, KeeperError
from duress.guard.shared import LONGEST, Shared, read
from duress.guard.stops import Scope, Stop

FOLDER = "underway"
LEASE = 2.0
"""Seconds for which a client may go by what its server told it last."""
PATIENCE = 2.0
"""Seconds at most for which a stop waits for calls that were let through before it."""
_LOOK = 0.001
_MARGIN = 0.05
_GONE = 60.0
"""Seconds after the end of its lease for which a client is remembered."""


_REMEMBERED = 256
"""So many clients that said farewell are known to have gone."""


class Call(Struct, frozen=True):
    """A call that was let through and of which nobody has heard yet that it ended."""

    agent: str
    session: str
    tool: str
    began: float
    """When its intent was recorded, in seconds since 1970."""
    cut: bool = False
    """Its names were too long to be kept: it may be anybody's."""

    def __str__(self) -> str:
        what = f"{self.tool} of {self.agent}, session {self.session}"
        return f"{what}, since {time.strftime('%H:%M:%S', time.localtime(self.began))}"


class Client(Struct, frozen=True):
    """A process of an agent that a server has told what is stopped."""

    agent: str
    heard: int
    """The latest stop that it says it knows of."""
    until: float
    """When it denies by itself unless it has heard of the server again; by the clock that nobody can set."""
    cut: bool = False


_calls = msgspec.json.Decoder(Call)
_clients = msgspec.json.Decoder(Client)
_encode = msgspec.json.Encoder().encode
_UNREAD = Call("?", "?", "a call that cannot be read", 0.0, cut=True)


class Underway:
    """What is under way through this process. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Keep it in a state folder, where any process that stops looks."""
        self._calls = Shared(folder / FOLDER, "calls")
        self._clients = Shared(folder / FOLDER, "clients")
        self._until: dict[str, float] = {}
        self._gone: deque[str] = deque(maxlen=_REMEMBERED)

    def begin(self, entry: Entry) -> None:
        """Take note that a call may begin once this entry is recorded.

        Raises:
            KeeperError: no note can be taken.
        """
        if (key := _key(entry)) is None:
            return
        call = Call(entry.agent, entry.session, str(entry.body.get("tool", "")), entry.at)
        self._put(self._calls, key, call, Call("", "", "", entry.at, cut=True))

    def end(self, entry: Entry) -> None:
        """Take note that the call of this entry has ended, or never began."""
        if (key := _key(entry)) is not None:
            self._calls.drop(key)

    def has(self, entry: Entry) -> bool:
        """Return whether the call of this entry is under way."""
        return (key := _key(entry)) is not None and self._calls.has(key)

    def lease(self, name: str, agent: str, heard: int, until: float) -> None:
        """Take note of what a client has heard, and until when it goes by that.

        Raises:
            KeeperError: no note can be taken, or the client had gone: what it asked was on its way for longer
                than its farewell.
        """
        if name in self._gone:
            raise KeeperError("this client has gone")
        if name not in self._until:
            for gone in [one for one, last in self._until.items() if last + _GONE < until]:
                self._forget(gone)
        self._until[name] = until
        self._put(self._clients, name, Client(agent, heard, until), Client("", heard, until, cut=True))

    def forget(self, name: str) -> None:
        """Take note that a client lets nothing through any more."""
        self._gone.append(name)
        self._forget(name)

    def close(self) -> None:
        """Let go of all."""
        self._calls.close()
        self._clients.close()

    def _forget(self, name: str) -> None:
        self._until.pop(name, None)
        self._clients.drop(name)

    def _put(self, shared: Shared, key: object, record: Struct, short: Struct) -> None:
        found = _encode(record)
        try:
            shared.put(key, found if len(found) <= LONGEST else _encode(short))
        except OSError as error:
            raise KeeperError(f"it cannot be noted what is under way: {error}") from error


def let_through(entry: Entry) -> bool:
    """Return whether a call may begin once this entry is recorded."""
    return entry.kind == "intent" or (entry.kind == "observed" and "result" not in entry.body)


def over(entry: Entry) -> bool:
    """Return whether this entry tells that a call has ended, or will not begin."""
    return entry.kind in ("result", "refused") or (entry.kind == "observed" and "result" in entry.body)


def calls(state: Path) -> list[Call]:
    """Return the calls that are under way in all processes of a state folder, oldest first."""
    found: list[Call] = []
    for record in read(state / FOLDER, "calls"):
        try:
            found.append(_calls.decode(record.rstrip(b"\0")))
        except msgspec.MsgspecError:
            # It is just being written.
            found.append(_UNREAD)
    return sorted(found, key=lambda call: call.began)


def clients(state: Path) -> list[Client]:
    """Return the clients that servers of a state folder have told what is stopped."""
    found: list[Client] = []
    for record in read(state / FOLDER, "clients"):
        try:
            found.append(_clients.decode(record.rstrip(b"\0")))
        except msgspec.MsgspecError:
            found.append(Client("", 0, float("inf"), cut=True))
    return found


def settled(state: Path, stop: Stop, run: Callable[[], float]) -> tuple[Call, ...]:
    """Wait until no call can begin that a stop concerns; return those that are under way then.

    That is so once every client has heard of it, or goes by what it heard before no longer, and every call
    that was let through before has ended. A call that has not after `PATIENCE` seconds is returned: it may be
    running still. `run` is the clock of the leases.
    """
    began = time.monotonic()
    while True:
        waited = time.monotonic() - began
        now = run()
        # Clients first: what they let through until they heard is in the list that is read after them.
        deaf = waited < LEASE + _MARGIN and any(_may_pass(client, stop, now) for client in clients(state))
        left = [call for call in calls(state) if call.cut or stop.concerns(call.session, call.agent)]
        if not deaf and (not left or waited >= PATIENCE):
            return tuple(left)
        time.sleep(_LOOK)


def _may_pass(client: Client, stop: Stop, now: float) -> bool:
    theirs = client.cut or stop.scope is not Scope.AGENT or stop.name == client.agent
    return theirs and client.heard < stop.id and now < client.until


def _key(entry: Entry) -> tuple[str, str, str] | None:
    decision = entry.body.get("decision")
    return (entry.agent, entry.session, decision) if isinstance(decision, str) else None
