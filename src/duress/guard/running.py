"""What runs here: sessions, the policies they run under, and whether those passed a gate."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from duress.guard.keeper import Entry, Request
from duress.guard.state import State


class RunningSession(Struct, frozen=True):
    """A session that was heard of."""

    id: str
    agent: str
    user: str
    policy_hash: str
    wall: float
    """When it was first heard of, in seconds since 1970."""


class RunningPolicy(Struct, frozen=True):
    """A policy that was heard of."""

    hash: str
    name: str
    version: str
    mode: str
    wall: float
    passed: float | None
    """When it passed a gate last; None: never."""
    failed: float | None
    """When it failed one last."""
    agents: tuple[str, ...]
    """Whose latest session runs under it."""


class Running:
    """What a state folder has heard of."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: set[str] = set()

    def hear(self, entries: Sequence[Entry]) -> None:
        """Take in what entries tell: new sessions, policies, gates."""
        fresh = [
            entry
            for entry in entries
            if entry.kind in ("policy", "gate") or (entry.session and entry.session not in self._known)
        ]
        if not fresh:
            return
        with self._state.write() as db:
            for entry in fresh:
                self._take_in(db, entry)
        self._known.update(entry.session for entry in fresh)

    def ask(self, request: Request) -> None:
        """Take in what a question tells."""
        with self._state.write() as db:
            _session(db, request.session, request.agent, request.user, request.policy_hash, request.at)
            _policy(db, request.policy_hash, request.policy, "", "", request.at)

    def sessions(self, most: int = 200) -> list[RunningSession]:
        """Return the sessions heard of last, latest first."""
        rows = self._state.rows("SELECT * FROM session ORDER BY wall DESC LIMIT ?", most)
        return [
            RunningSession(row["id"], row["agent"], row["user"], row["policy_hash"], row["wall"])
            for row in rows
        ]

    def policies(self) -> list[RunningPolicy]:
        """Return the policies heard of, latest first."""
        in_force: dict[str, list[str]] = {}
        for row in self._state.rows(
            "SELECT agent, policy_hash, MAX(wall) FROM session GROUP BY agent ORDER BY agent"
        ):
            in_force.setdefault(row["policy_hash"], []).append(row["agent"])
        gates = {
            (row["policy_hash"], bool(row["passed"])): row["last"]
            for row in self._state.rows(
                "SELECT policy_hash, passed, MAX(wall) AS last FROM gate GROUP BY policy_hash, passed"
            )
        }
        return [
            RunningPolicy(
                row["hash"],
                row["name"],
                row["version"],
                row["mode"],
                row["wall"],
                gates.get((row["hash"], True)),
                gates.get((row["hash"], False)),
                tuple(in_force.get(row["hash"], ())),
            )
            for row in self._state.rows("SELECT * FROM policy ORDER BY wall DESC")
        ]

    def ungated(self) -> list[RunningPolicy]:
        """Return the policies that some agent runs under and that never passed a gate."""
        return [policy for policy in self.policies() if policy.agents and policy.passed is None]

    def _take_in(self, db: sqlite3.Connection, entry: Entry) -> None:
        told = {name: value for name, value in entry.body.items() if isinstance(value, str)}
        if entry.kind == "policy" and "hash" in told:
            version, mode = told.get("version", ""), told.get("mode", "")
            _policy(db, told["hash"], told.get("name", ""), version, mode, entry.at)
        elif entry.kind == "gate" and (policy := told.get("policy") or told.get("policy_hash")):
            passed = entry.body.get("passed") is True
            evidence = msgspec.json.encode(entry.body).decode()
            db.execute(
                "INSERT INTO gate (policy_hash, passed, wall, evidence) VALUES (?, ?, ?, ?)",
                (policy, passed, entry.at, evidence),
            )
        elif entry.session and (policy := told.get("policy")):
            _session(db, entry.session, entry.agent, told.get("user", ""), policy, entry.at)
            _policy(db, policy, "", "", "", entry.at)


def _session(db: sqlite3.Connection, name: str, agent: str, user: str, policy: str, wall: float) -> None:
    db.execute(
        "INSERT OR IGNORE INTO session (id, agent, user, policy_hash, wall) VALUES (?, ?, ?, ?, ?)",
        (name, agent, user, policy, wall),
    )


def _policy(db: sqlite3.Connection, hash: str, name: str, version: str, mode: str, wall: float) -> None:
    db.execute(
        "INSERT INTO policy (hash, name, version, mode, wall) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (hash) DO UPDATE SET "
        "name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END, "
        "version = CASE excluded.version WHEN '' THEN version ELSE excluded.version END, "
        "mode = CASE excluded.mode WHEN '' THEN mode ELSE excluded.mode END",
        (hash, name, version, mode, wall),
    )
