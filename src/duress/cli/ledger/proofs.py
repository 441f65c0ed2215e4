"""`duress ledger prove`, `check` and `consistency`."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.ledger.place import (
    DEFAULT,
    AsForm,
    Form,
    KeyFile,
    KeyFolder,
    Place,
    as_json,
    signing_keys,
    trusted_keys,
)

if TYPE_CHECKING:
    from duress.ledger import Reader


def prove(
    entry: Annotated[int, typer.Argument(metavar="ENTRY", min=0, help="Its index.", show_default=False)],
    place: Place = DEFAULT,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", "-c", metavar="FILE", help="Prove for this one.", show_default="a new one"
        ),
    ] = None,
    without_body: Annotated[
        bool, typer.Option("--without-body", help="Do not tell what the entry says.")
    ] = False,
    keys: KeyFolder = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write it there.", show_default="print it")
    ] = None,
) -> None:
    """Prove that an entry is in the ledger, in one file that anybody can check without the ledger.

    The file is a C2SP tlog-proof: the entry, its path in the Merkle tree, and the signed checkpoint.

    \b
    Examples:
      duress ledger prove 1234 --out 1234.tlog-proof
      duress ledger prove 1234 --checkpoint /mnt/elsewhere/head.checkpoint --without-body
    """
    from duress.cli.output import tell, text, write
    from duress.ledger import Reader, UsageError
    from duress.ledger.checkpoint import continues, sign_head
    from duress.ledger.note import read
    from duress.ledger.proof import prove as proof

    ledger = Reader.at(place)
    if checkpoint is None:
        note = sign_head(ledger, signing_keys(place, keys))
    else:
        try:
            note = checkpoint.read_bytes()
        except OSError as error:
            raise UsageError(f"{checkpoint}: cannot be read: {error.strerror}") from error
        continues(ledger, read(note, checkpoint), checkpoint)
    found = proof(ledger, entry, note, body=not without_body)
    if out is None:
        text(found)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        write(out, (found.encode(),))
        tell(f"{out}: entry {entry} of {ledger.origin}")


def check(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="What prove wrote.", show_default=False)],
    place: Place = DEFAULT,
    keys: KeyFile = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="KEY", help="A trusted public key, name+hash+key.")
    ] = None,
    form: AsForm = Form.TEXT,
) -> None:
    """Check a proof of an entry; the ledger is not needed, only keys that are trusted.

    \b
    Examples:
      duress ledger check 1234.tlog-proof --keys keys.json
      duress ledger check 1234.tlog-proof --key 'example.com/guard+1a2b3c4d+AQ...' --format json
    """
    from duress.cli.output import text
    from duress.ledger.verifier import Trusted, VerifierError, check_proof
    from duress.ledger.verifier.note import read_key

    trusted = [Trusted(read_key(one)) for one in key or ()]
    trusted += trusted_keys(place, keys) if keys is not None or not trusted else []
    if not trusted:
        raise typer.BadParameter("a proof says nothing without keys that are trusted: give --keys or --key")
    try:
        content = proof.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VerifierError(f"{proof}: cannot be read: {error}") from error
    found = check_proof(content, str(proof), trusted)
    if form is Form.JSON:
        names = ("index", "origin", "size", "reason", "leaf", "body")
        as_json({"proven": found.reason is None} | {name: getattr(found, name) for name in names})
    elif found.reason is None and found.leaf is not None:
        who = ", ".join(f"{name} {found.leaf.get(name)}" for name in ("kind", "session", "agent", "at"))
        text(
            f"{proof}: entry {found.index} of {found.origin}, among {found.size:,} that were signed\n{who}\n"
        )
        if found.body is not None:
            as_json(found.body)
    else:
        text(f"{proof}: not proven: {found.reason}\n")
    if found.reason is not None:
        raise typer.Exit(1)


def consistency(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A size, or a checkpoint's file.", show_default=False)
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The same, later.", show_default=False)],
    place: Place = DEFAULT,
    keys: KeyFile = None,
    form: AsForm = Form.TEXT,
) -> None:
    """Prove that one state of the ledger is the beginning of another: nothing before it was changed since.

    Where A and B are checkpoints, their signatures are checked as well.

    \b
    Examples:
      duress ledger consistency 1000 2000
      duress ledger consistency monday.checkpoint friday.checkpoint --keys keys.json
    """
    from duress.cli.output import text
    from duress.ledger import Reader

    ledger = Reader.at(place)
    states = [_state(ledger, one, place, keys) for one in (first, second)]
    (old, old_root, _), (new, new_root, _) = states
    wrong = next((reason for _, _, reason in states if reason), None)
    path: list[bytes] = []
    size = ledger.head().size
    if wrong is None and old > new:
        raise typer.BadParameter(f"A is the earlier state: expected a size up to {new}, found {old}")
    if wrong is None and new > size:
        wrong = f"the ledger has {size} entries: those from {size} to {new - 1} are gone"
    if wrong is None:
        from duress.ledger.verifier.merkle import consistent

        path = ledger.tree.consistency(old, new) if 0 < old < new else []
        if not consistent(old, new, old_root, new_root, path):
            wrong = (
                f"the state of size {old} is not the beginning of that of size {new}, or not of this ledger"
            )
    encoded = [base64.b64encode(one).decode() for one in path]
    if form is Form.JSON:
        ends = [{"size": one[0], "root": base64.b64encode(one[1]).decode()} for one in states]
        as_json(
            {
                "origin": ledger.origin,
                "consistent": wrong is None,
                "reason": wrong,
                "first": ends[0],
                "second": ends[1],
                "proof": encoded,
            }
        )
    elif wrong is None:
        text("".join(f"{one}\n" for one in [f"consistent: {old:,} entries begin {new:,}", *encoded]))
    else:
        text(f"not consistent: {wrong}\n")
    if wrong is not None:
        raise typer.Exit(1)


def _state(ledger: Reader, given: str, place: str, keys: Path | None) -> tuple[int, bytes, str | None]:
    """Return size and root of a state, and why it is not believed."""
    if given.isdigit():
        size = int(given)
        return size, ledger.tree.root(min(size, ledger.head().size)), None
    from duress.ledger.verifier import in_files
    from duress.ledger.verifier.note import read_checkpoint
    from duress.ledger.verifier.trust import distrust

    trusted = trusted_keys(place, keys)
    if not trusted:
        raise typer.BadParameter("checkpoints say nothing without keys that are trusted: give --keys")
    note = read_checkpoint(in_files(Path(given))[0].note, given)
    reason = distrust(note, trusted)
    if reason is None and note.origin != ledger.origin:
        reason = f"it is of the ledger {note.origin}"
    return note.size, note.root, f"{given}: {reason}" if reason else None
