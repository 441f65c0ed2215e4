"""Tokens with which the processes of an agent talk to a guard's server. Only their hashes are kept."""

from __future__ import annotations

import secrets
import sqlite3
from hashlib import sha256

from msgspec import Struct

from duress.guard import outbox
from duress.guard.keeper import Entry, KeeperError
from duress.guard.state import State

PREFIX = "duress_"


class Client(Struct, frozen=True):
    """One token's holder."""

    agent: str
    owner: str
    """Who runs the agent: never one of those who answer its questions."""
    hint: str
    """The first characters of the token, to tell it from others."""
    wall: float
    revoked: float | None
    why: str | None


class Clients:
    """The tokens of a state folder."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, agent: str, *, owner: str, by: str) -> str:
        """Make a token for an agent and return it; nobody can read it again."""
        if not agent.strip() or len(agent) > 128:
            raise KeeperError("a token is made for one agent, named in up to 128 characters")
        token = PREFIX + secrets.token_urlsafe(32)
        wall = self._state.now().wall
        hint = token[: len(PREFIX) + 4]
        with self._state.write() as db:
            db.execute(
                "INSERT INTO client (token, hint, agent, owner, wall) VALUES (?, ?, ?, ?, ?)",
                (_hash(token), hint, agent, owner, wall),
            )
            self._tell(db, "add", agent, hint, by, wall)
        return token

    def revoke(self, hint: str, *, by: str, why: str = "") -> Client:
        """Revoke the token that begins with `hint`.

        Raises:
            KeeperError: none does, or several do.
        """
        wall = self._state.now().wall
        found = [client for client in self.all() if client.hint == hint and client.revoked is None]
        if len(found) != 1:
            raise KeeperError(
                f"{len(found) or 'no'} valid tokens begin with {hint}; see `duress guard clients`"
            )
        with self._state.write(passing=True) as db:
            db.execute(
                "UPDATE client SET revoked = ?, revoked_why = ? WHERE hint = ? AND revoked IS NULL",
                (wall, why, hint),
            )
            self._tell(db, "revoke", found[0].agent, hint, by, wall)
        return found[0]

    def all(self) -> list[Client]:
        """Return every token's holder, oldest first."""
        return [_client(row) for row in self._state.rows("SELECT * FROM client ORDER BY wall")]

    def of(self, token: str) -> Client | None:
        """Return whose token this is, None if nobody's. Look at `revoked`."""
        found = self._state.rows("SELECT * FROM client WHERE token = ?", _hash(token))
        return _client(found[0]) if found else None

    def _tell(self, db: sqlite3.Connection, act: str, agent: str, hint: str, by: str, wall: float) -> None:
        body = {"act": act, "hint": hint, "person": by}
        outbox.put(db, [Entry(kind="client", session="", agent=agent, at=wall, body=body)])


def _hash(token: str) -> str:
    # Tokens are 256 random bits: a fast hash keeps them as well as a slow one.
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _client(row: sqlite3.Row) -> Client:
    return Client(row["agent"], row["owner"], row["hint"], row["wall"], row["revoked"], row["revoked_why"])
