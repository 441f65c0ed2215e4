"""What an audit knows of logs: kept beside them, so that the next one reads only what is new."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from msgspec import Struct

from duress.audit.errors import AuditError
from duress.audit.finding import Finding
from duress.audit.logs import STATE, Log, remote
from duress.audit.scan import Row, State

FILE = f"{STATE}.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS log (
  id INTEGER PRIMARY KEY, path TEXT UNIQUE, size INTEGER, modified REAL, mark TEXT, reader TEXT,
  offset INTEGER, line INTEGER, records INTEGER, head TEXT, engine TEXT
);
CREATE TABLE IF NOT EXISTS run (
  id INTEGER PRIMARY KEY AUTOINCREMENT, log INTEGER, line INTEGER, run TEXT, read INTEGER, score REAL,
  agent TEXT, model TEXT, version TEXT, session TEXT, at REAL, steps INTEGER, findings BLOB, packed BLOB,
  sketch BLOB, unusual BLOB, reader TEXT, own TEXT, nth INTEGER
);
CREATE TABLE IF NOT EXISTS rest (log INTEGER PRIMARY KEY, settled INTEGER, packed BLOB);
CREATE INDEX IF NOT EXISTS run_of_log ON run (log, line);
CREATE INDEX IF NOT EXISTS run_as_added ON run (log);
CREATE INDEX IF NOT EXISTS run_by_score ON run (score);
CREATE INDEX IF NOT EXISTS run_alike ON run (log, own) WHERE nth NOTNULL;
"""
_TABLES = frozenset({"meta", "log", "run", "rest", "notice"})
VERSION = "2"
_EARLIER = "1"
"""Knew runs by their names alone."""
_HEAD = 4096
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Finding, ...])


_KEPT = (
    "SELECT run.id, log.path, run.line, run.run, run.read, run.score, run.agent, run.model, run.version, "
    "run.session, run.at, log.modified, run.steps, run.own, run.nth, run.findings "
    "FROM run JOIN log ON log.id = run.log"
)

_IN_TIME = "FROM run JOIN log ON log.id = run.log JOIN chosen ON chosen.path = log.path WHERE 1"
_BY_TIME = "ORDER BY run.at IS NULL, run.at, chosen.place, run.line, run.id"


class Known(Struct, frozen=True):
    """What is known of a log."""

    id: int
    size: int
    modified: float
    mark: str
    head: str
    """Hash of what it began and ended with: a file that was written anew is not read on from its middle."""
    engine: str
    state: State


class Kept(Struct, frozen=True):
    """A run as it is kept."""

    id: int
    path: str
    line: int
    run: str
    read: bool
    score: float | None
    agent: str | None
    model: str | None
    version: str | None
    session: str | None
    at: float | None
    modified: float
    """When its log was written last."""
    steps: int
    own: str
    """What tells it from others of its log and name; see `identity`."""
    nth: int | None
    """Without an id: its place among those of its log that are alike, from 1."""
    findings: tuple[Finding, ...]

    @property
    def when(self) -> float:
        """When it began, else when its log was written last; in seconds since 1970."""
        return self.modified if self.at is None else self.at

    @property
    def place(self) -> str:
        """Where it was read."""
        return f"{self.path}#{self.line}"

    @property
    def who(self) -> str:
        """The agent, else the model, else nothing."""
        return self.agent or self.model or ""


class Store:
    """Keeps rows of logs in one SQLite file, or in a scratch file that goes away with it."""

    def __init__(self, path: Path | None) -> None:
        """Open `path`, or a scratch file if it is None; raises `AuditError` if that cannot be."""
        self.path = path
        try:
            # The empty name is a database on disk that SQLite removes itself.
            self._db = sqlite3.connect(str(path) if path else "", isolation_level=None, timeout=60)
            self._take_over()
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA cache_size = -32768")
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (VERSION,))
            version = self._db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()[0]
        except sqlite3.Error as error:
            raise AuditError(
                f"{path}: what an audit keeps cannot be opened: {error}; name another file with --state, "
                "or keep nothing with --no-state"
            ) from error
        if version != VERSION:
            raise AuditError(f"{path}: expected version {VERSION}, found {version}; remove it to read anew")

    def _take_over(self) -> None:
        """See that the file is ours, and forget what an earlier version knew: logs are read anew.

        Raises:
            AuditError: another program keeps something else in it.
        """
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {name for name in tables if not name.startswith("sqlite_")}
        if tables and not ("meta" in tables and tables <= _TABLES):
            raise AuditError(
                f"{self.path}: expected what an audit keeps, found a database with other tables "
                f"({', '.join(sorted(tables)[:5])}); name another file with --state"
            )
        if "run" not in tables:
            return
        with self.together():
            version = self._db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
            if version is not None and version[0] == _EARLIER:
                self._db.execute("ALTER TABLE run ADD COLUMN own TEXT")
                self._db.execute("ALTER TABLE run ADD COLUMN nth INTEGER")
                for table in ("run", "log", "rest"):
                    self._db.execute(f"DELETE FROM {table}")
                self._db.execute("UPDATE meta SET value = ? WHERE key = 'version'", (VERSION,))

    def known(self, log: Log) -> Known | None:
        """Return what is known of a log, or None."""
        found = self._db.execute(
            "SELECT id, size, modified, mark, head, engine, reader, offset, line, records FROM log "
            "WHERE path = ?",
            (log.path,),
        ).fetchone()
        if found is None:
            return None
        return Known(*found[:6], state=State(log.path, *found[6:]))

    def start(self, log: Log, engine: str) -> tuple[int, int, int] | None:
        """Return (id, offset, line) to read a log from, or None if nothing in it is new.

        Rows of a log that changed otherwise than by growing are forgotten.
        """
        known = self.known(log)
        if known is None:
            cursor = self._db.execute(
                "INSERT INTO log (path, size, modified, mark, reader, offset, line, records, head, engine) "
                "VALUES (?, -1, 0, '', '', 0, 0, 0, '', ?)",
                (log.path, engine),
            )
            return int(cursor.lastrowid or 0), 0, 0
        state = known.state
        same = known.engine == engine
        as_was = (known.size, known.modified) == (log.size, log.modified)
        if same and as_was and known.mark == log.mark:
            return None
        # What looks as it was and was changed has not grown: any line of it may be another.
        if same and not as_was and 0 < state.offset <= log.size and known.head == ends(log, state.offset):
            # What was still open comes again, and so does what an audit that was interrupted has added.
            self._db.execute(
                "DELETE FROM run WHERE log = ? AND id > (SELECT settled FROM rest WHERE log = ?)",
                (known.id, known.id),
            )
            return known.id, state.offset, state.line
        self.forget(known.id)
        return known.id, 0, 0

    def forget(self, log: int) -> None:
        """Forget the rows of a log, and what was open in it."""
        self._db.execute("DELETE FROM run WHERE log = ?", (log,))
        self._db.execute("DELETE FROM rest WHERE log = ?", (log,))
        self._db.execute("UPDATE log SET size = -1, offset = 0, line = 0 WHERE id = ?", (log,))

    @contextmanager
    def alone(self) -> Generator[None]:
        """Wait until no other process reads into this file, and keep others waiting inside."""
        if self.path is None:
            yield
            return
        import fcntl

        try:
            lock = self.path.with_name(f"{self.path.name}.lock").open("wb")
        except OSError as error:
            raise AuditError(f"{self.path}: cannot be locked: {error.strerror}; use --state FILE") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def together(self) -> Generator[None]:
        """Keep what is added inside together, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def add(self, log: int, rows: Iterable[Row]) -> None:
        """Add rows of a log."""
        self._db.executemany(
            "INSERT INTO run (log, line, run, read, score, agent, model, version, session, at, steps, "
            "findings, packed, sketch, own, nth) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CASE WHEN ? THEN "
            "(SELECT count(*) + 1 FROM run WHERE log = ? AND own = ? AND nth NOTNULL) END)",
            (
                (
                    log,
                    row.line,
                    row.run,
                    row.read,
                    row.score,
                    row.agent,
                    row.model,
                    row.version,
                    row.session,
                    row.at,
                    row.steps,
                    _encoder.encode(row.findings) if row.findings else None,
                    row.packed,
                    row.sketch,
                    row.own,
                    row.anonymous,
                    log,
                    row.own,
                )
                for row in rows
            ),
        )

    def note(self, log: int, found: Log, state: State, engine: str) -> None:
        """Note how far a log was read."""
        known = ends(found, state.offset) if state.offset else ""
        self._db.execute(
            "UPDATE log SET size = ?, modified = ?, mark = ?, reader = ?, offset = ?, line = ?, records = ?, "
            "head = ?, engine = ? WHERE id = ?",
            (
                -1 if state.unopened else found.size,
                found.modified,
                found.mark,
                state.reader,
                state.offset,
                state.line,
                state.records,
                known,
                engine,
                log,
            ),
        )

        # Those that may change were added last.
        settled = self._db.execute(
            "SELECT id FROM run WHERE log = ? ORDER BY id DESC LIMIT 1 OFFSET ?", (log, state.open)
        ).fetchone()
        self._db.execute(
            "INSERT OR REPLACE INTO rest VALUES (?, ?, ?)", (log, settled[0] if settled else 0, state.rest)
        )

    def rest(self, log: int) -> bytes:
        """Return what was still open where a log was read to, for `scan` to go on with."""
        found = self._db.execute("SELECT packed FROM rest WHERE log = ?", (log,)).fetchone()
        return found[0] if found else b""

    def logs(self, logs: Sequence[Log]) -> Iterator[Known]:
        """Yield what is known of logs, in their order."""
        for log in logs:
            known = self.known(log)
            if known is not None:
                yield known

    def runs(self, logs: Sequence[Log], *, after: int = 0) -> Iterator[Kept]:
        """Yield the runs of logs in their order; only those that were added after one if `after` names it."""
        self._choose(logs)
        for found in self._db.execute(
            f"{_KEPT} JOIN chosen ON chosen.path = log.path WHERE run.id > ? "
            "ORDER BY chosen.place, run.line, run.id",
            (after,),
        ):
            yield _kept(found)

    def run(self, run: int) -> Kept:
        """Return a run by its number here."""
        return _kept(self._db.execute(f"{_KEPT} WHERE run.id = ?", (run,)).fetchone())

    def packed(self, run: int) -> bytes | None:
        """Return the packed conversation of a run, where one is kept."""
        found = self._db.execute("SELECT packed FROM run WHERE id = ?", (run,)).fetchone()
        return found[0] if found else None

    def _choose(self, logs: Sequence[Log]) -> None:
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (place INTEGER PRIMARY KEY, path TEXT)")
        self._db.execute("DELETE FROM chosen")
        self._db.executemany("INSERT INTO chosen VALUES (?, ?)", enumerate(log.path for log in logs))

    def reread(self, run: int, score: float, findings: tuple[Finding, ...], reader: str) -> None:
        """Keep what a model that read a run made of it."""
        self._db.execute(
            "UPDATE run SET score = ?, findings = ?, reader = ? WHERE id = ?",
            (score, _encoder.encode(findings) if findings else None, reader, run),
        )

    def read_by(self, run: int) -> str | None:
        """Return the model that read a run, or None."""
        found = self._db.execute("SELECT reader FROM run WHERE id = ?", (run,)).fetchone()
        return found[0] if found else None

    def changes(self, logs: Sequence[Log]) -> tuple[int, int]:
        """Return what is different whenever the runs of logs are: how many there are, and the newest."""
        self._choose(logs)
        return self._db.execute(
            "SELECT count(*), max(run.id) FROM run JOIN log ON log.id = run.log "
            "JOIN chosen ON chosen.path = log.path"
        ).fetchone()

    def sketches(self, logs: Sequence[Log]) -> Iterator[tuple[int, bytes]]:
        """Yield (run, sketch) in the order of time, those without a time last."""
        self._choose(logs)
        # Rows are changed while they are gone through: the numbers are taken first.
        numbers = [
            number
            for (number,) in self._db.execute(f"SELECT run.id {_IN_TIME} AND sketch NOTNULL {_BY_TIME}")
        ]
        for number in numbers:
            yield number, self._db.execute("SELECT sketch FROM run WHERE id = ?", (number,)).fetchone()[0]

    def unusual(self, logs: Sequence[Log]) -> Iterator[tuple[int, float | None, bytes | None]]:
        """Yield (run, time, what is unusual about it) of every run, in the order of time."""
        self._choose(logs)
        yield from self._db.execute(f"SELECT run.id, run.at, run.unusual {_IN_TIME} AND read {_BY_TIME}")

    def note_unusual(self, run: int, packed: bytes) -> None:
        """Note what is unusual about a run."""
        self._db.execute("UPDATE run SET unusual = ? WHERE id = ?", (packed, run))

    def forget_unusual(self) -> None:
        """Forget what was unusual."""
        self._db.execute("UPDATE run SET unusual = NULL WHERE unusual NOTNULL")

    def fact(self, key: str) -> str | None:
        """Return what was noted under a key, or None."""
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return found[0] if found else None

    def note_fact(self, key: str, value: str) -> None:
        """Note something under a key."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @property
    def database(self) -> sqlite3.Connection:
        """The database, for what else is kept with it."""
        return self._db

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _kept(found: tuple[Any, ...]) -> Kept:
    number, path, line, run, read, *plain, findings = found
    return Kept(
        number, path, line, run, bool(read), *plain, findings=_decoder.decode(findings) if findings else ()
    )


def beside(named: Sequence[str]) -> Path:
    """Return where the state of an audit is kept: beside what is named first, or in the user's cache.

    Logs that lie in a store, or in a folder that we may only read, have their state in the cache.
    """
    first = named[0]
    if not remote(first):
        folder = Path(first)
        while not os.path.isdir(folder):  # noqa: PTH112
            folder = folder.parent
        if os.access(folder, os.W_OK):
            return folder / FILE
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duress" / "audit"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AuditError(
            f"{cache}: cannot be made: {error.strerror}; use --state FILE or --no-state"
        ) from error
    name = first if remote(first) else str(Path(first).absolute())
    return cache / f"{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.db"


def ends(log: Log, offset: int) -> str:
    """Return a hash of the first and the last bytes before an offset, or an empty text if there are none."""
    try:
        with log.raw() as stream:
            first = stream.read(min(_HEAD, offset))
            stream.seek(max(0, offset - _HEAD))
            return hashlib.sha256(first + stream.read(min(_HEAD, offset))).hexdigest()
    except OSError:
        return ""
