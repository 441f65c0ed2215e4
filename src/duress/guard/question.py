"""A question to people, as the state folder holds it and as people see it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from duress.guard.keeper import Answer, Request, Said
from duress.guard.moment import Moment, elapsed
from duress.guard.state import State

ANSWERS = (Said.APPROVE, Said.EDIT, Said.REJECT, Said.ANSWER, Said.TERMINATE)
"""What a person can say."""
AGREE = (Said.APPROVE, Said.EDIT, Said.ANSWER)
"""What as many people as the quorum must say; one alone can reject or terminate."""
encode = msgspec.json.Encoder(order="deterministic").encode
_request = msgspec.json.Decoder(Request).decode


class Proposal(Struct, frozen=True, omit_defaults=True):
    """What a person would have instead of the call as asked; where several must agree, they agree to this."""

    said: Said
    """`edit` or `answer`."""
    person: str
    arguments: dict[str, Any] | None = None
    message: str = ""


# Worked out here, once: msgspec does it at first use, and two threads that do so at once crash (0.22).
_proposal = msgspec.json.Decoder(Proposal)
_names = msgspec.json.Decoder(list[str])


class Vote(Struct, frozen=True):
    """What one person said about a question."""

    reviewer: str
    said: Said
    message: str
    wall: float
    counts: bool
    """Whether it is about the question as it stands now."""


class Item(Struct, frozen=True):
    """A question as people see it."""

    request: Request
    batch: str
    """Equal for questions of one agent about equal calls."""
    binding: str
    """What an answer has to name: it changes when somebody proposes something else."""
    arguments: dict[str, Any]
    """As they stand now."""
    proposal: Proposal | None
    put_to: tuple[str, ...]
    """Whom it interrupts; others may answer too."""
    barred: tuple[str, ...]
    """Who may not answer."""
    votes: tuple[Vote, ...]
    left: float
    """Seconds until it is denied."""
    said: Said | None
    """What came of it; None while it waits."""
    message: str
    people: tuple[str, ...]
    settled: float | None
    taken: float | None
    known_bad: bool
    """Whether it was one to see if people read; told once it is settled."""

    @property
    def waits(self) -> bool:
        """Return whether it still can be answered."""
        return self.said is None and self.left > 0

    @property
    def agreed(self) -> int:
        """Return how many people have agreed to what stands now."""
        return sum(vote.counts and vote.said in AGREE for vote in self.votes)


def batch_of(request: Request) -> str:
    """Return what is equal for questions that one look can answer: agent, call, policy and what is asked."""
    parts = [
        request.agent,
        request.tool,
        request.arguments,
        request.policy_hash,
        request.subject,
        request.result,
    ]
    return sha256(encode([*parts, request.quorum])).hexdigest()


def insert(
    db: sqlite3.Connection,
    request: Request,
    at: Moment,
    life: float,
    *,
    barred: Sequence[str],
    put_to: Sequence[str],
    waits: str,
    canary: bool = False,
) -> None:
    """Add a question within a transaction."""
    values = {
        "id": request.id,
        "binding": request.binding,
        "batch": batch_of(request),
        "session": request.session,
        "agent": request.agent,
        # In the order in which the agent gave its arguments.
        "body": msgspec.json.encode(request),
        "barred": encode(list(barred)).decode(),
        "put_to": encode(list(put_to)).decode(),
        "quorum": request.quorum,
        "wall": at.wall,
        "run": at.run,
        "boot": at.boot,
        "life": life,
        "waiter": waits,
        "canary": canary,
    }
    names = ", ".join(values)
    db.execute(
        f"INSERT INTO request ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
    )


def settle(
    db: sqlite3.Connection, request: str, said: Said, message: str, now: Moment, people: Sequence[str] = ()
) -> None:
    """Write down what came of a question, within a transaction."""
    db.execute(
        "UPDATE request SET said = ?, message = ?, settled = ?, people = ? WHERE id = ?",
        (said, message, now.wall, encode(list(people)).decode(), request),
    )


def moment_of(row: sqlite3.Row) -> Moment:
    """Return when a question was put."""
    return Moment(row["wall"], row["run"], row["boot"])


def due(row: sqlite3.Row, now: Moment) -> bool:
    """Return whether a question's time is over."""
    return elapsed(moment_of(row), now) >= row["life"]


def request_of(row: sqlite3.Row) -> Request:
    """Return what was asked."""
    return _request(row["body"])


def proposal_of(row: sqlite3.Row) -> Proposal | None:
    """Return what people would have instead, if anything."""
    return None if row["proposal"] is None else _proposal.decode(row["proposal"])


def arguments_of(row: sqlite3.Row) -> dict[str, Any]:
    """Return the arguments as they stand now."""
    proposal = proposal_of(row)
    return request_of(row).arguments if proposal is None or proposal.arguments is None else proposal.arguments


def binding_of(row: sqlite3.Row) -> str:
    """Return what an answer has to name now."""
    if row["proposal"] is None:
        return row["binding"]
    return sha256(f"{row['binding']} {row['proposal']}".encode()).hexdigest()


def names(text: str) -> tuple[str, ...]:
    """Return the names in a column that holds a list of them."""
    return tuple(_names.decode(text))


def answer_of(row: sqlite3.Row) -> Answer:
    """Return the answer to a settled question."""
    said = Said(row["said"])
    return Answer(
        request=row["id"],
        binding=row["binding"],
        said=said,
        people=names(row["people"]),
        message=row["message"],
        arguments=arguments_of(row) if said is Said.EDIT else None,
    )


def items(state: State, rows: Sequence[sqlite3.Row]) -> list[Item]:
    """Return questions as people see them. A known-bad one may come up later than it was made."""
    now = state.now()
    return [
        _item(state, row, now) for row in rows if not (row["canary"] and elapsed(moment_of(row), now) < 0)
    ]


def _item(state: State, row: sqlite3.Row, now: Moment) -> Item:
    binding = binding_of(row)
    votes = state.rows("SELECT * FROM vote WHERE request = ? ORDER BY wall", row["id"])
    return Item(
        request=request_of(row),
        batch=row["batch"],
        binding=binding,
        arguments=arguments_of(row),
        proposal=proposal_of(row),
        put_to=names(row["put_to"]),
        barred=names(row["barred"]),
        votes=tuple(
            Vote(
                vote["reviewer"],
                Said(vote["said"]),
                vote["message"],
                vote["wall"],
                vote["binding"] == binding,
            )
            for vote in votes
        ),
        left=row["life"] - max(0.0, elapsed(moment_of(row), now)),
        said=None if row["said"] is None else Said(row["said"]),
        message=row["message"],
        people=names(row["people"]),
        settled=row["settled"],
        taken=row["taken"],
        known_bad=bool(row["canary"]) and row["said"] is not None,
    )
