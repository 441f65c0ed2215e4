"""What a run lacks, and what asked for it."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

COMPATIBLE = ("openai-api", "openai-api-completions")
"""Providers for servers of one's own: `openai-api/NAME/MODEL`."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing without which a run cannot start."""

    what: str
    where: str
    """What asked for it: `--model openai/gpt-5`, `--judge ...`; several joined by commas."""
    fix: str
    """The command that installs or sets it, or what to change."""

    def __str__(self) -> str:
        return f"{self.what} (for {self.where})\n    {self.fix}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A model that a run asks for."""

    model: str
    where: str
    base_url: str | None
    arguments: Mapping[str, Any]

    @property
    def provider(self) -> str:
        """Return what stands before the first slash."""
        return self.model.partition("/")[0]

    @property
    def name(self) -> str:
        """Return what stands behind the provider."""
        return self.model.partition("/")[2]

    @property
    def service(self) -> str | None:
        """Return what stands between provider and model: a cloud, or the name of a server."""
        head, slash, _ = self.name.partition("/")
        return head if slash else None

    @property
    def prefix(self) -> str:
        """Return how the variables of its server begin: `LOCAL` in `LOCAL_API_KEY`, `LOCAL_BASE_URL`."""
        named = self.service if self.provider in COMPATIBLE else self.provider.partition("-completions")[0]
        return (named or self.provider).upper().replace("-", "_")

    @property
    def server(self) -> str | None:
        """Return the address that the user gave, on the command line or in the environment."""
        for variable in (f"{self.prefix}_BASE_URL", "INSPECT_EVAL_MODEL_BASE_URL"):
            if self.base_url or os.environ.get(variable):
                return self.base_url or os.environ[variable]
        return None

    def lacks(self, what: str, fix: str) -> Missing:
        """Return something that this model needs and that is not there."""
        return Missing(what, self.where, fix)

    def choose(self, name: str, known: Sequence[str], form: str) -> str:
        """Return which of the known names to take in place of one that is not known.

        `form` turns a name into a whole model: `openai/{}`.
        """
        flag = self.where.partition(" ")[0]
        near = difflib.get_close_matches(name, known, 3, 0.6)
        if near:
            return " or ".join(f"{flag} {shlex.quote(form.format(one))}" for one in near)
        shown = ", ".join(known[:12]) + (f", ... ({len(known)} in all)" if len(known) > 12 else "")
        return f"choose one of {shown}"


def merged(found: Iterable[Missing]) -> list[Missing]:
    """Return each thing once, with all that asked for it."""
    once: dict[tuple[str, str], Missing] = {}
    for lack in found:
        same = once.get((lack.what, lack.fix))
        where = f"{same.where}, {lack.where}" if same else lack.where
        once[lack.what, lack.fix] = replace(lack, where=where)
    return list(once.values())
