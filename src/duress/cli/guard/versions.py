"""`duress guard versions`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.guard.options import Form, PolicyFile, StateFolder

if TYPE_CHECKING:
    from duress.guard.versions import Version

HELP = """Keep versions of a policy: show them, put one in force, go back.

Each is kept in the guard's state folder under its hash; what was put in force, by whom and why, is in the
ledger. Guards that take their policy from the folder use it from their next session on.

\b
Examples:
  duress guard versions put policy.yaml --state guard/ --by rita --why "payments need two people"
  duress guard versions list --state guard/
  duress guard versions back --state guard/ --by rita --why "too many questions"
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does this.", show_default=False)]
Why = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="The reason, for the record.", show_default=False)
]


@app.command("list")
def list_(
    state: StateFolder,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """List what was put in force, the newest first.

    \b
    Examples:
      duress guard versions list --state guard/
      duress guard versions list --state guard/ --format json
    """
    from duress.guard.versions import Versions

    history = list(reversed(Versions(state).history()))
    if form is Form.JSON:
        import json

        from msgspec import to_builtins

        typer.echo(json.dumps(to_builtins(history), indent=2, ensure_ascii=False))
        return
    for number, one in enumerate(history):
        mark = "  in force" if number == 0 else ""
        who = f"{one.by}: {one.why}"
        typer.echo(f"{one.hash[:12]}  {one.name} {one.version}  {_when(one.at)}  {who}{mark}")


@app.command()
def put(policy: PolicyFile, state: StateFolder, by: By, why: Why) -> None:
    """Put a policy in force and keep it.

    \b
    Examples:
      duress guard versions put policy.yaml --state guard/ --by rita --why "first version"
    """
    from duress.guard.policy import written
    from duress.guard.versions import Versions

    versions = Versions(state)
    before = versions.history()
    _record(
        state,
        versions.put(written(policy), by=by, why=why, at=time.time()),
        before[-1].hash if before else None,
    )


@app.command()
def back(state: StateFolder, by: By, why: Why) -> None:
    """Put the policy in force again that was in force before this one.

    \b
    Examples:
      duress guard versions back --state guard/ --by rita --why "too many questions"
    """
    from duress.guard.versions import Versions

    versions = Versions(state)
    before = versions.history()
    made = versions.back(by=by, why=why, at=time.time())
    _record(state, made, before[-1].hash if before else None)


@app.command()
def show(
    state: StateFolder,
    hash: Annotated[
        str | None, typer.Argument(metavar="[HASH]", help="Or its beginning; without it, the one in force.")
    ] = None,
) -> None:
    """Print a kept policy.

    \b
    Examples:
      duress guard versions show --state guard/
      duress guard versions show 3fa9c1 --state guard/ > old.yaml
    """
    from duress.cli.output import text
    from duress.guard.versions import Versions

    versions = Versions(state)
    found = versions.current() if hash is None else versions.get(hash)
    assert found.path is not None
    text(found.path.read_text(encoding="utf-8"))


def _record(state: Path, made: Version, before: str | None) -> None:
    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.versions import entry

    with EmbeddedKeeper(state) as keeper:
        keeper.record([entry(made, before)])
    typer.echo(f"in force: {made.name} {made.version} {made.hash}")


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) + " UTC"
