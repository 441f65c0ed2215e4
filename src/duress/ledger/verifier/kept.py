"""Checkpoints where people keep them: files, folders of files, the history of a git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from duress.ledger.verifier.errors import VerifierError

_SUFFIX = ".checkpoint"
_STAMP = ".tsr"
_HEADING = b"c2sp.org/tlog-proof@v1\n"


class Kept(NamedTuple):
    """A checkpoint that was kept somewhere else than the ledger."""

    where: str
    note: bytes
    stamp: bytes | None = None
    """The timestamp beside it, where there is one."""


def in_files(place: Path) -> list[Kept]:
    """Return the checkpoint in a file (or at the end of a proof), or those in a folder.

    Raises:
        VerifierError: there is none.
    """
    paths = sorted(place.glob(f"*{_SUFFIX}")) if place.is_dir() else [place]
    if not paths:
        raise VerifierError(f"{place}: no file *{_SUFFIX} in this folder")
    try:
        return [Kept(str(path), _note(path.read_bytes()), _stamp(path)) for path in paths]
    except OSError as error:
        raise VerifierError(f"{error.filename}: cannot be read: {error.strerror}") from error


def in_git(repository: Path, origin: str) -> list[Kept]:
    """Return every checkpoint of a ledger that was ever committed, on any branch, oldest first.

    Raises:
        VerifierError: there is none, or git fails.
    """
    name = "".join(sign if sign.isalnum() or sign in ".-_" else "-" for sign in origin) + _SUFFIX
    commits = _git(repository, "log", "--all", "--reverse", "--format=%H", "--", name).decode().split()
    found: list[Kept] = []
    for commit in commits:
        held = (
            _git(repository, "ls-tree", "--name-only", commit, "--", name, name + _STAMP).decode().split("\n")
        )
        if name in held:
            note = _git(repository, "show", f"{commit}:./{name}")
            stamped = name + _STAMP in held
            stamp = _git(repository, "show", f"{commit}:./{name}{_STAMP}") if stamped else None
            found.append(Kept(f"{repository}@{commit[:12]}", note, stamp))
    if not found:
        raise VerifierError(f"{repository}: no commit holds a {name}")
    return found


def _note(data: bytes) -> bytes:
    return data.partition(b"\n\n")[2] if data.startswith(_HEADING) else data


def _stamp(path: Path) -> bytes | None:
    beside = path.with_name(path.name + _STAMP)
    return beside.read_bytes() if beside.exists() else None


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments], capture_output=True, check=False, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VerifierError(f"git {arguments[0]}: {error}") from error
    if done.returncode:
        raise VerifierError(
            f"{repository}: git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}"
        )
    return done.stdout
