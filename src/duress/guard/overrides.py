"""Break-glass: two people let the calls of one agent pass without being asked, for a while.

What the rules forbid stays forbidden and what is stopped stays stopped; an override only answers questions.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading

from msgspec import Struct

from duress.guard import outbox
from duress.guard.keeper import Entry, KeeperError
from duress.guard.moment import Moment, elapsed
from duress.guard.reviewers import Reviewer, Reviewers, Role
from duress.guard.state import State

LONGEST = 4 * 3600.0
"""Seconds an override can last."""
UNSIGNED = 900.0
"""Seconds within which the second person has to sign."""
ANY = "*"


class Override(Struct, frozen=True):
    """One override."""

    id: str
    agent: str
    tool: str
    """`*` is every tool of the agent."""
    reason: str
    life: float
    """Seconds from the second signature."""
    people: tuple[str, ...]
    left: float
    """Seconds that it lasts, or that are left for the second signature; 0 once it is over."""
    open: bool


class Overrides:
    """The overrides of a state folder. Asking whether one is open takes microseconds."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._people = Reviewers(state)
        self._lock = threading.Lock()
        self._turn: bytes | None = None
        self._open: list[sqlite3.Row] = []

    def begin(self, agent: str, tool: str, *, seconds: float, reason: str, who: Reviewer) -> Override:
        """Ask for an override, as the first of two people.

        Raises:
            KeeperError: no reason, too long, or they may not.
        """
        self._may(who)
        if not reason.strip():
            raise KeeperError("an override needs a reason; it is recorded")
        if not agent or not tool:
            raise KeeperError("an override names one agent, and a tool or *")
        if not 0 < seconds <= LONGEST:
            raise KeeperError(f"an override lasts up to {LONGEST / 60:.0f} minutes, not {seconds / 60:g}")
        now = self._state.now()
        number = secrets.token_hex(4)
        with self._state.write(passing=True) as db:
            db.execute(
                "INSERT INTO override (id, agent, tool, reason, life, person, wall, run, boot) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, agent, tool, reason, seconds, who.name, now.wall, now.run, now.boot),
            )
            self._tell(db, number, "asked", who, now)
        return self.get(number)

    def sign(self, number: str, who: Reviewer) -> Override:
        """Sign as the second person: it is open from now.

        Raises:
            KeeperError: it is the same person, they may not, or it is too late.
        """
        self._may(who)
        now = self._state.now()
        with self._state.write(passing=True) as db:
            row = self._row(db, number)
            first = self._people.get(row["person"])
            if not first.may(Role.REVIEWER):
                raise KeeperError(f"{first.name}, who asked for it, no longer may")
            if first.name == who.name or not first.known_as().isdisjoint(who.known_as()):
                raise KeeperError("an override needs two people")
            if row["second"] is not None or row["ended"] is not None or _left(row, now) <= 0:
                raise KeeperError(f"override {number} is open or over; ask for a new one")
            db.execute(
                "UPDATE override SET second = ?, open_wall = ?, open_run = ?, open_boot = ? WHERE id = ?",
                (who.name, now.wall, now.run, now.boot, number),
            )
            self._tell(db, number, "opened", who, now)
        return self.get(number)

    def end(self, number: str, who: Reviewer) -> None:
        """End an override; any one person can.

        Raises:
            KeeperError: there is none, it is over, or they may not.
        """
        self._may(who)
        now = self._state.now()
        with self._state.write(passing=True) as db:
            row = self._row(db, number)
            if row["ended"] is not None or _left(row, now) <= 0:
                raise KeeperError(f"override {number} is over")
            db.execute(
                "UPDATE override SET ended = ?, ended_by = ? WHERE id = ?", (now.wall, who.name, number)
            )
            self._tell(db, number, "ended", who, now)

    def get(self, number: str) -> Override:
        """Return one override, or raise `KeeperError`."""
        with self._state.write() as db:
            return _override(self._row(db, number), self._state.now())

    def all(self) -> list[Override]:
        """Return those that are open or wait for a signature, oldest first."""
        now = self._state.now()
        found = self._state.rows("SELECT * FROM override WHERE ended IS NULL ORDER BY wall")
        return [made for made in (_override(row, now) for row in found) if made.left > 0]

    def look_again(self) -> None:
        """Read the overrides anew with the next look: somebody may have changed them and not told."""
        with self._lock:
            self._turn = None

    def standing(self, session: str, agent: str, tool: str) -> str | None:
        """Return the override that is open for this, or None; never one that the session's own user signed.

        Raises:
            KeeperError: it cannot be told.
        """
        turn = self._state.passing()
        if turn != self._turn:
            with self._lock:
                query = "SELECT * FROM override WHERE second IS NOT NULL AND ended IS NULL"
                self._open = self._state.rows(query)
                self._turn = turn
        rows = self._open
        if not rows:
            return None
        now = self._state.now()
        for row in rows:
            fits = row["agent"] == agent and row["tool"] in (ANY, tool) and _left(row, now) > 0
            if fits and not self._own(row, session, agent):
                return f"{row['id']} of {row['person']} and {row['second']}: {row['reason']}"
        return None

    def _own(self, row: sqlite3.Row, session: str, agent: str) -> bool:
        users = [
            found["user"] for found in self._state.rows("SELECT user FROM session WHERE id = ?", session)
        ]
        owners = [
            found["owner"] for found in self._state.rows("SELECT owner FROM client WHERE agent = ?", agent)
        ]
        barred = tuple(name for name in (*users, *owners) if name)
        people = [self._people.find(row[column]) for column in ("person", "second")]
        return any(who is None or not who.may(Role.REVIEWER) or who.is_one_of(barred) for who in people)

    def _may(self, who: Reviewer) -> None:
        if not (self._people.find(who.name) or who).may(Role.REVIEWER):
            raise KeeperError(f"{who.name} may look, not take part in an override")

    def _row(self, db: sqlite3.Connection, number: str) -> sqlite3.Row:
        row = db.execute("SELECT * FROM override WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise KeeperError(f"there is no override {number}")
        return row

    def _tell(self, db: sqlite3.Connection, number: str, act: str, who: Reviewer, now: Moment) -> None:
        row = self._row(db, number)
        body = {name: row[name] for name in ("id", "tool", "reason", "life")} | {
            "act": act,
            "person": who.name,
        }
        outbox.put(db, [Entry(kind="override", session="", agent=row["agent"], at=now.wall, body=body)])


def _left(row: sqlite3.Row, now: Moment) -> float:
    if row["second"] is None:
        return UNSIGNED - elapsed(Moment(row["wall"], row["run"], row["boot"]), now)
    return row["life"] - elapsed(Moment(row["open_wall"], row["open_run"], row["open_boot"]), now)


def _override(row: sqlite3.Row, now: Moment) -> Override:
    left = 0.0 if row["ended"] is not None else max(0.0, _left(row, now))
    people = tuple(name for name in (row["person"], row["second"]) if name)
    return Override(
        row["id"],
        row["agent"],
        row["tool"],
        row["reason"],
        row["life"],
        people,
        left,
        open=len(people) > 1 and left > 0,
    )
