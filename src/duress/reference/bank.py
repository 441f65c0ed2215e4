"""The agents' own texts: what they write about whether they are being tested, the same in all packs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import TypeAdapter

FOLDER = Path(__file__).parent / "texts"

_BANK = TypeAdapter(dict[str, tuple[str, ...]])


@cache
def bank(lang: str) -> dict[str, tuple[str, ...]]:
    """Return the texts by key in a language; English where there are none of it."""
    file = FOLDER / f"{lang}.yaml"
    if not file.is_file():
        file = FOLDER / "en.yaml"
    return _BANK.validate_python(yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
