"""`duress ledger keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.ledger.place import DEFAULT, AsForm, Form, KeyFolder, Place, as_json, signing_keys

if TYPE_CHECKING:
    from duress.ledger.keys import PublicKey

HELP = """Create, list, rotate and revoke the keys that sign checkpoints.

The private key is a file that only its owner can read. keys.json holds the public ones, what became of each,
and the ledger's state at that moment: give it to whoever verifies, and give it again after a change.

\b
Examples:
  duress ledger keys new
  duress ledger keys rotate
  duress ledger keys revoke 1a2b3c4d --reason 'the disk was stolen'
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def new(place: Place = DEFAULT, keys: KeyFolder = None) -> None:
    """Create the first key of a ledger, or one after the last was revoked.

    \b
    Examples:
      duress ledger keys new
      duress ledger keys new --ledger postgresql://guard@db.example/guard --keys /etc/guard/keys
    """
    from duress.ledger import Reader

    _tell(signing_keys(place, keys).new(Reader.at(place).origin))


@app.command("list")
def list_(place: Place = DEFAULT, keys: KeyFolder = None, form: AsForm = Form.TEXT) -> None:
    """List the public keys of a ledger and what became of each.

    \b
    Examples:
      duress ledger keys list
      duress ledger keys list --format json
    """
    held = signing_keys(place, keys)
    if form is Form.JSON:
        import msgspec

        as_json(msgspec.to_builtins(held.all()))
        return
    for one in held.all():
        _tell(one)


@app.command()
def rotate(place: Place = DEFAULT, keys: KeyFolder = None) -> None:
    """Replace the active key. What it signed still verifies; its private part is thrown away.

    \b
    Examples:
      duress ledger keys rotate
    """
    from duress.ledger import Reader

    ledger = Reader.at(place)
    _tell(signing_keys(place, keys).rotate(ledger.origin, ledger.head()))


@app.command()
def revoke(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The eight digits of its hash.", show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; for those who verify.", show_default=False)],
    size: Annotated[
        int | None,
        typer.Option(min=0, metavar="SIZE", help="Believe it up to this size.", show_default="the size now"),
    ] = None,
    place: Place = DEFAULT,
    keys: KeyFolder = None,
) -> None:
    """Stop believing a key. Checkpoints up to a size still verify; the ledger's root at that size is noted.

    \b
    Examples:
      duress ledger keys revoke 1a2b3c4d --reason 'the disk was stolen'
      duress ledger keys revoke 1a2b3c4d --size 5000 --reason 'copied on Monday'
    """
    from duress.ledger import Head, Reader, UsageError

    ledger = Reader.at(place)
    head = ledger.head()
    if size is not None:
        if size > head.size:
            raise UsageError(f"--size: expected up to {head.size}, the size of the ledger, found {size}")
        head = Head(size, ledger.tree.root(size))
    _tell(signing_keys(place, keys).revoke(key, head, reason))


def _tell(key: PublicKey) -> None:
    from duress.cli.output import text

    end = f" at {key.end.at}, size {key.end.size}" if key.end else f" since {key.created}"
    why = f" ({key.end.reason})" if key.end and key.end.reason else ""
    text(f"{key.key}\n    {key.status}{end}{why}\n")
