"""Options that several commands share, and how `k=v` is read."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"


class Lang(StrEnum):
    """Language of what people read."""

    EN = "en"
    ZH = "zh"


RunFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.", show_default=False)]
AsFormat = Annotated[Format, typer.Option("--format", "-f", help="How to print it.")]


def pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """Return `["k=v", ...]` as a mapping; a key that comes twice adds to its list of levels.

    Raises:
        typer.BadParameter: one of them is not `k=v`.
    """
    out: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise typer.BadParameter(f"expected {option} k=v, found {text!r}")
        key = key.strip()
        out[key] = f"{out[key]},{value.strip()}" if key in out else value.strip()
    return out


def scalars(given: Sequence[str] | None, option: str) -> dict[str, Any]:
    """Return `["k=v", ...]` with the values read as YAML: numbers, true and false, lists."""
    import yaml

    out: dict[str, Any] = {}
    for key, value in pairs(given, option).items():
        try:
            out[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            out[key] = value
    return out
