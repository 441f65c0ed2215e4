"""Follows logs that are being written: what is new is read, and what should be looked at is told once."""

from __future__ import annotations

import glob
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from msgspec import Struct

from duress.audit.audit import audit, due
from duress.audit.errors import NothingError
from duress.audit.logs import Log, expand, remote, takes
from duress.audit.outbox import Notice, Outbox, Undelivered, notices
from duress.audit.piped import PIPE
from duress.audit.scan import Row, Settings, scan
from duress.audit.selection import Selection, Wanted
from duress.audit.store import Kept, Store


class Pipe(Struct, frozen=True):
    """The standard input, as a log that ends when its writer does."""

    path: str = PIPE
    named: bool = True

    def open(self) -> tuple[IO[bytes], bool]:
        """Return the stream, and that it is none to go back in."""
        # The raw stream gives what is there; a buffered one waits until its buffer is full.
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False), False


def awaited(named: Sequence[str], *, once: bool = False) -> list[str]:
    """Return which of the logs are not there yet and may come; with `once`, no file is waited for.

    Raises:
        NothingError: one is not there, and no sign says that it will come.
    """
    out: list[str] = []
    for name in named:
        try:
            expand([name])
        except NothingError:
            if not _may_come(name, once=once):
                raise
            out.append(name)
    return out


def _may_come(name: str, *, once: bool) -> bool:
    if remote(name):
        return "*" in name
    if glob.has_magic(name):
        plain = itertools.takewhile(lambda part: not glob.has_magic(part), Path(name).parts)
        return Path(*plain).is_dir()
    path = Path(name)
    return path.is_dir() or (not once and takes(path.name) and path.parent.is_dir())


def _there(named: Sequence[str]) -> list[Log]:
    """Return the logs that are there now: others may come, and what was there may be gone."""
    found: dict[str, Log] = {}
    for name in named:
        with suppress(NothingError):
            for log in expand([name]):
                found.setdefault(log.path, log)
    return list(found.values())


class Watch:
    """Looks at logs again and again."""

    def __init__(
        self, store: Store, named: Sequence[str], settings: Settings, wanted: Wanted, box: Outbox
    ) -> None:
        self._store, self._named, self._settings = store, named, settings
        self._selection = Selection(store, (), wanted)
        self._box = box
        self._seen = 0
        """The newest row that was looked at; at a start, all are."""

    def look(self, *, quiet: bool = False) -> Iterator[Notice | Undelivered]:
        """Read what is new once; yield what is told, and what could not be delivered.

        With `quiet`, what is found is known from then on and nobody is told.
        """
        logs = _there(self._named)
        with self._store.alone():
            audit(self._store, due(self._store, logs, self._settings), self._settings)
        for kept in list(self._store.runs(logs, after=self._seen)):
            # Rows that another audit of the same logs kept are new here, too.
            self._seen = max(self._seen, kept.id)
            if self._selection.fits(kept) and not self._is_written(kept):
                yield from _news(self._selection, kept, self._box, quiet=quiet)
        yield from self._box.deliver()

    def _is_written(self, kept: Kept) -> bool:
        """Return whether a line that cannot be read is just being written: that is no damage."""
        if kept.read:
            return False
        state = next((known.state for known in self._store.logs([Log(kept.path, 0, 0.0)])), None)
        return state is not None and state.offset > 0 and kept.line > state.line

    def looked(self) -> None:
        """Note that what was there at the first start is known."""
        self._box.use()


def _news(selection: Selection, kept: Kept, box: Outbox, *, quiet: bool = False) -> Iterator[Notice]:
    """Note the findings of a run that were not noted before, and yield them unless `quiet`."""
    shown = [finding for finding in kept.findings if selection.shows(finding, kept)]
    score = selection.score(kept) or 0.0
    for finding, notice in notices(
        shown, run_score=score, place=kept.place, agent=kept.agent, model=kept.model, at=kept.at
    ):
        if not box.known(kept, finding):
            box.note(kept, finding, notice, sent=quiet)
            if not quiet:
                yield notice


def follow(
    watch: Watch,
    *,
    interval: float,
    existing: bool,
    told: Callable[[Notice | Undelivered], None],
    stop: Callable[[], bool] = lambda: False,
    first: bool,
) -> None:
    """Look until `stop` says so, at most every `interval` seconds.

    On the first look ever (`first`), what is there already is known and not told, unless `existing`.
    """
    quiet = first and not existing
    while True:
        began = time.monotonic()
        for found in watch.look(quiet=quiet):
            told(found)
        watch.looked()
        quiet = False
        if stop():
            return
        # Reading that takes long is not done without a break.
        took = time.monotonic() - began
        time.sleep(max(interval, took))


def stream(
    store: Store,
    settings: Settings,
    wanted: Wanted,
    box: Outbox,
    told: Callable[[Notice | Undelivered], None],
) -> int:
    """Read the standard input until it ends, telling what to look at as it comes; return the runs."""
    selection = Selection(store, (), wanted)
    runs = 0
    for row in scan(cast("Log", Pipe()), settings):
        if not isinstance(row, Row):
            continue
        runs += row.read
        kept = Kept(
            0,
            PIPE,
            row.line,
            row.run,
            row.read,
            row.score,
            row.agent,
            row.model,
            row.version,
            row.session,
            row.at,
            time.time(),
            row.steps,
            row.own,
            # Those of before are not kept: the line tells such runs apart.
            row.line if row.anonymous else None,
            row.findings,
        )
        if not selection.fits(kept):
            continue
        for notice in _news(selection, kept, box):
            told(notice)
        for failed in box.deliver():
            told(failed)
    return runs
