"""Notices of findings: each is noted once before it is sent, and kept until it has arrived."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
from msgspec import Struct

from duress.audit.finding import Finding
from duress.audit.identity import PREFIX, earlier, mark
from duress.audit.store import Kept

_SCHEMA = """
CREATE TABLE IF NOT EXISTS notice (
  id INTEGER PRIMARY KEY, mark TEXT, channel TEXT, body BLOB, noted REAL, sent REAL, tries INTEGER, due REAL,
  UNIQUE (mark, channel)
);
"""
_LONGEST = 300.0
"""Seconds between two tries, at most."""


class Notice(Struct, frozen=True):
    """What people or programs are told about one finding."""

    run: str
    kind: str
    severity: str
    score: float
    """Of the finding, as an audit shows it."""
    run_score: float
    """Of the run as a whole."""
    why: str
    quotes: tuple[str, ...]
    steps: tuple[int, ...]
    place: str
    agent: str | None
    model: str | None
    at: float | None

    def fields(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "run": self.run,
            "kind": self.kind,
            "severity": self.severity,
            "score": round(self.score, 6),
            "run_score": round(self.run_score, 6),
            "why": self.why,
            "quotes": list(self.quotes),
            "steps": list(self.steps),
            "place": self.place,
            "agent": self.agent,
            "model": self.model,
            "at": self.at,
        }


class Undelivered(Struct, frozen=True):
    """A notice that did not arrive yet."""

    channel: str
    why: str
    again: float
    """Seconds until it is tried again."""


Send = Callable[[bytes], None]
"""Delivers a notice in JSON; raises any exception if it did not arrive."""


class Outbox:
    """Notices by channel, in the database of an audit."""

    def __init__(self, db: sqlite3.Connection, channels: dict[str, Send]) -> None:
        """`channels` are named, so that each gets each notice once, whatever is restarted."""
        self._db = db
        self._channels = channels
        self._failed: dict[str, tuple[int, float]] = {}
        """Of channels that take nothing: how often in a row, and when they are tried again."""
        self._db.executescript(_SCHEMA)
        self._earlier = self.used and not self._looked(PREFIX)
        """Findings were noted here by what they were known by before."""

    @property
    def used(self) -> bool:
        """Whether a first look was finished here before."""
        return self._looked("") or self._looked(PREFIX)

    def _looked(self, how: str) -> bool:
        query = "SELECT 1 FROM notice WHERE mark = '' AND channel = ?"
        return self._db.execute(query, (how,)).fetchone() is not None

    def use(self) -> None:
        """Note that a first look was finished: what is found from now on is new."""
        self._db.execute(
            "INSERT OR IGNORE INTO notice (mark, channel, sent, tries, due) VALUES ('', ?, 0, 0, 0)",
            (PREFIX,),
        )
        self._earlier = False

    def known(self, kept: Kept, finding: Finding) -> bool:
        """Return whether a finding of a run was noted before."""
        own = mark(kept, finding)
        if self._noted(own):
            return True
        if not (self._earlier and self._noted(earlier(finding))):
            return False
        self._db.execute(
            "INSERT OR IGNORE INTO notice (mark, channel, sent, tries, due) VALUES (?, '', 0, 0, 0)", (own,)
        )
        return True

    def _noted(self, known: str) -> bool:
        found = self._db.execute("SELECT 1 FROM notice WHERE mark = ? LIMIT 1", (known,)).fetchone()
        return found is not None

    def note(self, kept: Kept, finding: Finding, notice: Notice, *, sent: bool = False) -> None:
        """Note a finding of a run for all channels; `sent` says that nobody needs to be told."""
        now = time.time()
        body = orjson.dumps(notice.fields())
        # The empty channel keeps a finding known where there is nobody to tell.
        for channel in ("", *self._channels):
            done = now if sent or not channel else None
            self._db.execute(
                "INSERT OR IGNORE INTO notice (mark, channel, body, noted, sent, tries, due) "
                "VALUES (?, ?, ?, ?, ?, 0, 0)",
                (mark(kept, finding), channel, body, now, done),
            )

    def deliver(self) -> Iterator[Undelivered]:
        """Send what is due, in the order in which it was noted; yield what did not arrive."""
        for channel, send in self._channels.items():
            failures, again_at = self._failed.get(channel, (0, 0.0))
            if time.monotonic() < again_at:
                continue
            due = self._db.execute(
                "SELECT id, body, tries FROM notice "
                "WHERE channel = ? AND sent IS NULL AND due <= ? ORDER BY id",
                (channel, time.time()),
            ).fetchall()
            for number, body, tries in due:
                try:
                    send(body)
                except Exception as error:
                    # Whatever a channel raises, the notice is kept and tried again.
                    again = min(_LONGEST, 2.0 ** max(tries, failures))
                    self._failed[channel] = failures + 1, time.monotonic() + again
                    self._db.execute(
                        "UPDATE notice SET tries = tries + 1, due = ? WHERE id = ?",
                        (time.time() + again, number),
                    )
                    yield Undelivered(channel, f"{type(error).__name__}: {error}", again)
                    # Behind one that does not arrive the others wait: they would not arrive either.
                    break
                self._db.execute("UPDATE notice SET sent = ? WHERE id = ?", (time.time(), number))
                self._failed.pop(channel, None)
                failures = 0

    def waiting(self) -> int:
        """Return how many notices have not arrived."""
        names = list(self._channels)
        marks = ",".join("?" * len(names))
        query = f"SELECT count(*) FROM notice WHERE sent IS NULL AND channel IN ({marks})"
        return int(self._db.execute(query, names).fetchone()[0])


def notices(findings: Iterable[Finding], **about: Any) -> Iterator[tuple[Finding, Notice]]:
    """Yield each finding with its notice; `about` says what is told of its run."""
    for finding in findings:
        yield (
            finding,
            Notice(
                run=finding.run,
                kind=finding.kind.value,
                severity=finding.severity.value,
                score=finding.score,
                why=finding.why,
                quotes=finding.quotes,
                steps=finding.steps,
                **about,
            ),
        )
