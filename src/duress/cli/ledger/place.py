"""Which ledger and which keys are meant, and how an answer is printed."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from duress.ledger.keys import Keys
    from duress.ledger.verifier import Trusted

Place = Annotated[
    str,
    typer.Option(
        "--ledger",
        "-l",
        envvar="DURESS_LEDGER",
        metavar="PLACE",
        help="Path of a SQLite ledger or its folder, or postgresql://...",
    ),
]
DEFAULT = "ledger.db"


class Form(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


AsForm = Annotated[Form, typer.Option("--format", "-f", help="How to print it.")]
KeyFolder = Annotated[
    Path | None,
    typer.Option(
        "--keys", metavar="DIR", help="Folder of the signing keys.", show_default="beside the ledger"
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="Trusted public keys: keys.json, or one a line.",
        show_default="keys.json of the keys beside the ledger",
    ),
]


def folder_of_keys(place: str, given: Path | None) -> Path:
    """Return the folder with the keys of a ledger."""
    if given is not None:
        return given.parent if given.name == "keys.json" else given
    if "://" in place:
        raise typer.BadParameter("a ledger in PostgreSQL has no keys beside it: give --keys DIR")
    path = Path(place)
    return (path / DEFAULT if path.is_dir() else path).with_suffix(".keys")


def signing_keys(place: str, given: Path | None) -> Keys:
    """Return the keys that sign the checkpoints of a ledger."""
    from duress.ledger.keys import Keys

    return Keys(folder_of_keys(place, given))


def trusted_keys(place: str, given: Path | None) -> list[Trusted]:
    """Return the keys that are believed: from a file, or else those beside the ledger, if there are any."""
    from duress.ledger.verifier import read_keys

    if given is not None:
        return read_keys(given / "keys.json" if given.is_dir() else given)
    if "://" in place:
        return []
    beside = folder_of_keys(place, None) / "keys.json"
    return read_keys(beside) if beside.exists() else []


def as_json(value: Any) -> None:
    """Print a value as JSON."""
    from duress.cli.output import text

    text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
