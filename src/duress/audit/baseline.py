"""A baseline: findings that were accepted, so that only new ones are shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import orjson

from duress import outfile
from duress.audit.errors import AuditError
from duress.audit.finding import Finding
from duress.audit.identity import PREFIX, called, earlier, mark
from duress.audit.selection import Selection
from duress.audit.store import Kept

VERSION = 2
_READ = (1, VERSION)

Entry = dict[str, Any]
"""One finding that was accepted, as the file has it."""


def read(path: Path) -> dict[str, Entry]:
    """Return what a baseline accepts by its marks; raises `AuditError` if it is none."""
    try:
        held: Any = orjson.loads(path.read_bytes())
    except OSError as error:
        raise AuditError(
            f"{path}: the baseline cannot be read: {error.strerror}; --accept writes one of what is found now"
        ) from error
    except orjson.JSONDecodeError as error:
        raise AuditError(f"{path}: expected a baseline in JSON: {error}") from error
    record = cast("dict[str, Any]", held) if isinstance(held, dict) else {}
    accepted: Any = record.get("accepted")
    if record.get("duress_baseline") not in _READ or not isinstance(accepted, list):
        raise AuditError(f"{path}: expected a baseline (`duress_baseline: {VERSION}`), found another file")
    entries = [cast("Entry", one) for one in cast("list[Any]", accepted) if isinstance(one, dict)]
    if not all(isinstance(entry.get("mark"), str) for entry in entries):
        raise AuditError(f"{path}: expected entries with a `mark` each, found others")
    return {entry["mark"]: entry for entry in entries}


def aged(accepted: Mapping[str, Entry]) -> int:
    """Return how many entries are of the version before, which accepted a finding in every log alike."""
    return sum(not known.startswith(PREFIX) for known in accepted)


def write(path: Path, selection: Selection, accepted: Mapping[str, Entry]) -> int:
    """Write a baseline of what is shown and of what was accepted before; return how many are new.

    What was accepted by the version before is written anew where the finding is there; else it stays. It
    stays too if not all was looked at: it may stand for the same in another log.
    """
    found = [(shown.kept, shown.finding) for shown in selection.findings()]
    entries = dict(accepted)
    if aged(accepted):
        again = [
            (kept, finding)
            for kept in selection.every()
            for finding in kept.findings
            if earlier(finding) in accepted
        ]
        for kept, finding in again:
            if selection.whole:
                entries.pop(earlier(finding), None)
            entries.setdefault(mark(kept, finding), _entry(kept, finding))
    for kept, finding in found:
        entries.setdefault(mark(kept, finding), _entry(kept, finding))
    held = {"duress_baseline": VERSION, "accepted": list(entries.values())}
    content = orjson.dumps(held, option=orjson.OPT_INDENT_2) + b"\n"
    try:
        outfile.write(path, (content,))
    except OSError as error:
        raise AuditError(f"{path}: the baseline cannot be written: {error.strerror}") from error
    return len(found)


def _entry(kept: Kept, finding: Finding) -> Entry:
    return {
        "mark": mark(kept, finding),
        "log": called(kept.path),
        "run": finding.run,
        "kind": finding.kind.value,
        "quotes": finding.quotes,
    }
