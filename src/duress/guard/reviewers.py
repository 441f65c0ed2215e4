"""The people who may look, answer and stop, and how one of this machine proves to be one of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import sqlite3
from enum import StrEnum

from msgspec import Struct

from duress.guard import outbox
from duress.guard.keeper import Entry, KeeperError
from duress.guard.state import State

SHORTEST = 12
"""Characters of a password."""
_COST = {"n": 2**15, "r": 8, "p": 3}  # OWASP Password Storage Cheat Sheet, scrypt
_MEMORY = 64 * 2**20
_NAME = re.compile(r"[^\s<>&\"'/\\*]{1,64}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Role(StrEnum):
    """What a person may do; each one may do what those before may."""

    VIEWER = "viewer"
    """Look."""
    REVIEWER = "reviewer"
    """Answer questions, stop, take part in an override."""
    ADMIN = "admin"
    """Resume what was stopped."""


RANK = {role: rank for rank, role in enumerate(Role)}


class Reviewer(Struct, frozen=True):
    """One person."""

    name: str
    role: Role
    mail: str | None = None
    login: str | None = None
    """The account of this machine that is theirs: its owner needs no password at the terminal."""
    local: bool = False
    """Whether there is a password."""
    bound: bool = False
    """Whether an identity provider's account is bound to it."""
    disabled: bool = False

    def may(self, role: Role) -> bool:
        """Return whether they may do what `role` allows."""
        return not self.disabled and RANK[self.role] >= RANK[Role(role)]

    def known_as(self) -> frozenset[str]:
        """Return all names by which a request could mean them, folded."""
        return frozenset(name.casefold() for name in (self.name, self.mail, self.login) if name)

    def is_one_of(self, names: tuple[str, ...]) -> bool:
        """Return whether one of `names` means them."""
        return not self.known_as().isdisjoint(name.strip().casefold() for name in names if name)


class Reviewers:
    """The people of a state folder."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(
        self,
        name: str,
        role: Role,
        *,
        password: str | None = None,
        mail: str | None = None,
        login: str | None = None,
        by: str,
    ) -> Reviewer:
        """Add a person.

        Raises:
            KeeperError: the name, mail or password is no such thing or taken.
        """
        if not _NAME.fullmatch(name):
            raise KeeperError(
                f"{name!r} cannot be a reviewer's name: up to 64 characters, no spaces or quotes"
            )
        if mail is not None and not _MAIL.fullmatch(mail):
            raise KeeperError(f"{mail!r} is not a mail address")
        kept = None if password is None else hashed(sound(password, name))
        wall = self._state.now().wall
        with self._state.write() as db:
            try:
                db.execute(
                    "INSERT INTO reviewer (name, role, password, mail, login, added) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    (name, role, kept, mail, login, wall),
                )
            except sqlite3.IntegrityError as error:
                raise KeeperError(f"there is a reviewer of the name or mail of {name} already") from error
            self._told(db, wall, "add", name, by, role=role, mail=mail, login=login)
        return Reviewer(name, role, mail, login, local=kept is not None)

    def change(
        self,
        name: str,
        *,
        by: str,
        role: Role | None = None,
        password: str | None = None,
        disabled: bool | None = None,
    ) -> Reviewer:
        """Change a person's role or password, or take away or give back their access. Ends their visits.

        Raises:
            KeeperError: nobody has that name, or the password is too short.
        """
        found = self.get(name)
        wall = self._state.now().wall
        with self._state.write() as db:
            if role is not None:
                db.execute("UPDATE reviewer SET role = ? WHERE name = ?", (role, name))
            if password is not None:
                db.execute(
                    "UPDATE reviewer SET password = ? WHERE name = ?", (hashed(sound(password, name)), name)
                )
            if disabled is not None:
                db.execute(
                    "UPDATE reviewer SET disabled = ? WHERE name = ?", (wall if disabled else None, name)
                )
            db.execute("DELETE FROM visit WHERE reviewer = ?", (found.name,))
            self._told(
                db, wall, "change", found.name, by, role=role, password=bool(password), disabled=disabled
            )
        return self.get(name)

    def bind(self, name: str, issuer: str, subject: str) -> None:
        """Bind a provider's account to a person, for good: another account with their mail is not them."""
        wall = self._state.now().wall
        with self._state.write() as db:
            bound = db.execute(
                "UPDATE reviewer SET issuer = ?, subject = ? WHERE name = ? AND subject IS NULL",
                (issuer, subject, name),
            ).rowcount
            if not bound:
                raise KeeperError(f"{name} is bound to another account")
            self._told(db, wall, "bind", name, name, issuer=issuer)

    def all(self) -> tuple[Reviewer, ...]:
        """Return everybody, by name."""
        return tuple(_reviewer(row) for row in self._state.rows("SELECT * FROM reviewer ORDER BY name"))

    def find(self, name: str) -> Reviewer | None:
        """Return the person of that name."""
        rows = self._state.rows("SELECT * FROM reviewer WHERE name = ?", name)
        return _reviewer(rows[0]) if rows else None

    def get(self, name: str) -> Reviewer:
        """Return the person of that name, or raise `KeeperError`."""
        if (found := self.find(name)) is None:
            raise KeeperError(f"there is no reviewer {name}; add one with `duress guard reviewers add`")
        return found

    def by_account(self, issuer: str, subject: str) -> Reviewer | None:
        """Return the person to whom a provider's account is bound."""
        rows = self._state.rows("SELECT * FROM reviewer WHERE issuer = ? AND subject = ?", issuer, subject)
        return _reviewer(rows[0]) if rows else None

    def by_mail(self, mail: str) -> Reviewer | None:
        """Return the person who has that address and no provider's account yet."""
        rows = self._state.rows("SELECT * FROM reviewer WHERE mail = ? AND subject IS NULL", mail)
        return _reviewer(rows[0]) if rows else None

    def who_answer(self, barred: tuple[str, ...]) -> tuple[Reviewer, ...]:
        """Return who may answer a question that `barred` (requester, owner of the agent) may not answer."""
        return tuple(who for who in self.all() if who.may(Role.REVIEWER) and not who.is_one_of(barred))

    def knows(self, name: str, password: str) -> Reviewer | None:
        """Return the person if it is their password. Takes equally long for people that do not exist."""
        rows = self._state.rows("SELECT * FROM reviewer WHERE name = ?", name)
        kept = rows[0]["password"] if rows else None
        right = matches(password, kept or _NOBODY)
        if not right or kept is None or rows[0]["disabled"] is not None:
            return None
        return _reviewer(rows[0])

    def _told(
        self, db: sqlite3.Connection, wall: float, act: str, name: str, by: str, **more: object
    ) -> None:
        body = {
            "act": act,
            "reviewer": name,
            "person": by,
            **{key: at for key, at in more.items() if at is not None},
        }
        outbox.put(db, [Entry(kind="reviewer", session="", agent="", at=wall, body=body)])


def sound(password: str, name: str) -> str:
    """Return the password, or raise `KeeperError` saying what is wrong with it."""
    if len(password) < SHORTEST:
        raise KeeperError(f"a password has at least {SHORTEST} characters")
    if name.casefold() in password.casefold() and len(password) < len(name) + SHORTEST:
        raise KeeperError("a password is more than the name")
    return password


def hashed(password: str) -> str:
    """Return what is kept of a password: scrypt with its parameters and a salt of its own."""
    salt = os.urandom(16)
    key = hashlib.scrypt(password.encode(), salt=salt, maxmem=_MEMORY, **_COST)
    text = base64.b64encode(salt).decode(), base64.b64encode(key).decode()
    return "$".join(("scrypt", *(str(_COST[name]) for name in ("n", "r", "p")), *text))


def matches(password: str, kept: str) -> bool:
    """Return whether it is the password of which `kept` was kept."""
    _, n, r, p, salt, key = kept.split("$")
    found = hashlib.scrypt(
        password.encode(), salt=base64.b64decode(salt), maxmem=_MEMORY, n=int(n), r=int(r), p=int(p)
    )
    return hmac.compare_digest(found, base64.b64decode(key))


_NOBODY = "$".join(("scrypt", "32768", "8", "3", base64.b64encode(b"nobody's salt...").decode(), "AAAA"))


def _reviewer(row: sqlite3.Row) -> Reviewer:
    return Reviewer(
        row["name"],
        Role(row["role"]),
        row["mail"],
        row["login"],
        local=row["password"] is not None,
        bound=row["subject"] is not None,
        disabled=row["disabled"] is not None,
    )
