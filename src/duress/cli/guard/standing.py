"""What commands that put a guard before an agent have in common: the policy, and the keeper of its state."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.policy import Policy

Agent = Annotated[
    str,
    typer.Option(
        "--agent", metavar="NAME", show_default=False, help="The agent, as rules and stops name it."
    ),
]
User = Annotated[
    str,
    typer.Option("--user", metavar="NAME", help="On whose behalf it acts: never one of those who approve."),
]
SessionHeader = Annotated[
    str | None,
    typer.Option(
        "--session-header",
        metavar="NAME",
        help="Header of a request that names its session; set it where the agent cannot.",
    ),
]


def needs(modules: Sequence[str], extra: str) -> None:
    """End the command if a module is not installed.

    Raises:
        typer.Exit: one is missing.
    """
    for module in modules:
        if find_spec(module) is None:
            said = f'duress: this needs {module}, which is not installed; run: pip install "duress[{extra}]"'
            typer.echo(said, err=True)
            raise typer.Exit(2)


@contextmanager
def standing(policy_file: Path, state: Path, agent: str) -> Generator[tuple[Policy, EmbeddedKeeper]]:
    """Open policy and state, and record which policy is in force from now on.

    Raises:
        PolicyError: the policy cannot be enforced.
        KeeperError: the state folder cannot be used.
    """
    import time

    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.keeper import Entry
    from duress.guard.policy import load

    policy = load(policy_file)
    with EmbeddedKeeper(state) as keeper:
        file = policy.file
        body = {"hash": policy.hash, "name": file.name, "version": file.version, "mode": file.mode.value}
        keeper.record([Entry("policy", "", agent, time.time(), body)])
        yield policy, keeper


def named_secrets(given: Sequence[str], option: str) -> dict[str, str]:
    """Return headers given as NAME=VARIABLE, with the values of these environment variables.

    Raises:
        typer.Exit: one has another form, or its variable is not set.
    """
    found: dict[str, str] = {}
    for one in given:
        name, _, variable = one.partition("=")
        if not name or not variable or variable not in os.environ:
            typer.echo(
                f"duress: {option} {one}: expected NAME=VARIABLE with the name of an environment variable "
                "that is set; a value itself would be seen by everybody on this machine",
                err=True,
            )
            raise typer.Exit(2)
        found[name] = os.environ[variable]
    return found
