"""Times as logs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_SCALES = (1e17, 1e9), (1e14, 1e6), (1e11, 1e3)
"""From so many units on, a number counts nanoseconds, microseconds or milliseconds."""
_KEYS = ("timestamp", "created_at", "started_at", "start_time", "created", "time", "at", "date")


def moment(value: Any) -> float | None:
    """Return a time in seconds since 1970, or None if `value` tells none.

    Reads ISO 8601 (without a zone it is UTC) and numbers in seconds, milli-, micro- or nanoseconds.
    """
    if isinstance(value, str):
        try:
            # A zone is written +00:00 or Z; a fraction may have nine digits.
            read = datetime.fromisoformat(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
        else:
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    for least, unit in _SCALES:
        if number >= least:
            return number / unit
    return number if number > 1e8 else None


def moment_of(record: dict[str, Any]) -> float | None:
    """Return the time that a record carries under one of the usual names, or None."""
    for key in _KEYS:
        if key in record and (found := moment(record[key])) is not None:
            return found
    return None
