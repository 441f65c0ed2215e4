"""The questions that wait for people. Each is bound to one call, taken once, and dies by itself."""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec import structs

from duress.guard import outbox, stops, waiter
from duress.guard.interruptions import Interruptions
from duress.guard.keeper import Answer, Entry, KeeperError, Request, Said
from duress.guard.moment import Moment
from duress.guard.question import (
    AGREE,
    Item,
    answer_of,
    batch_of,
    due,
    insert,
    items,
    names,
    request_of,
    settle,
)
from duress.guard.reviewers import Reviewers
from duress.guard.state import State

KEEP = 30 * 86400.0
"""Seconds for which a settled question is kept with all that people were shown."""
GONE = "the process that asked is gone"
LATE = "nobody answered in time"
UNTAKEN = "it was answered, but the process that asked was gone or too late; nothing ran by it"


class Queue:
    """The questions of a state folder."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._people = Reviewers(state)
        self._interruptions = Interruptions(state)

    def put(self, request: Request, *, owner: str = "") -> Answer | None:
        """Put a question to people. Returns the refusal where it cannot be asked, else None.

        `owner` is whoever runs the agent: like the user, never one of those who answer.

        Raises:
            KeeperError: it cannot be kept, or was put before.
        """
        now = self._state.now()
        life = request.expires - max(request.at, now.wall)
        barred = tuple(name for name in (request.user, owner) if name)
        with self._state.write() as db:
            if reason := stops.standing(db, request.session, request.agent):
                return _refusal(request, reason)
            if life <= 0:
                return Answer(request.id, request.binding, Said.EXPIRED, message=LATE)
            may = self._people.who_answer(barred)
            if len(may) < request.quorum:
                return _refusal(request, _too_few(len(may), request.quorum, bool(barred)))
            put_to = self._interruptions.choose(may, request.quorum, request.per_hour, now)
            if not _equal_waits(db, request):
                if len(put_to) < request.quorum:
                    self._interruptions.deny(db)
                    told = f"the people who answer have been asked {request.per_hour} times within the hour"
                    return _refusal(request, told)
                self._interruptions.add(db, put_to, request.id, now)
            insert(db, request, now, life, barred=barred, put_to=put_to, waits=waiter.me())
        return None

    def take(self, request: Request) -> Answer | None:
        """Return what came of a question and use it up, or None while people still may answer.

        Raises:
            KeeperError: there is no such question, it is about another call, or its answer was taken before.
        """
        found = self._state.rows("SELECT said, wall, run, boot, life FROM request WHERE id = ?", request.id)
        if found and found[0]["said"] is None and not due(found[0], self._state.now()):
            return None
        with self._state.write() as db:
            row = find(db, request.id)
            now = self._state.now()
            if row["canary"] or row["binding"] != request.binding:
                raise KeeperError(f"request {request.id} is about another call")
            if row["taken"] is not None:
                raise KeeperError(f"the answer to request {request.id} was taken before; it holds once")
            if row["said"] is None:
                settle(db, row["id"], Said.EXPIRED, LATE, now)
            elif row["said"] in AGREE:
                if due(row, now):
                    settle(db, row["id"], Said.EXPIRED, "the answer came too late", now)
                elif reason := stops.standing(db, row["session"], row["agent"]):
                    settle(db, row["id"], Said.REFUSED, reason, now)
            db.execute("UPDATE request SET taken = ? WHERE id = ?", (now.wall, row["id"]))
            return answer_of(find(db, request.id))

    def withdraw(self, request: str, why: str = "the agent no longer waits") -> None:
        """Take a question back: whoever asked is not there to hear the answer."""
        wall = self._state.now().wall
        with self._state.write() as db:
            db.execute(
                "UPDATE request SET said = ?, message = ?, settled = ?, taken = ? "
                "WHERE id = ? AND taken IS NULL",
                (Said.REFUSED, why, wall, wall, request),
            )

    def settled(self) -> list[str]:
        """Return the ids of questions whose answers nobody has taken yet."""
        query = "SELECT id FROM request WHERE said IS NOT NULL AND taken IS NULL"
        return [row["id"] for row in self._state.rows(query)]

    def waiting(self) -> list[Item]:
        """Return the questions that wait, oldest first."""
        self.sweep()
        found = self._state.rows("SELECT * FROM request WHERE said IS NULL ORDER BY wall")
        return [item for item in items(self._state, found) if item.waits]

    def recent(self, most: int = 20) -> list[Item]:
        """Return the questions that were settled last, latest first."""
        query = "SELECT * FROM request WHERE said IS NOT NULL ORDER BY settled DESC LIMIT ?"
        return items(self._state, self._state.rows(query, most))

    def item(self, request: str) -> Item | None:
        """Return one question, whatever came of it."""
        self.sweep()
        found = items(self._state, self._state.rows("SELECT * FROM request WHERE id = ?", request))
        return found[0] if found else None

    def sweep(self) -> None:
        """Settle what is over: questions past their time, questions and answers whose asker is gone."""
        now = self._state.now()
        query = (
            "SELECT * FROM request WHERE said IS NULL "
            "OR (taken IS NULL AND said IN ('approve', 'edit', 'answer'))"
        )
        over = [row for row in self._state.rows(query) if due(row, now) or not waiter.lives(row["waiter"])]
        if not over:
            return
        with self._state.write() as db:
            for old in over:
                row = find(db, old["id"])
                if row["taken"] is None and row["said"] == old["said"]:
                    _end(db, row, now)

    def forget(self, older: float = KEEP) -> int:
        """Forget questions that were settled so many seconds ago; return how many. The record stays.

        Of known-bad ones stays who answered what, for the measure of who still reads.
        """
        wall = self._state.now().wall - older
        old = "SELECT id FROM request WHERE settled < ?"
        with self._state.write() as db:
            for row in db.execute(
                "SELECT * FROM request WHERE settled < ? AND canary = 1", (wall,)
            ).fetchall():
                bare = structs.replace(request_of(row), recent=(), arguments={}, reasons=(), result=None)
                db.execute("UPDATE request SET body = ? WHERE id = ?", (msgspec.json.encode(bare), row["id"]))
            for table in ("vote", "seen"):
                db.execute(f"DELETE FROM {table} WHERE request IN ({old} AND canary = 0)", (wall,))
            return db.execute("DELETE FROM request WHERE settled < ? AND canary = 0", (wall,)).rowcount


def find(db: sqlite3.Connection, request: str) -> sqlite3.Row:
    """Return a question's row as a transaction sees it, or raise `KeeperError`."""
    row = db.execute("SELECT * FROM request WHERE id = ?", (request,)).fetchone()
    if row is None:
        raise KeeperError(f"there is no request {request}")
    return row


def _end(db: sqlite3.Connection, row: sqlite3.Row, now: Moment) -> None:
    """Settle what nobody will answer or take any more."""
    lives = waiter.lives(row["waiter"])
    if row["said"] is None:
        said, why = (Said.EXPIRED, LATE) if lives else (Said.REFUSED, GONE)
        settle(db, row["id"], said, why, now)
    elif not row["canary"]:
        body = {
            "request": row["id"],
            "said": row["said"],
            "people": list(names(row["people"])),
            "why": UNTAKEN,
        }
        lost = Entry(kind="lost", session=row["session"], agent=row["agent"], at=now.wall, body=body)
        outbox.put(db, [lost])
        settle(db, row["id"], Said.EXPIRED, UNTAKEN, now)
    if not lives or row["canary"]:
        # Nobody is there to take it.
        db.execute("UPDATE request SET taken = ? WHERE id = ?", (now.wall, row["id"]))


def _equal_waits(db: sqlite3.Connection, request: Request) -> bool:
    query = "SELECT 1 FROM request WHERE batch = ? AND said IS NULL AND canary = 0"
    return db.execute(query, (batch_of(request),)).fetchone() is not None


def _refusal(request: Request, reason: str) -> Answer:
    return Answer(request.id, request.binding, Said.REFUSED, message=reason)


def _too_few(found: int, needed: int, barred: bool) -> str:
    who = "nobody" if not found else "only one person" if found == 1 else f"only {found} people"
    beside = " besides whoever asked" if barred else ""
    return f"{needed} must agree and {who}{beside} may answer; add people with `duress guard reviewers add`"
