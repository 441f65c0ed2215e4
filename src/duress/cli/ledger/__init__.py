"""`duress ledger`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from duress.cli.ledger import anchor, entries, export, keys, proofs, verify

HELP = """Verify, prove, export and anchor the record of a guard.

A ledger is a SQLite file or a PostgreSQL database (--ledger, or the variable DURESS_LEDGER). Its checkpoints
are signed with keys that lie beside it, in ledger.keys for ledger.db, unless --keys says otherwise; keep the
keys and the checkpoints where the ledger's writer cannot change them. docs/ledger.md says what is promised.

\b
Examples:
  duress ledger keys new
  duress ledger anchor --file /mnt/elsewhere/checkpoints
  duress ledger verify --checkpoint /mnt/elsewhere/checkpoints --keys keys.json
  duress ledger prove 1234 --out 1234.tlog-proof
  duress ledger export --format otlp --to http://127.0.0.1:4318

\b
Exit status:
  0 done, nothing is wrong   1 a problem was found   2 wrong usage, or something cannot be read
"""


class _Group(TyperGroup):
    """Ends in one message where the ledger or the verifier say what is wrong."""

    def invoke(self, ctx: Any) -> Any:
        from duress.ledger.errors import LedgerError
        from duress.ledger.verifier.errors import VerifierError

        try:
            return super().invoke(ctx)
        except (LedgerError, VerifierError) as error:
            typer.echo(f"duress: {error}", err=True)
            raise typer.Exit(error.code) from error


app = typer.Typer(
    cls=_Group,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(verify.verify)
app.command()(proofs.prove)
app.command()(proofs.check)
app.command()(proofs.consistency)
app.command()(export.export)
app.command()(anchor.anchor)
app.command("list")(entries.list_)
app.command()(entries.show)
app.command()(entries.redact)
app.add_typer(keys.app, name="keys")
