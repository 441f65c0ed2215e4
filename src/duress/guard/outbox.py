"""Entries on their way into the ledger: in the state folder until the one process that writes it comes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from duress.guard.keeper import Entry
from duress.guard.state import State

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def put(db: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Add entries within the transaction that they tell of: what happened and its record are one."""
    db.executemany("INSERT INTO outbox (entry) VALUES (?)", [(_encoder.encode(entry),) for entry in entries])


def waiting(state: State, most: int = 500) -> list[tuple[int, Entry]]:
    """Return the oldest entries with their numbers."""
    found = state.rows("SELECT id, entry FROM outbox ORDER BY id LIMIT ?", most)
    return [(row["id"], _decoder.decode(row["entry"])) for row in found]


def done(state: State, last: int) -> None:
    """Forget the entries up to number `last`: they are in the ledger."""
    with state.write() as db:
        db.execute("DELETE FROM outbox WHERE id <= ?", (last,))
