"""What never enters the record: secrets and personal numbers, by the same rules that guard results."""

from __future__ import annotations

from typing import Any, cast

from duress.facts import DataClass, redact

KINDS = frozenset({DataClass.SECRET, DataClass.IDENTITY, DataClass.PAYMENT})
"""Names and addresses stay: without them nobody could tell from the record what was done to whom."""


def masked(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with `[redacted: ...]` in place of every secret, identity and payment number."""
    return {key: _masked(value) for key, value in body.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value, KINDS)
    if isinstance(value, dict):
        return {
            redact(str(key), KINDS): _masked(inner) for key, inner in cast("dict[Any, Any]", value).items()
        }
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in cast("list[Any]", value)]
    return value
