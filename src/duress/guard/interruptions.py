"""How often people are interrupted. Beyond their limit calls are denied, never waved through."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from duress.guard.moment import Moment, elapsed
from duress.guard.reviewers import Reviewer
from duress.guard.state import State

HOUR = 3600.0
_DENIED = "interruptions denied"


class Interruptions:
    """Who was asked how often in the last hour."""

    def __init__(self, state: State) -> None:
        self._state = state

    def counts(self, now: Moment) -> Counter[str]:
        """Return how often each person was asked in the last hour."""
        found = self._state.rows("SELECT reviewer, wall, run, boot FROM interruption")
        counts: Counter[str] = Counter()
        for row in found:
            then = Moment(row["wall"], row["run"], row["boot"])
            # Here the stricter clock is the one by which less has passed: setting it buys no questions.
            age = now.run - then.run if then.boot == now.boot else elapsed(then, now)
            counts[row["reviewer"]] += age < HOUR
        return counts

    def choose(
        self, may: Sequence[Reviewer], quorum: int, per_hour: int | None, now: Moment
    ) -> tuple[str, ...]:
        """Return whom to ask: the `quorum` people asked least; fewer where the others had their share."""
        counts = self.counts(now)
        free = [who.name for who in may if per_hour is None or counts[who.name] < per_hour]
        return tuple(sorted(free, key=lambda name: (counts[name], name))[:quorum])

    def add(self, db: sqlite3.Connection, people: Sequence[str], request: str, now: Moment) -> None:
        """Count a question put to these people, within its transaction."""
        db.execute("DELETE FROM interruption WHERE wall < ?", (now.wall - 24 * HOUR,))
        db.executemany(
            "INSERT INTO interruption (reviewer, request, wall, run, boot) VALUES (?, ?, ?, ?, ?)",
            [(name, request, now.wall, now.run, now.boot) for name in people],
        )

    def deny(self, db: sqlite3.Connection) -> None:
        """Count a call that was denied because people had their share."""
        db.execute(
            "INSERT INTO fact (name, value) VALUES (?, '1') "
            "ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
            (_DENIED,),
        )

    def digest(self, now: Moment) -> int:
        """Return how many calls were denied so since the last digest, once an hour; else 0."""
        with self._state.write() as db:
            facts = {row["name"]: row["value"] for row in db.execute("SELECT * FROM fact")}
            count = int(facts.get(_DENIED, "0"))
            last = float(facts.get(f"{_DENIED} told", "0"))
            if not count or 0 <= now.wall - last < HOUR:
                return 0
            db.execute("DELETE FROM fact WHERE name = ?", (_DENIED,))
            db.execute(
                "INSERT INTO fact (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (f"{_DENIED} told", str(now.wall)),
            )
        return count
