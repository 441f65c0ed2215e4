"""What people say about the questions that wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from duress.guard import outbox
from duress.guard.keeper import Entry, KeeperError, Said, Subject
from duress.guard.moment import Moment
from duress.guard.question import (
    AGREE,
    ANSWERS,
    Proposal,
    arguments_of,
    binding_of,
    encode,
    names,
    proposal_of,
    request_of,
    settle,
)
from duress.guard.queue import Queue, find
from duress.guard.reviewers import Reviewer, Reviewers, Role
from duress.guard.state import State


class Outcome(Struct, frozen=True):
    """What a person's answer led to."""

    request: str
    said: Said | None
    """None while others have to agree."""
    agreed: int
    quorum: int
    caught: bool | None = None
    """For a known-bad question: whether the person noticed. None for a real one."""


class Votes:
    """Takes people's answers to the questions of a state folder."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._queue = Queue(state)
        self._people = Reviewers(state)

    def cast(
        self,
        request: str,
        who: Reviewer,
        said: Said,
        *,
        binding: str,
        message: str = "",
        arguments: Mapping[str, Any] | None = None,
        through: str = "",
    ) -> Outcome:
        """Take a person's answer, and record it in the same transaction.

        `binding` is that of the item they were shown; `through` says where they were.

        Raises:
            KeeperError: they may not answer, it was answered or has expired, or it is another one by now.
        """
        self._queue.sweep()
        now = self._state.now()
        with self._state.write() as db:
            row = find(db, request)
            self._may(row, who, said, binding, message, arguments)
            if said in (Said.EDIT, Said.ANSWER):
                said = _propose(db, row, who, said, message, arguments)
                row = find(db, request)
            db.execute(
                "INSERT INTO vote (request, reviewer, binding, said, message, wall) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (request, reviewer, binding) DO UPDATE SET said = excluded.said, "
                "message = excluded.message, wall = excluded.wall",
                (request, who.name, binding_of(row), said, message, now.wall),
            )
            agreed = self._agreed(db, row)
            final = _final(row, said, len(agreed))
            if final is not None:
                proposal = proposal_of(row)
                text = proposal.message if proposal and final is Said.ANSWER else message
                settle(db, request, final, text, now, agreed if final in AGREE else [who.name])
            outbox.put(db, [_entry(row, who, said, message, final, through, now)])
        caught = said is not Said.APPROVE if row["canary"] else None
        return Outcome(request, final, len(agreed), row["quorum"], caught)

    def cast_all(
        self, bindings: Mapping[str, str], who: Reviewer, said: Said, *, message: str = "", through: str = ""
    ) -> list[Outcome]:
        """Answer equal questions in one act; each keeps its binding and is used once. All of them, or none.

        `bindings` is by request.

        Raises:
            KeeperError: they are not equal, or one of them cannot be answered so.
        """
        if said in (Said.EDIT, Said.ANSWER):
            raise KeeperError(
                "equal questions are approved, rejected or terminated together; edit them singly"
            )
        self._queue.sweep()
        with self._state.write() as db:
            rows = [find(db, request) for request in bindings]
            if len({(row["batch"], row["proposal"]) for row in rows}) > 1:
                raise KeeperError("these questions are not equal; answer them one by one")
            return [
                self.cast(request, who, said, binding=binding, message=message, through=through)
                for request, binding in bindings.items()
            ]

    def see(self, requests: Sequence[str], who: str, through: str = "") -> None:
        """Record that a person was shown these questions, each once."""
        known = {
            row["request"] for row in self._state.rows("SELECT request FROM seen WHERE reviewer = ?", who)
        }
        fresh = [request for request in requests if request not in known]
        if not fresh:
            return
        wall = self._state.now().wall
        with self._state.write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO seen (request, reviewer, wall) VALUES (?, ?, ?)",
                [(request, who, wall) for request in fresh],
            )
            body = {"person": who, "what": "questions", "requests": fresh, "through": through}
            outbox.put(db, [Entry(kind="view", session="", agent="", at=wall, body=body)])

    def _may(
        self,
        row: sqlite3.Row,
        who: Reviewer,
        said: Said,
        binding: str,
        message: str,
        arguments: Mapping[str, Any] | None,
    ) -> None:
        if said not in ANSWERS:
            raise KeeperError(f"{said} is not for people to say")
        if not self._people.get(who.name).may(Role.REVIEWER):
            raise KeeperError(f"{who.name} may look, not answer")
        if who.is_one_of(names(row["barred"])):
            raise KeeperError(f"{who.name} asked for this call; somebody else answers")
        if row["said"] is not None:
            raise KeeperError(f"request {row['id']} is settled: {row['said']} {row['message']}".rstrip())
        if binding != binding_of(row):
            raise KeeperError(f"request {row['id']} is not what you were shown; look at it again")
        if (said is Said.EDIT) != (arguments is not None):
            raise KeeperError("an edit needs all arguments, and nothing else takes any")
        if said is Said.ANSWER and not message.strip():
            raise KeeperError("an answer in place of the tool needs a text")
        if said is Said.EDIT and request_of(row).subject is not Subject.CALL:
            raise KeeperError("the call is over; its result is released, withheld or replaced by an answer")

    def _agreed(self, db: sqlite3.Connection, row: sqlite3.Row) -> list[str]:
        votes = db.execute(
            "SELECT reviewer FROM vote WHERE request = ? AND binding = ? "
            "AND said IN ('approve', 'edit', 'answer') ORDER BY wall",
            (row["id"], binding_of(row)),
        )
        # Somebody who lost their access meanwhile no longer counts.
        people = [self._people.find(vote["reviewer"]) for vote in votes]
        return [who.name for who in people if who is not None and who.may(Role.REVIEWER)]


def _propose(
    db: sqlite3.Connection,
    row: sqlite3.Row,
    who: Reviewer,
    said: Said,
    message: str,
    arguments: Mapping[str, Any] | None,
) -> Said:
    """Make what a person says the proposal that stands; return what they say of it."""
    if said is Said.EDIT and arguments == request_of(row).arguments:
        # Back to what was asked: those who had agreed to it before still do.
        db.execute("UPDATE request SET proposal = NULL WHERE id = ?", (row["id"],))
        return Said.APPROVE
    stands = proposal_of(row)
    if stands and stands.said is said and (stands.arguments, stands.message) == (arguments, message):
        return Said.APPROVE
    proposal = Proposal(said, who.name, None if arguments is None else dict(arguments), message)
    db.execute("UPDATE request SET proposal = ? WHERE id = ?", (encode(proposal).decode(), row["id"]))
    return said


def _final(row: sqlite3.Row, said: Said, agreed: int) -> Said | None:
    """Return what comes of the question now, None if others have to agree."""
    if said not in AGREE or row["canary"]:
        return said
    if agreed < row["quorum"]:
        return None
    proposal = proposal_of(row)
    return proposal.said if proposal else Said.APPROVE


def _entry(
    row: sqlite3.Row, who: Reviewer, said: Said, message: str, final: Said | None, through: str, now: Moment
) -> Entry:
    body = {
        "request": row["id"],
        "person": who.name,
        "said": said,
        "message": message,
        "binding": binding_of(row),
        "arguments": arguments_of(row) if said is Said.EDIT else None,
        "settles": final,
        "known_bad": bool(row["canary"]),
        "through": through,
    }
    return Entry(kind="vote", session=row["session"], agent=row["agent"], at=now.wall, body=body)
