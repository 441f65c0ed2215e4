"""Policies as arms of a study: what stands between the agents and the world, kept whole in the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import ValidationError, convert, to_builtins
from pydantic import BaseModel, ConfigDict

from duress.guard import Policy, PolicyError
from duress.guard.policy import PolicyFile, hash_of, written
from duress.guard.policy import compiled as compile_policy
from duress.study.errors import UsageError


class Guarding(BaseModel):
    """A policy as a run used it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    hash: str
    """SHA-256 over all that the policy says."""
    policy: dict[str, Any]
    """All of it, rules included: the run does not hang on a file that can change."""

    def compiled(self) -> Policy:
        """Return the policy, ready to be enforced.

        Raises:
            UsageError: the plan's copy was changed, or cannot be enforced by this version.
        """
        try:
            file = convert(self.policy, PolicyFile)
            found = compile_policy(file)
        except (ValidationError, PolicyError) as error:
            raise UsageError(f"policy {self.name!r}: cannot be enforced by this version: {error}") from error
        if found.hash != self.hash:
            raise UsageError(
                f"policy {self.name!r} has changed since these trials were planned: expected hash "
                f"{self.hash[:12]}, found {found.hash[:12]}; restore plan.json, or plan anew with --out"
            )
        return found


def read(path: Path | str) -> Guarding:
    """Return the policy of a file as an arm.

    Raises:
        UsageError: it cannot be read, or cannot be enforced.
    """
    try:
        file = written(path)
        compile_policy(file, Path(path))
    except PolicyError as error:
        raise UsageError(str(error)) from error
    return Guarding(
        name=file.name, version=file.version, hash=hash_of(file), policy=to_builtins(file, str_keys=True)
    )
