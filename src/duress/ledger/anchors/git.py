"""Checkpoints in the history of a git repository: one file, a commit for each state of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from duress.ledger.anchors.file import STAMP, SUFFIX, keep
from duress.ledger.anchors.timestamp import stamp
from duress.ledger.errors import LedgerError
from duress.ledger.note import read
from duress.ledger.reader import Reader

_LISTED = ("ls-files", "--cached", "--others", "--")
"""Names a file that is there or once was."""


def name_of(origin: str) -> str:
    """Return the name of the file that holds the checkpoints of a ledger in a repository."""
    return "".join(sign if sign.isalnum() or sign in ".-_" else "-" for sign in origin) + SUFFIX


def commit(
    note: bytes,
    repository: Path,
    ledger: Reader,
    *,
    server: tuple[str, Path] | None = None,
    push: bool = False,
) -> Path:
    """Commit a checkpoint, pushed if asked to, stamped if a server and its roots are given; return its file.

    Raises:
        LedgerError: git refuses, or what the repository holds contradicts the ledger.
    """
    _git(repository, "rev-parse", "--show-toplevel")
    path = keep(note, repository / name_of(ledger.origin), ledger)
    size = read(path.read_bytes(), path).size
    if server is not None:
        stamp(path, *server)
    names = [path.name, *([path.name + STAMP] if _git(repository, *_LISTED, f"{path.name}{STAMP}") else [])]
    _git(repository, "add", "--all", "--", *names)
    if _git(repository, "status", "--porcelain", "--", *names):
        _git(repository, "commit", "-q", "-m", f"Checkpoint of {ledger.origin} at {size}", "--", *names)
    if push:
        _git(repository, "push", "-q")
    return path


def _git(repository: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LedgerError(f"git {arguments[0]}: {error}") from error
    if done.returncode:
        why = done.stderr.strip() or done.stdout.strip()
        raise LedgerError(f"{repository}: git {arguments[0]} failed: {why}")
    return done.stdout
