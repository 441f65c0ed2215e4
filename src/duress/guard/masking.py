"""What never enters the record: secrets and personal numbers, by the same rules that guard results."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, cast

from duress.facts import DataClass, redact

KINDS = frozenset({DataClass.SECRET, DataClass.IDENTITY, DataClass.PAYMENT})
"""Names and addresses stay: without them nobody could tell from the record what was done to whom."""

_OURS: Final = re.compile("[0-9a-f]{64}|(?![0-9]+$|[a-f]{2}[0-9]{2})[0-9a-f]{16}")
"""A SHA-256, or a name as the guard gives them: no rule takes a part of one (a test says so), and every entry
has several that are new. Sixteen digits can be a card's number, two letters and digits that of an account."""
_SHORT: Final = 512
"""Characters of a text of which many are remembered: the guard writes the same ones again and again."""


def masked(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with `[redacted: ...]` in place of every secret, identity and payment number."""
    return {key: _masked(value) for key, value in body.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(str(key)): _masked(inner) for key, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in cast("list[Any]", value)]
    return value


def _text(text: str) -> str:
    if len(text) > _SHORT:
        return redact(text, KINDS)
    return text if len(text) in (16, 64) and _OURS.fullmatch(text) else _short(text)


@lru_cache(maxsize=4096)
def _short(text: str) -> str:
    return redact(text, KINDS)
