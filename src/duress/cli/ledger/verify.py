"""`duress ledger verify`."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.ledger.place import (
    DEFAULT,
    AsForm,
    Form,
    KeyFile,
    Place,
    as_json,
    folder_of_keys,
    trusted_keys,
)

if TYPE_CHECKING:
    from duress.ledger.verifier import Finding, Kept

CHECKED = ("every body against its hash", "every entry against the one before it")
STORED = "the stored tree against the entries"
ALWAYS = "Whether what the entries say is true, and whether all that happened was recorded, no ledger shows."
NEVER = (
    "No checkpoint was confirmed: a ledger that was cut short or rewritten as a whole would look the same."
)


def verify(
    place: Place = DEFAULT,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint", "-c", metavar="PATH", help="A checkpoint kept elsewhere, or a folder of them."
        ),
    ] = None,
    git: Annotated[
        list[Path] | None,
        typer.Option("--git", metavar="REPO", help="A repository to which they were committed."),
    ] = None,
    keys: KeyFile = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="KEY", help="A trusted public key, name+hash+key.")
    ] = None,
    authorities: Annotated[
        Path | None,
        typer.Option(
            "--tsa-ca", metavar="PEM", help="Roots trusted to stamp; every checkpoint needs a stamp then."
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes.", show_default="one per core")
    ] = os.cpu_count() or 1,
    form: AsForm = Form.TEXT,
) -> None:
    """Check every entry of a ledger, or of an export of one, and hold it against checkpoints kept elsewhere.

    Without a checkpoint only damage within shows: edited, missing and misplaced entries. With one, it
    also shows if the ledger was cut short, rewritten as a whole, or forked.

    \b
    Examples:
      duress ledger verify
      duress ledger verify -l export.jsonl --checkpoint /mnt/elsewhere --keys keys.json
      duress ledger verify --git ../checkpoints --key 'example.com/guard+1a2b3c4d+AQ...'
      duress ledger verify --checkpoint kept --tsa-ca authority.pem --format json

    \b
    Exit status:
      0 nothing is wrong   1 a problem was found   2 wrong usage, or something cannot be read
    """
    from duress.cli.output import text
    from duress.ledger.verifier import Trusted, in_files, in_git, verify
    from duress.ledger.verifier.note import read_key
    from duress.ledger.verifier.source import open_source

    trusted = [Trusted(read_key(one)) for one in key or ()]
    trusted += trusted_keys(place, keys) if keys is not None or not trusted else []
    kept = [one for path in checkpoint or () for one in in_files(path)]
    if git:
        source = open_source(place)
        source.close()
        kept += [one for path in git for one in in_git(path, source.origin)]
    beside = None if kept else _beside(place)
    if beside is not None:
        kept = in_files(beside)
    if kept and not trusted:
        raise typer.BadParameter(
            "checkpoints say nothing without keys that are trusted: give --keys or --key"
        )
    found = verify(place, checkpoints=kept, keys=trusted, authorities=authorities, workers=workers)
    cautions = _cautions(found, beside)
    if form is Form.JSON:
        as_json(_data(found, cautions))
    else:
        text("".join(f"{line}\n" for line in _lines(found, kept, cautions)))
    if not found.sound:
        raise typer.Exit(1)


def _beside(place: str) -> Path | None:
    """Return the last checkpoint that was signed with the keys beside the ledger, if there is one."""
    if "://" in place:
        return None
    path = folder_of_keys(place, None) / "last.checkpoint"
    return path if path.exists() else None


def _checked(found: Finding) -> list[str]:
    return [*CHECKED, STORED] if found.stored else [*CHECKED]


def _cautions(found: Finding, beside: Path | None) -> list[str]:
    """Return what this verification does not show."""
    sizes = [one.size for one in found.checkpoints if one.confirmed]
    out = [ALWAYS]
    if not sizes:
        return [NEVER, *out]
    if (later := found.size - max(sizes)) > 0:
        out = [
            f"What came after the newest confirmed checkpoint ({later:,} entries) may have been changed.",
            *out,
        ]
    if beside:
        out = [f"{beside} lies beside the ledger: who can change the one can change the other.", *out]
    return out


def _lines(found: Finding, kept: list[Kept], cautions: list[str]) -> list[str]:
    root = (
        "no root: entries are missing"
        if found.root is None
        else f"root {base64.b64encode(found.root).decode()}"
    )
    out = [
        f"{found.place}: {found.origin}, {found.size:,} entries, {root}",
        f"checked: {', '.join(_checked(found))}",
    ]
    if found.redacted:
        out.append(f"redacted: {found.redacted:,} {'body' if found.redacted == 1 else 'bodies'}")
    for one in found.checkpoints:
        if one.confirmed:
            time = f", existed before {one.time}" if one.time else ""
            out.append(f"confirmed: {one.where}, {one.size:,} entries{time}")
    out += [f"{one.kind.value}: {one.where}: {one.text}" for one in found.problems]
    if found.more:
        out.append(f"and {found.more:,} problems more")
    count = len(found.problems) + found.more
    out.append("nothing is wrong" if found.sound else f"{count:,} problem{'s' if count > 1 else ''} found")
    return [*out, *(f"not shown: {one}" for one in cautions)]


def _data(found: Finding, cautions: list[str]) -> dict[str, object]:
    return {
        "ledger": found.place,
        "origin": found.origin,
        "size": found.size,
        "root": None if found.root is None else base64.b64encode(found.root).decode(),
        "sound": found.sound,
        "redacted": found.redacted,
        "checkpoints": [one._asdict() for one in found.checkpoints],
        "problems": [one._asdict() for one in found.problems],
        "more_problems": found.more,
        "checked": _checked(found),
        "not_shown": cautions,
    }
