"""Who was stopped: a session, an agent, or all. A stop holds until somebody lifts it, whatever restarts."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from duress.guard import outbox
from duress.guard.keeper import Entry, KeeperError, Said
from duress.guard.state import State

ALL = "*"
"""The name of a stop of everything."""


class Scope(StrEnum):
    """What is stopped."""

    SESSION = "session"
    AGENT = "agent"
    ALL = "all"


class Stop(Struct, frozen=True):
    """One stop that stands."""

    id: int
    scope: Scope
    name: str
    reason: str
    person: str
    wall: float

    def concerns(self, session: str, agent: str) -> bool:
        """Return whether it stops this session of this agent."""
        match self.scope:
            case Scope.ALL:
                return True
            case Scope.AGENT:
                return self.name == agent
            case Scope.SESSION:
                return self.name == session

    def __str__(self) -> str:
        what = "everything" if self.scope is Scope.ALL else f"{self.scope} {self.name}"
        return f"{self.person} stopped {what}" + (f": {self.reason}" if self.reason else "")


class Stops:
    """The stops of a state folder. Asking takes microseconds and sees what other processes have stopped."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._turn: bytes | None = None
        self._standing: tuple[Stop, ...] = ()

    def standing(self) -> tuple[Stop, ...]:
        """Return the stops that stand, oldest first.

        Raises:
            KeeperError: it cannot be told.
        """
        self._state.same()
        turn = self._state.passing()
        if turn == self._turn:
            return self._standing
        with self._lock:
            # The turn was taken first: a stop that comes in between is read again next time.
            self._standing = tuple(
                _stop(row) for row in self._state.rows("SELECT * FROM stop WHERE lifted IS NULL ORDER BY id")
            )
            self._turn = turn
            return self._standing

    def latest(self) -> int:
        """Return the number of the latest stop, lifted or not; 0 if there never was one."""
        return int(self._state.rows("SELECT coalesce(MAX(id), 0) AS latest FROM stop")[0]["latest"])

    def look_again(self) -> None:
        """Read the stops anew with the next look: somebody may have changed them and not told."""
        with self._lock:
            self._turn = None

    def reason(self, session: str, agent: str) -> str | None:
        """Return why this session of this agent is stopped, or None."""
        for stop in self.standing():
            if stop.concerns(session, agent):
                return str(stop)
        return None

    def stop(self, scope: Scope, name: str, *, person: str, reason: str = "") -> Stop:
        """Stop: no call passes from now on, waiting questions are denied, the agent's tokens are revoked.

        All of it and its record is one transaction, on disk when this returns.
        """
        if not person:
            raise KeeperError("a stop needs a person who answers for it")
        name = ALL if scope is Scope.ALL else name
        wall = self._state.now().wall
        with self._state.write(passing=True) as db:
            number = db.execute(
                "INSERT INTO stop (scope, name, reason, person, wall) VALUES (?, ?, ?, ?, ?)",
                (scope, name, reason, person, wall),
            ).lastrowid
            stop = Stop(number or 0, scope, name, reason, person, wall)
            denied = _deny(db, stop)
            revoked = _revoke(db, stop)
            body = {
                "scope": scope,
                "name": name,
                "reason": reason,
                "person": person,
                "denied": denied,
                "revoked": revoked,
            }
            outbox.put(db, [_entry("stop", scope, name, wall, body)])
        return stop

    def resume(self, scope: Scope, name: str, *, person: str, reason: str) -> int:
        """Lift the stops of exactly this scope and name; return how many stood. Revoked tokens stay revoked.

        Raises:
            KeeperError: no reason was given, or nothing of that name is stopped.
        """
        if not reason.strip():
            raise KeeperError("to resume needs a reason; it is recorded")
        name = ALL if scope is Scope.ALL else name
        wall = self._state.now().wall
        with self._state.write(passing=True) as db:
            lifted = db.execute(
                "UPDATE stop SET lifted = ?, lifted_by = ?, lifted_why = ? "
                "WHERE scope = ? AND name = ? AND lifted IS NULL",
                (wall, person, reason, scope, name),
            ).rowcount
            if not lifted:
                raise KeeperError(f"{scope} {name} is not stopped")
            body = {"scope": scope, "name": name, "reason": reason, "person": person, "lifted": lifted}
            outbox.put(db, [_entry("resume", scope, name, wall, body)])
        return lifted


def standing(db: sqlite3.Connection, session: str, agent: str) -> str | None:
    """Return why this session of this agent is stopped, as a transaction sees it."""
    row = db.execute(
        "SELECT * FROM stop WHERE lifted IS NULL AND (scope = 'all' OR (scope = 'agent' AND name = ?) "
        "OR (scope = 'session' AND name = ?)) ORDER BY id LIMIT 1",
        (agent, session),
    ).fetchone()
    return None if row is None else str(_stop(row))


def _deny(db: sqlite3.Connection, stop: Stop) -> int:
    # What was approved and not yet taken is denied too: nothing passes after a stop.
    where = {Scope.ALL: "? = '*'", Scope.AGENT: "agent = ?", Scope.SESSION: "session = ?"}[stop.scope]
    return db.execute(
        f"UPDATE request SET said = ?, message = ?, settled = ? WHERE taken IS NULL "
        f"AND (said IS NULL OR said IN ('approve', 'edit', 'answer')) AND {where}",
        (Said.REFUSED, str(stop), stop.wall, stop.name),
    ).rowcount


def _revoke(db: sqlite3.Connection, stop: Stop) -> int:
    if stop.scope is Scope.SESSION:
        # Other sessions of the agent go on with the same token.
        return 0
    return db.execute(
        "UPDATE client SET revoked = ?, revoked_why = ? WHERE revoked IS NULL AND (? = '*' OR agent = ?)",
        (stop.wall, str(stop), stop.name, stop.name),
    ).rowcount


def _entry(kind: str, scope: Scope, name: str, wall: float, body: Mapping[str, object]) -> Entry:
    return Entry(
        kind=kind,
        session=name if scope is Scope.SESSION else "",
        agent=name if scope is Scope.AGENT else "",
        at=wall,
        body=dict(body),
    )


def _stop(row: sqlite3.Row) -> Stop:
    return Stop(row["id"], Scope(row["scope"]), row["name"], row["reason"], row["person"], row["wall"])
