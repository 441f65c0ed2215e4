"""Amounts of money in arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from duress.facts.leaves import at, leaves

UNREADABLE: Final = Decimal("Infinity")
"""More than any budget."""
_UNIT: Final = re.compile(r"^[\s$€£¥￥a-z.]*|[\s$€£¥￥元a-z]*$", re.IGNORECASE)
_GROUPED: Final = re.compile(r"^[-+]?\d{1,3}(?:[,'  ]\d{3})+(?:\.\d+)?$")
_POINTED: Final = re.compile(r"^[-+]?\d{1,3}(?:\.\d{3})+,\d+$|^[-+]?\d+,\d{1,2}$")


def amount(arguments: Mapping[str, Any], path: str | None) -> Decimal:
    """Return the money that stands at a path of the arguments, without sign.

    Lists are added up; nothing there is 0; what cannot be read is infinite.
    """
    if path is None:
        return Decimal(0)
    return sum((_read(leaf) for leaf in leaves(at(arguments, path)) if leaf is not None), Decimal(0))


def _read(leaf: Any) -> Decimal:
    if isinstance(leaf, bool):
        return UNREADABLE
    text = str(leaf)
    if isinstance(leaf, str):
        text = _UNIT.sub("", text)
        if _GROUPED.match(text):
            text = re.sub(r"[,'  ]", "", text)
        elif _POINTED.match(text):
            text = text.replace(".", "").replace(",", ".")
    try:
        found = abs(Decimal(text))
    except InvalidOperation:
        return UNREADABLE
    return UNREADABLE if found.is_nan() else found
