"""`duress ledger anchor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duress.cli.ledger.place import DEFAULT, KeyFolder, Place, signing_keys


def anchor(
    place: Place = DEFAULT,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="PATH", help="Keep it in this file, or in a new file of this folder."),
    ] = None,
    git: Annotated[
        Path | None, typer.Option("--git", metavar="REPO", help="Commit it to this repository.")
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Push the commit.")] = False,
    tsa: Annotated[
        str | None, typer.Option("--tsa", metavar="URL", help="Have it stamped by this RFC 3161 server.")
    ] = None,
    authorities: Annotated[
        Path | None, typer.Option("--tsa-ca", metavar="PEM", help="Roots that are trusted to stamp.")
    ] = None,
    keys: KeyFolder = None,
) -> None:
    """Sign the state of the ledger and keep that elsewhere; without an option, print it.

    A checkpoint that contradicts the last one signed, or one that is kept there already, is never signed: the
    command says what is wrong and ends with 1. The ledger's writer may go on meanwhile.

    \b
    Examples:
      duress ledger anchor --file /mnt/elsewhere/checkpoints
      duress ledger anchor --git ../checkpoints --push
      duress ledger anchor --file kept --tsa http://timestamp.example --tsa-ca authority.pem
    """
    from duress.cli.output import tell, text
    from duress.ledger import Reader
    from duress.ledger.anchors.file import keep
    from duress.ledger.anchors.git import commit
    from duress.ledger.anchors.timestamp import stamp
    from duress.ledger.checkpoint import sign_head

    if tsa and not (file or git):
        raise typer.BadParameter("--tsa needs a place for checkpoint and timestamp: give --file or --git")
    if (tsa is None) != (authorities is None):
        raise typer.BadParameter("a stamp that nobody can check is not kept: give --tsa with --tsa-ca")
    server = (tsa, authorities) if tsa and authorities else None
    if push and not git:
        raise typer.BadParameter("--push goes with --git")
    ledger = Reader.at(place)
    note = sign_head(ledger, signing_keys(place, keys))
    if file is None and git is None:
        text(note.decode())
    if file is not None:
        kept = keep(note, file, ledger)
        tell(f"kept in {kept}")
        if server:
            tell(f"stamped: {stamp(kept, *server)}")
    if git is not None:
        tell(f"committed: {commit(note, git, ledger, server=server, push=push)}")
