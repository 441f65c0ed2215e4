"""A ledger as JSON lines. The bytes that were hashed stand in them as they are, so that they can be verified.

The first line is a heading, `{"duress_ledger":"1","origin":"...","size":0,"root":"..."}`; each other one an
entry, `{"leaf":{...},"salt":"<32 hex>","body":{...}}`, with null for salt and body of a redacted one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import msgspec

from duress.ledger.leaf import Row
from duress.ledger.reader import Reader
from duress.ledger.store import FORMAT


def lines(ledger: Reader) -> Iterator[bytes]:
    """Yield the lines of a whole ledger, each with its newline."""
    head = ledger.head()
    root = base64.b64encode(head.root).decode()
    yield (
        msgspec.json.encode(
            {"duress_ledger": FORMAT, "origin": ledger.origin, "size": head.size, "root": root}
        )
        + b"\n"
    )
    for row in ledger.rows(0, head.size):
        yield line(row)


def line(row: Row) -> bytes:
    """Return the line of one entry."""
    if row.salt is None or row.body is None:
        return b'{"leaf":%b,"salt":null,"body":null}\n' % row.leaf
    return b'{"leaf":%b,"salt":"%b","body":%b}\n' % (row.leaf, row.salt.hex().encode(), row.body)
