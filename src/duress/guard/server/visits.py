"""Who is signed in, and who tries too often to be."""

from __future__ import annotations

import secrets
from hashlib import sha256

from msgspec import Struct

from duress.guard.moment import Moment, elapsed
from duress.guard.reviewers import Reviewer, Reviewers
from duress.guard.state import State

LONGEST = 12 * 3600.0
IDLE = 3600.0
"""Seconds a visit lasts at most, and without anything being done."""
WINDOW = 900.0
"""Seconds for which failed attempts count."""
MOST = {"pair": 5, "name": 30, "place": 30}
"""Failed attempts: for a name from a place, for a name from anywhere, from a place for any name."""
_STEP = 60.0


class Visit(Struct, frozen=True):
    """One person, signed in with one browser."""

    who: Reviewer
    csrf: str
    """What their forms have to carry."""


class Visits:
    """The visits of a state folder. Only hashes of their tokens are kept."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._people = Reviewers(state)

    def begin(self, who: Reviewer) -> str:
        """Sign a person in; return the token for their cookie."""
        token = secrets.token_urlsafe(32)
        now = self._state.now()
        with self._state.write() as db:
            db.execute("DELETE FROM visit WHERE wall < ?", (now.wall - 2 * LONGEST,))
            db.execute(
                "INSERT INTO visit (token, reviewer, csrf, wall, run, boot, last) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (_hash(token), who.name, secrets.token_urlsafe(32), now.wall, now.run, now.boot, now.wall),
            )
        return token

    def of(self, token: str, *, active: bool) -> Visit | None:
        """Return whose visit it is, None if it is over. `active`: they did something, so it goes on."""
        rows = self._state.rows("SELECT * FROM visit WHERE token = ?", _hash(token))
        if not rows:
            return None
        row, now = rows[0], self._state.now()
        who = self._people.find(row["reviewer"])
        age = elapsed(Moment(row["wall"], row["run"], row["boot"]), now)
        if who is None or who.disabled or age >= LONGEST or now.wall - row["last"] >= IDLE:
            return None
        if active and now.wall - row["last"] > _STEP:
            with self._state.write() as db:
                db.execute("UPDATE visit SET last = ? WHERE token = ?", (now.wall, row["token"]))
        return Visit(who, row["csrf"])

    def end(self, token: str) -> None:
        """Sign out."""
        with self._state.write() as db:
            db.execute("DELETE FROM visit WHERE token = ?", (_hash(token),))


class Attempts:
    """Failed attempts to sign in."""

    def __init__(self, state: State) -> None:
        self._state = state

    def may(self, name: str, place: str) -> bool:
        """Return whether another attempt is allowed now."""
        now = self._state.now()
        counts = dict.fromkeys(MOST, 0)
        for row in self._state.rows("SELECT * FROM attempt WHERE name = ? OR place = ?", name, place):
            then = Moment(row["wall"], row["run"], row["boot"])
            # A clock that was set forward forgives nobody.
            age = now.run - then.run if then.boot == now.boot else elapsed(then, now)
            if age < WINDOW:
                same = row["name"].casefold() == name.casefold()
                counts["name"] += same
                counts["place"] += row["place"] == place
                counts["pair"] += same and row["place"] == place
        return all(counts[kind] < most for kind, most in MOST.items())

    def failed(self, name: str, place: str) -> None:
        """Count a failed attempt."""
        now = self._state.now()
        with self._state.write() as db:
            db.execute("DELETE FROM attempt WHERE wall < ?", (now.wall - 100 * WINDOW,))
            db.execute(
                "INSERT INTO attempt (name, place, wall, run, boot) VALUES (?, ?, ?, ?, ?)",
                (name[:128], place, now.wall, now.run, now.boot),
            )

    def forget(self, name: str, place: str) -> None:
        """After one that succeeded."""
        with self._state.write() as db:
            db.execute("DELETE FROM attempt WHERE name = ? AND place = ?", (name, place))


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
