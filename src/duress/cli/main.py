"""The `duress` command. Commands are imported when they are used: help must answer at once."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

import duress
from duress.cli.commands import group

_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

_TOLD = (
    ("duress.study.errors", "StudyError"),
    ("duress.scenario.errors", "PackError"),
    ("duress.guard.policy", "PolicyError"),
    ("duress.guard.keeper", "KeeperError"),
    ("duress.ledger.errors", "LedgerError"),
    ("duress.audit.errors", "AuditError"),
    ("duress.cli.errors", "UnwritableError"),
)
"""Errors that are the user's to mend: their text is shown, and nothing else."""

COMMANDS = {
    "plan": "Show what a study will take and can tell, and freeze its plan.",
    "run": "Put agents under pressure and measure what they do.",
    "results": "Show the rates of a run.",
    "estimate": "Say what a run lets one conclude: effects, comparisons, ranks.",
    "report": "Write the report of a run as one HTML page.",
    "compare": "Show how two runs differ.",
    "awareness": "Show who took it for a test, had understood, can act.",
    "turns": "Show when agents turned under pressure.",
    "temper": "Score every turn of a run: hostility, threats, calm and the like.",
    "trial": "Show one trial: what the agent saw, said and did.",
    "explain": "Show what the harmful act of a trial depended on.",
    "verify": "Recompute every figure of a run from its logs.",
    "rejudge": "Decide the outcomes of a run again with another judge.",
    "judge": "Have texts labelled by people, and test the judge against them.",
    "guard": "Stand between a deployed agent and its tools.",
    "ledger": "Verify, prove, export and anchor the record of a guard.",
    "audit": "Read what agents already did, and find the run that matters.",
    "watch": "Follow live logs and tell of each finding once.",
    "discover": "Search for pressure that works, and keep it to be reviewed.",
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


app = group(COMMANDS, "duress.cli", HELP)


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
            sys.exit(2)
        told = _told(error)
        if told is None:
            raise
        from duress.audit.printable import printable

        print(f"duress: {printable(str(error))}", file=sys.stderr)
        sys.exit(told)


def _told(error: Exception) -> int | None:
    """Return the exit status of an error that says all there is to say, or None for a fault of ours."""
    for module, name in _TOLD:
        # What was not imported cannot have raised it.
        known = getattr(sys.modules.get(module), name, None)
        if known is not None and isinstance(error, known):
            return getattr(error, "code", 2)
    return None


def _silence() -> None:
    """Let what is left in the buffer go nowhere: it would fail once more at the end of the process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
