"""Groups of commands that are imported when they are used: help must answer at once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup


class Commands(TyperGroup):
    """Knows its commands by name and imports the one that is used."""

    table: Mapping[str, str]
    """What each command does, in the order in which they are listed."""
    package: str
    """Where their modules are: one of the same name for each, with an `app`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict.fromkeys(self.table)  # pyright: ignore[reportAttributeAccessIssue, reportIncompatibleVariableOverride]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order in which they are used."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None if there is none of this name."""
        if cmd_name not in self.table:
            return None
        return typer.main.get_command(import_module(f"{self.package}.{cmd_name.replace('-', '_')}").app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))


def group(table: Mapping[str, str], package: str, help: str) -> typer.Typer:
    """Return the command that holds the commands of a table, each a module of `package`."""
    made = type("Commands", (Commands,), {"table": table, "package": package})
    app = typer.Typer(
        cls=made,
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # A group without a command of its own needs something to call before the command that is used.
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    pass
