"""Arguments and options that commands of `duress guard` share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PolicyFile = Annotated[Path, typer.Argument(metavar="POLICY", show_default=False, help="A policy file.")]
StateFolder = Annotated[
    Path, typer.Option("--state", metavar="DIR", help="The guard's state folder.", show_default=False)
]


class Form(StrEnum):
    """How something is printed."""

    TABLE = "table"
    JSON = "json"
