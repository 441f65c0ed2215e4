"""The `duress` command. Commands are imported when they are used: help must answer at once."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import duress

_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

COMMANDS = {
    "plan": "Show what a study will take and can tell, and freeze its plan.",
    "run": "Put agents under pressure and measure what they do.",
    "results": "Show the rates of a run.",
    "estimate": "Say what a run lets one conclude: effects, comparisons, ranks.",
    "report": "Write the report of a run as one HTML page.",
    "compare": "Show how two runs differ.",
    "awareness": "Show who took it for a test, had understood, can act.",
    "trial": "Show one trial: what the agent saw, said and did.",
    "explain": "Show what the harmful act of a trial depended on.",
    "verify": "Recompute every figure of a run from its logs.",
    "rejudge": "Decide the outcomes of a run again with another judge.",
    "judge": "Have texts labelled by people, and test the judge against them.",
    "scenario": "List, show, check and create scenarios.",
}

HELP = """Stress tests for AI agents: how often an agent turns on the people it works for.

\b
Examples:
  duress run                                        all scenarios, reference agents, offline
  duress run blackmail --model anthropic/claude-... --factor threat=none,replacement
  duress results runs/blackmail-1a2b3c4d            the rates, with intervals
  duress scenario show lethal --lang zh             what an agent is shown

\b
Exit status:
  0 done   1 a problem was found   2 wrong usage, or something is missing   130 interrupted
"""


class Commands(TyperGroup):
    """Knows the commands by name and imports the one that is used."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict.fromkeys(COMMANDS)  # pyright: ignore[reportAttributeAccessIssue, reportIncompatibleVariableOverride]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        return typer.main.get_command(import_module(f"duress.cli.{cmd_name}").app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"duress {duress.__version__}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command line; a mistake of the user ends in one message, not in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show a character shows a question mark.
            stream.reconfigure(errors="replace")
    try:
        try:
            app(prog_name="duress")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _silence()
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in _REFUSED:
            _silence()
            print(f"duress: the output cannot be written: {error.strerror}", file=sys.stderr)
            sys.exit(1)
        from duress.scenario import PackError
        from duress.study.errors import StudyError

        if not isinstance(error, StudyError | PackError):
            raise
        print(f"duress: {error}", file=sys.stderr)
        sys.exit(error.code if isinstance(error, StudyError) else 2)


def _silence() -> None:
    """Let what is left in the buffer go nowhere: it would fail once more at the end of the process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
