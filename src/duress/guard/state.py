"""The folder in which a guard keeps what outlives its process: `guard.db`, beside it the ledger."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from duress.guard import moment
from duress.guard.keeper import KeeperError
from duress.guard.turns import Turns

NAME = "guard.db"
LEDGER = "ledger.db"
TURNS = "guard.turns"
VERSION = 1
_SCHEMA = Path(__file__).with_name("state.sql")


_PATIENCE = 10.0
"""Seconds to wait for the turn to write while other processes have it."""

_SEEN = 0.005
"""Seconds for which the files count as those that were opened once they have been looked at."""


class StateError(KeeperError):
    """The state folder cannot be used. `str()` says what was found and what to do next."""


class State:
    """An open state folder. Threads may share it; a forked child opens its own connections."""

    def __init__(self, folder: Path, *, create: bool = True, clock: moment.Clock = moment.now) -> None:
        """Open `folder`, making it unless `create` is false.

        Raises:
            StateError: there is none, it cannot be written to, or a newer version wrote it.
        """
        self.folder = folder
        self.file = folder / NAME
        self.now = clock
        if not create and not self.file.exists():
            raise StateError(f"{folder}: no guard has kept anything here; name its state folder with --state")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its side files the permissions of the database.
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StateError(f"{folder}: cannot be a guard's state folder: {error.strerror}") from error
        self._told = False
        self._passing = False
        self._seen = float("-inf")
        self._open()
        with self.write() as db:
            # Here, where no other process does the same.
            self._turns = self._shared()
            self._told = True
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > VERSION:
                raise StateError(
                    f"{self.file}: written by a newer duress (format {version}, this one knows {VERSION}); "
                    "update duress"
                )
            if version == 0:
                for statement in _SCHEMA.read_text("utf-8").split(";\n"):
                    if statement.strip():
                        db.execute(statement)
                db.execute(f"PRAGMA user_version = {VERSION}")

    def _open(self) -> None:
        self._pid = os.getpid()
        self._writing = threading.RLock()
        self._looking = threading.Lock()
        self._writer = self._connect()
        self._watcher = self._connect()
        self._inode = self.file.stat().st_ino

    def _connect(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(self.file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            db.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                db.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.Error as error:
            raise StateError(f"{self.file}: {error}; is it a guard's state?") from error
        return db

    def _own(self) -> None:
        if os.getpid() != self._pid:
            # A connection that crossed a fork would corrupt the file.
            self._open()

    def _shared(self) -> Turns:
        try:
            return Turns(self.folder / TURNS)
        except (OSError, ValueError) as error:
            told = f"{self.folder / TURNS}: {error}; make room, or see to its permissions"
            raise StateError(told) from error

    @contextmanager
    def write(self, *, passing: bool = False) -> Generator[sqlite3.Connection]:
        """Do what follows in one transaction: all of it is on disk at the end, or nothing.

        `passing`: it changes what may pass; every process sees so with its next look.

        Raises:
            KeeperError: the database said no.
        """
        self._own()
        with self._writing:
            db = self._writer
            try:
                if db.in_transaction:
                    # Inside another `write` of this thread: part of that transaction.
                    self._passing |= passing
                    yield db
                    return
                _begin(db)
                self._passing = passing
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
                finally:
                    # Of a change that was rolled back as well: one look too many does no harm.
                    if self._told:
                        self._turns.change(passing=self._passing)
            except sqlite3.Error as error:
                raise KeeperError(f"{self.file}: {error}") from error

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Return what a query finds, as of now.

        Raises:
            KeeperError: the database said no.
        """
        self._own()
        with self._writing:
            try:
                return self._writer.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise KeeperError(f"{self.file}: {error}") from error

    def version(self) -> tuple[int, int]:
        """Return a value that is another one once anybody has changed anything, whoever it was.

        Raises:
            KeeperError: the file is gone or was put in another's place, or the database said no.
        """
        self._own()
        try:
            with self._looking:
                # This connection never writes, so that it sees this process's own changes too.
                version: int = self._watcher.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise KeeperError(f"{self.file}: {error}") from error
        self.same()
        return self._pid, version

    def same(self) -> None:
        """Make sure that the files still are those that were opened, or were so 5 ms ago.

        Raises:
            KeeperError: one is gone or was put in another's place.
        """
        now = time.monotonic()
        if self._seen <= now < self._seen + _SEEN:
            # Each look gives up the interpreter's lock, and many agents that decide at once queue for it.
            return
        try:
            there = os.stat(self.file).st_ino == self._inode and self._turns.there()  # noqa: PTH116 (hot)
        except OSError as error:
            raise KeeperError(f"{self.file}: {error}") from error
        if not there:
            raise KeeperError(f"{self.file}: another file was put in its place; restart what uses it")
        self._seen = now

    def changes(self) -> bytes:
        """Return a value that is another one once a process has changed anything through this class.

        Takes a microsecond. One that died in the middle of a change is found out by `version` alone.

        Raises:
            KeeperError: the folder was closed.
        """
        try:
            return self._turns.any()
        except ValueError as error:
            raise KeeperError(f"{self.folder}: was closed") from error

    def passing(self) -> bytes:
        """Like `changes`, of what may pass: stops and overrides."""
        try:
            return self._turns.passing()
        except ValueError as error:
            raise KeeperError(f"{self.folder}: was closed") from error

    def close(self) -> None:
        """Let go of the file."""
        if os.getpid() == self._pid:
            with self._writing, self._looking:
                self._writer.close()
                self._watcher.close()
                if self._told:
                    self._told = False
                    self._turns.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _begin(db: sqlite3.Connection) -> None:
    # SQLite's own waiting sleeps longer and longer, up to 0.1 s: too long for a stop among many writers.
    end = time.monotonic() + _PATIENCE
    db.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            time.sleep(random.uniform(0.0003, 0.0015))
    finally:
        db.execute(f"PRAGMA busy_timeout = {1000 * _PATIENCE:.0f}")
