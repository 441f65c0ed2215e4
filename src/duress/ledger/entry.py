"""What is put into a ledger, and what comes back."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

REDACTION = "redaction"
"""Kind of the entry that the ledger itself writes when a body is taken out."""


class Entry(Struct, frozen=True):
    """One thing that happened."""

    kind: str
    session: str
    agent: str
    at: float
    """Seconds since 1970."""
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    """Anything that JSON can say; NaN and infinity become null."""


class Receipt(Struct, frozen=True):
    """An entry is on disk."""

    index: int
    """Its place in the ledger, from 0."""
    hash: str
    """Its RFC 6962 leaf hash, in hex: what a proof of inclusion proves."""


class Recorded(Struct, frozen=True):
    """An entry as the ledger holds it."""

    index: int
    kind: str
    session: str
    agent: str
    at: float
    body: dict[str, Any] | None
    """None: it was redacted."""
    hash: str


class Head(Struct, frozen=True):
    """The state of a whole ledger in two values."""

    size: int
    root: bytes
    """The RFC 6962 tree hash of the first `size` entries."""
