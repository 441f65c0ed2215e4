"""Logs that a command reads before it says anything about them, and what its options mean."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duress.audit.errors import AuditError

if TYPE_CHECKING:
    from duress.audit.logs import Log
    from duress.audit.run import Run
    from duress.audit.scan import Settings
    from duress.audit.selection import Selection
    from duress.audit.store import Kept, Store

LARGEST = 1 << 30
"""Bytes of the largest log that is read again for a few of its runs."""
_SPANS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


@dataclass(frozen=True, slots=True)
class Audited:
    """Logs that were read, and where what belongs to them is kept."""

    store: Store
    logs: list[Log]
    state: Path
    settings: Settings

    @property
    def verdicts(self) -> Path:
        """The file of verdicts."""
        from duress.audit.verdicts import beside

        return beside(self.state)

    def reads(self, path: Path) -> bool:
        """Return whether a file is one of the logs, or belongs to the state."""
        from duress.audit.logs import remote

        if not path.is_file():
            return False
        ours = [Path(log.path) for log in self.logs if not remote(log.path)]
        return any(one.exists() and one.samefile(path) for one in (*ours, self.state, self.verdicts))

    def selection(self, **wanted: Any) -> Selection:
        """Return what is shown of the logs, with what reviewers decided taken into account."""
        from duress.audit import recalibration, unusual, verdicts
        from duress.audit.assess import THRESHOLD
        from duress.audit.selection import Selection, Wanted

        unusual.learn(self.store, self.logs)
        if wanted.get("threshold") is None:
            wanted["threshold"] = THRESHOLD
        known = Wanted(
            verdicts=verdicts.read(self.verdicts),
            recalibration=recalibration.read(recalibration.beside(self.state)),
            **wanted,
        )
        return Selection(self.store, self.logs, known)

    def again(self, runs: Sequence[Kept]) -> Iterator[Run]:
        """Read runs once more whose conversations were not kept; those that are gone are left out."""
        from duress.audit.scan import reread

        logs = {log.path: log for log in self.logs}
        for path in dict.fromkeys(kept.path for kept in runs):
            if logs[path].size <= LARGEST:
                wanted = [(kept.line, kept.run) for kept in runs if kept.path == path]
                yield from reread(logs[path], self.settings, wanted)


@contextmanager
def opened(
    named: Sequence[str],
    reader: str | None = None,
    mappings: Sequence[Path] | None = None,
    state: Path | None = None,
    keep: bool = True,
    anew: bool = True,
    cluster: str | None = None,
) -> Generator[Audited]:
    """Read what is new in logs, and give what is known of them.

    Without `anew`, what an audit has kept is taken as it is, and logs are read only if nothing is kept.

    Raises:
        AuditError: a log, a reader or a mapping is not there or is wrong.
    """
    from duress.audit.audit import audit, due
    from duress.audit.logs import expand
    from duress.audit.piped import is_piped, piped
    from duress.audit.scan import Settings, check
    from duress.audit.store import Store, beside
    from duress.cli.audit_progress import Progress

    if state is not None and not keep:
        raise AuditError("--state names a file and --no-state wants none; give one of them")
    settings = Settings(tuple(str(path) for path in mappings or ()), reader)
    check(settings)
    lying = [name for name in named if not is_piped(name)]
    place = state or beside(lying or ["."])
    # What came through a pipe comes once: there is nothing to read on in.
    keep = keep and bool(lying or state)
    fresh = anew or not keep
    with piped([name for name in named if is_piped(name)]) as copies, Store(place if keep else None) as store:
        logs = [*expand(lying), *copies]
        with store.alone():
            work = due(store, logs, settings) if fresh or not any(store.logs(logs)) else []
            with Progress(
                len(work), sum(one.size for one in work), len(logs) - len(work) if anew else 0
            ) as progress:
                if cluster is None:
                    audit(store, work, settings, tell=progress.tell)
                else:
                    from duress.audit.cluster import audit_on

                    audit_on(cluster, store, work, settings, tell=progress.tell)
        yield Audited(store, logs, place, settings)


def per_day(text: str) -> float:
    """Return N of `N/day` (or `N/week`, `N/hour`); raises `AuditError`."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*(hour|day|week))?\s*", text)
    if not found:
        raise AuditError(f"--max-alerts: expected N/day, such as 5/day, found {text!r}")
    return float(found[1]) * {"hour": 24.0, "day": 1.0, "week": 1 / 7}[found[2] or "day"]


def check_share(option: str, value: float | None) -> None:
    """Raise `AuditError` unless a value is from 0 to 1, or None; what is no number passes other checks."""
    if value is not None and not 0.0 <= value <= 1.0:
        raise AuditError(f"{option}: expected a number from 0 to 1, found {value}")


def since_when(text: str) -> float:
    """Return the seconds since 1970 that `7d`, `12h` or a date mean; raises `AuditError`."""
    from duress.audit.readers.moment import moment

    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mhdw])\s*", text)
    if found:
        return time.time() - float(found[1]) * _SPANS[found[2]]
    told = moment(text.strip())
    if told is None:
        raise AuditError(f"--since: expected a date such as 2026-11-01, or 7d, 12h, 30m, found {text!r}")
    return told
