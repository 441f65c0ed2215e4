"""`duress ledger list`, `show` and `redact`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duress.cli.ledger.place import DEFAULT, AsForm, Form, Place, as_json

if TYPE_CHECKING:
    from duress.ledger import Recorded

Index = Annotated[int, typer.Argument(metavar="ENTRY", min=0, help="Its index.", show_default=False)]


def list_(
    place: Place = DEFAULT,
    session: Annotated[str | None, typer.Option(help="Only of this session.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind: intent, result, refused, ...")] = None,
    start: Annotated[int, typer.Option("--from", metavar="ENTRY", min=0, help="First entry.")] = 0,
    form: AsForm = Form.TEXT,
) -> None:
    """List entries, one a line; with --format json, one JSON object a line.

    \b
    Examples:
      duress ledger list --from 1000
      duress ledger list --session s-17 --kind refused --format json
    """
    from duress.cli.output import text
    from duress.ledger import Reader

    for lines in _together(Reader.at(place).entries(start, session=session, kind=kind), form):
        text(lines)


def show(entry: Index, place: Place = DEFAULT, form: AsForm = Form.TEXT) -> None:
    """Show one entry with its body.

    \b
    Examples:
      duress ledger show 1234
      duress ledger show 1234 --format json
    """
    from duress.cli.output import text
    from duress.ledger import Reader

    found = Reader.at(place).entry(entry)
    if form is Form.JSON:
        as_json(_data(found))
        return
    text(f"{_line(found)}\nleaf {found.hash}\n")
    if found.body is None:
        text("its body was redacted\n")
    else:
        as_json(found.body)


def redact(
    entry: Index,
    reason: Annotated[str, typer.Option("--reason", help="Why; this is recorded.", show_default=False)],
    place: Place = DEFAULT,
) -> None:
    """Take the body of an entry out for good, and record that. Every checkpoint and proof stays valid.

    The ledger must have no other writer meanwhile. Copies of it, exports and backups are not reached.

    \b
    Examples:
      duress ledger redact 1234 --reason 'the person asked for it'
    """
    from duress.cli.output import text
    from duress.ledger import BusyError, Ledger, Reader

    # A name that was mistyped must not become a new ledger.
    Reader.at(place).close()
    try:
        ledger = Ledger.open(place)
    except BusyError as error:
        raise BusyError(
            f"{error}. Nothing was taken out: end the guard or the server that writes this ledger (agents "
            "that use it are denied until it is back), redact, and start it again"
        ) from error
    with ledger:
        receipt = ledger.erase(entry, reason=reason, at=time.time())
    text(f"the body of entry {entry} is gone; entry {receipt.index} says so\n")


def _together(entries: Iterator[Recorded], form: Form) -> Iterator[str]:
    """Yield lines, many at once."""
    import json

    held: list[str] = []
    for entry in entries:
        held.append(json.dumps(_data(entry), ensure_ascii=False) if form is Form.JSON else _line(entry))
        if len(held) == 1000:
            yield "\n".join(held) + "\n"
            held.clear()
    if held:
        yield "\n".join(held) + "\n"


def _line(entry: Recorded) -> str:
    body = entry.body or {}
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")
    said = " ".join(str(body[name]) for name in ("verb", "tool") if isinstance(body.get(name), str))
    redacted = "(redacted)" if entry.body is None else ""
    parts = (f"{entry.index}", at, entry.kind, entry.session or "-", entry.agent or "-", said, redacted)
    return "  ".join(part for part in parts if part)


def _data(entry: Recorded) -> dict[str, Any]:
    names = ("index", "kind", "session", "agent", "at", "body", "hash")
    return {name: getattr(entry, name) for name in names}
