"""Entries as a guard writes them."""

from __future__ import annotations

from duress.ledger import Entry

BODY = {
    "decision": "d-1",
    "call": "c-1",
    "tool": "send_mail",
    "arguments": {"to": ["mara@garden.example"], "subject": "Saturday", "body": "The beds are dug."},
    "verb": "proceed",
    "reasons": [["policy", "mail inside the house is permitted", "inside"]],
    "policy": "9f86d081884c7d65",
    "scores": {"provenance": 0.25},
}


def entry(number: int = 0, kind: str = "intent", session: str = "s-1", **more: object) -> Entry:
    return Entry(
        kind, session, "clerk", 1_790_000_000.0 + number, {**BODY, "decision": f"d-{number}", **more}
    )


def entries(count: int, start: int = 0) -> list[Entry]:
    return [entry(start + number) for number in range(count)]
