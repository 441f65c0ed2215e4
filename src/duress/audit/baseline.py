"""A baseline: findings that were accepted, so that only new ones are shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import orjson

from duress.audit.errors import AuditError
from duress.audit.finding import Finding
from duress.audit.selection import mark

VERSION = 1


def read(path: Path) -> frozenset[str]:
    """Return the marks of what a baseline accepts; raises `AuditError` if it is none."""
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
    if record.get("duress_baseline") != VERSION or not isinstance(accepted, list):
        raise AuditError(f"{path}: expected a baseline (`duress_baseline: {VERSION}`), found another file")
    return frozenset(str(item.get("mark")) for item in cast("list[dict[str, Any]]", accepted))


def write(path: Path, findings: Iterable[Finding], known: frozenset[str]) -> int:
    """Write a baseline of these findings and those accepted before; return how many are new."""
    new = {mark(finding): finding for finding in findings if mark(finding) not in known}
    accepted = [{"mark": found} for found in sorted(known)]
    accepted += [
        {"mark": found, "run": finding.run, "kind": finding.kind, "quotes": finding.quotes}
        for found, finding in new.items()
    ]
    content = orjson.dumps({"duress_baseline": VERSION, "accepted": accepted}, option=orjson.OPT_INDENT_2)
    scratch = path.with_name(f".{path.name}.new")
    try:
        scratch.write_bytes(content + b"\n")
        scratch.replace(path)
    except OSError as error:
        raise AuditError(f"{path}: the baseline cannot be written: {error.strerror}") from error
    return len(new)
