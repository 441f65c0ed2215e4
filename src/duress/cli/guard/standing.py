"""What commands that put a guard before an agent have in common: the policy, and the keeper of its state."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duress.guard.keeper import Keeper
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
State = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="The guard's state folder on this machine.")
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Or a guard's server (`duress guard serve`); its token is read from DURESS_GUARD_TOKEN.",
    ),
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
def standing(
    policy_file: Path, state: Path | None, server: str | None, agent: str
) -> Generator[tuple[Policy, Keeper]]:
    """Open the policy and what keeps its record, and record which policy is in force from now on.

    Raises:
        PolicyError: the policy cannot be enforced.
        KeeperError: neither a state folder nor a server can be used.
    """
    import time

    from duress.guard.keeper import Entry, KeeperError
    from duress.guard.policy import load

    if (state is None) == (server is None):
        raise KeeperError("expected either --state DIR or --server URL")
    policy = load(policy_file)
    with _keeper(state, server) as keeper:
        file = policy.file
        body = {"hash": policy.hash, "name": file.name, "version": file.version, "mode": file.mode.value}
        keeper.record([Entry("policy", "", agent, time.time(), body)])
        yield policy, keeper


def _keeper(state: Path | None, server: str | None) -> AbstractContextManager[Keeper]:
    if server is not None:
        needs(("httpx",), "proxy")
        from duress.guard.remote import RemoteKeeper

        return RemoteKeeper(server)
    from duress.guard.embedded import EmbeddedKeeper

    assert state is not None
    return EmbeddedKeeper(state)


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
