"""Verdicts: what reviewers decided about findings. Only appended to; the last one counts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from duress.audit.errors import AuditError

SUFFIX = ".verdicts.jsonl"


class Said(StrEnum):
    """What a reviewer decided."""

    CONFIRMED = "confirmed"
    CLEARED = "cleared"
    UNSURE = "unsure"


class Verdict(Struct, frozen=True, omit_defaults=True):
    """One decision about one finding."""

    run: str
    kind: str
    mark: str
    """What the finding is known by; see `identity`."""
    verdict: Said
    score: float
    """Score of the run before any recalibration."""
    by: str = ""
    at: float = 0.0
    """In seconds since 1970."""
    note: str = ""

    @property
    def label(self) -> int | None:
        """1 for confirmed, 0 for cleared, None for unsure."""
        return {Said.CONFIRMED: 1, Said.CLEARED: 0, Said.UNSURE: None}[self.verdict]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Verdict)


def beside(state: Path) -> Path:
    """Return where verdicts are kept for the state of an audit: losing the state does not lose them."""
    return state.with_name(state.name.removesuffix(".db") + SUFFIX)


def append(path: Path, verdicts: Iterable[Verdict]) -> int:
    """Add verdicts, on disk when it returns; return how many. Raises `AuditError`."""
    lines = [_encoder.encode(verdict) + b"\n" for verdict in verdicts]
    try:
        with path.open("ab") as file:
            if file.tell() and not _ends(path):
                # A line that was torn must not take the next one with it.
                file.write(b"\n")
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AuditError(f"{path}: verdicts cannot be written: {error.strerror}") from error
    return len(lines)


def _ends(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def read(path: Path) -> dict[str, Verdict]:
    """Return the last verdict of each finding by its mark; none if there is no file.

    Raises:
        AuditError: a line is no verdict.
    """
    return {verdict.mark: verdict for verdict in every(path)}


def every(path: Path) -> Iterator[Verdict]:
    """Yield all verdicts in the order in which they were given; raises `AuditError`."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise AuditError(f"{path}: verdicts cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise AuditError(
                f"{path}:{number}: expected a verdict in JSON: {error}; mend or remove the line"
            ) from error


def labels(verdicts: Iterable[Verdict]) -> Iterator[dict[str, Any]]:
    """Yield verdicts as labels for training and testing: 1, 0 or null, with who gave them and when."""
    for verdict in verdicts:
        yield {
            "run": verdict.run,
            "kind": verdict.kind,
            "label": verdict.label,
            "verdict": verdict.verdict.value,
            "score": verdict.score,
            "by": verdict.by,
            "at": verdict.at,
            "note": verdict.note,
        }
