"""Who sits at the terminal."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duress.guard.reviewers import Reviewer
    from duress.guard.state import State

As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="Which reviewer you are; by default the one whose login this account is.",
        show_default=False,
    ),
]
PASSWORD = "DURESS_PASSWORD"


def login() -> str:
    """Return the account of the operating system, by the process and not by what the environment says."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return getpass.getuser()


def reviewer(state: State, name: str | None) -> Reviewer:
    """Return the reviewer at the terminal: by the account's login, or by their password.

    Raises:
        KeeperError: it is none of them.
    """
    from duress.guard.keeper import KeeperError
    from duress.guard.reviewers import Reviewers

    people = Reviewers(state)
    account = login()
    if name is None:
        mine = [who for who in people.all() if who.login == account and not who.disabled]
        if len(mine) == 1:
            return mine[0]
        raise KeeperError(f"who are you? give --as NAME; no single reviewer has the login {account}")
    who = people.get(name)
    if who.login == account and not who.disabled:
        return who
    found = people.knows(name, _password(name))
    if found is None:
        raise KeeperError(f"that is not the password of {name}")
    return found


def new_password(file: Path | None) -> str | None:
    """Return a new password: from a file, `-` for standard input, or asked for twice at a terminal."""
    if file is not None:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text("utf-8")
        return text.rstrip("\r\n")
    if not sys.stdin.isatty():
        return None
    return (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True, default="", show_default=False)
        or None
    )


def _password(name: str) -> str:
    if (given := os.environ.get(PASSWORD)) is not None:
        return given
    if not sys.stdin.isatty():
        from duress.guard.keeper import KeeperError

        raise KeeperError(f"the password of {name} is needed: run it in a terminal, or set {PASSWORD}")
    return getpass.getpass(f"Password of {name}: ")
