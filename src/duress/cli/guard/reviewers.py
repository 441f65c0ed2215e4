"""`duress guard reviewers`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from duress.cli.guard.options import Form, StateFolder
from duress.cli.guard.person import login, new_password

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""The people who may look, answer and stop, and how they answer known-bad questions.

\b
Examples:
  duress guard reviewers add ann --state guard --role admin
  duress guard reviewers list --state guard""",
)
Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File with the password, - for standard input; else you are asked.",
    ),
]


class Role(StrEnum):
    """What a person may do."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"


@app.command()
def add(
    name: Name,
    state: StateFolder,
    role: Annotated[Role, typer.Option("--role", help="What they may do.")] = Role.REVIEWER,
    mail: Annotated[
        str | None,
        typer.Option("--mail", help="Their address: for notices, and to know them at the identity provider."),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--login", metavar="ACCOUNT", help="Their account of this machine, for the terminal."),
    ] = None,
    password_file: PasswordFile = None,
) -> None:
    """Add a person.

    \b
    Examples:
      duress guard reviewers add ann --state guard --role admin
      duress guard reviewers add ben --state guard --mail ben@home.example --login ben
    """
    from duress.guard import reviewers
    from duress.guard.state import State

    with State(state) as opened:
        password = new_password(password_file) if password_file or not (mail or account) else None
        made = reviewers.Reviewers(opened).add(
            name, reviewers.Role(role), password=password, mail=mail, login=account, by=login()
        )
    typer.echo(f"{made.name}: {made.role}")
    if not (made.local or made.mail or made.login):
        typer.echo("They have no way to sign in yet: give --password-file, --mail or --login.", err=True)


@app.command()
def change(
    name: Name,
    state: StateFolder,
    role: Annotated[Role | None, typer.Option("--role", help="What they may do.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Set a new password.")] = False,
    password_file: PasswordFile = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Take their access away, or give it back.")
    ] = None,
) -> None:
    """Change a person's role or password, or take their access away. Signs them out everywhere."""
    from duress.guard import reviewers
    from duress.guard.state import State

    with State(state, create=False) as opened:
        made = reviewers.Reviewers(opened).change(
            name,
            by=login(),
            role=reviewers.Role(role) if role else None,
            password=new_password(password_file) if password or password_file else None,
            disabled=disabled,
        )
    typer.echo(f"{made.name}: {made.role}{', access taken away' if made.disabled else ''}")


@app.command("list")
def show(
    state: StateFolder,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """List the people, and the share of known-bad questions that each approved, with its 95 % interval."""
    from duress.guard.canaries import Canaries
    from duress.guard.reviewers import Reviewers
    from duress.guard.state import State

    with State(state, create=False) as opened:
        people = Reviewers(opened).all()
        canaries = Canaries(opened)
        measures = {one.reviewer: one for one in canaries.measures()}
        unanswered = canaries.unanswered()
    if form is Form.JSON:
        import msgspec

        told = {"people": people, "known_bad": list(measures.values()), "unanswered": unanswered}
        typer.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "role", "mail", "login", "known-bad", "approved", "95 %", box=None)
    for who in people:
        one = measures.get(who.name)
        asked = one is not None and one.asked > 0
        table.add_row(
            who.name,
            f"{who.role} (disabled)" if who.disabled else who.role.value,
            who.mail or "",
            who.login or "",
            str(one.asked) if one and asked else "",
            f"{one.share:.0%}" if one and asked else "",
            f"{one.low:.0%}-{one.high:.0%}" if one and asked else "",
        )
    Console().print(table)
    if unanswered:
        typer.echo(f"{unanswered} known-bad questions were not answered in time.")
