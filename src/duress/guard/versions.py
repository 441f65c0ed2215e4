"""Versions of the policy that a state folder keeps: which one is in force, and the way back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import yaml
from msgspec import DecodeError, Struct, to_builtins
from msgspec.json import decode, encode

from duress.guard.keeper import Entry
from duress.guard.policy import Policy, PolicyError, PolicyFile, compiled, hash_of, load

FOLDER = "policies"
HISTORY = "history.jsonl"


class Version(Struct, frozen=True):
    """One policy that was put in force."""

    hash: str
    name: str
    version: str
    at: float
    """Seconds since 1970."""
    by: str
    why: str


class Versions:
    """The policies that were in force in a state folder, oldest first; the last one is."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER

    def history(self) -> Sequence[Version]:
        """Return what was put in force, oldest first.

        Raises:
            PolicyError: a line of the history cannot be read.
        """
        file = self._folder / HISTORY
        if not file.is_file():
            return ()
        out: list[Version] = []
        for number, line in enumerate(file.read_bytes().splitlines(), start=1):
            try:
                out.append(decode(line, type=Version))
            except DecodeError as error:
                raise PolicyError(f"{file}:{number}: cannot be read: {error}") from error
        return out

    def current(self) -> Policy:
        """Return the policy in force.

        Raises:
            PolicyError: there is none, or what is kept is not what was put in force.
        """
        history = self.history()
        if not history:
            raise PolicyError(
                f"{self._folder.parent}: no policy is in force; see `duress guard versions put --help`"
            )
        return self.get(history[-1].hash)

    def get(self, hash: str) -> Policy:
        """Return a kept policy by its hash, or by the beginning of it.

        Raises:
            PolicyError: there is none, or it is not what was put in force.
        """
        found = sorted(self._folder.glob(f"{hash}*.yaml")) if hash.isalnum() else []
        if len(found) != 1:
            known = ", ".join(dict.fromkeys(version.hash[:12] for version in self.history())) or "none"
            raise PolicyError(f"{self._folder}: {len(found)} policies begin with {hash!r}; kept are {known}")
        policy = load(found[0])
        if policy.hash != found[0].stem:
            raise PolicyError(
                f"{found[0]}: was changed after it was put in force: its hash is {policy.hash[:12]}; "
                "put the changed policy in force under its own hash, or restore the file"
            )
        return policy

    def put(self, file: PolicyFile, *, by: str, why: str, at: float) -> Version:
        """Put a policy in force and keep it; durable when this returns.

        Raises:
            PolicyError: it cannot be enforced.
        """
        compiled(file)
        made = Version(hash_of(file), file.name, file.version, at, by, why)
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = self._folder / f"{made.hash}.yaml"
        if not kept.exists():
            text = yaml.dump(to_builtins(file), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
            scratch = kept.with_suffix(".new")
            _write(scratch, text.encode())
            scratch.replace(kept)
        _write(self._folder / HISTORY, encode(made) + b"\n", append=True)
        return made

    def back(self, *, by: str, why: str, at: float) -> Version:
        """Put the policy in force that was in force before this one.

        Raises:
            PolicyError: there was none before.
        """
        history = self.history()
        now = history[-1].hash if history else ""
        earlier = next((version for version in reversed(history) if version.hash != now), None)
        if earlier is None:
            raise PolicyError(f"{self._folder.parent}: no other policy was in force before this one")
        return self.put(self.get(earlier.hash).file, by=by, why=why, at=at)


def entry(made: Version, before: str | None) -> Entry:
    """Return what the ledger records of a policy that was put in force."""
    body = {
        "policy": made.hash,
        "name": made.name,
        "version": made.version,
        "by": made.by,
        "why": made.why,
        "before": before,
    }
    return Entry("policy", "", "", made.at, body)


def _write(file: Path, data: bytes, *, append: bool = False) -> None:
    with file.open("ab" if append else "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
