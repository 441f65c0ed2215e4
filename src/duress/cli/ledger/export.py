"""`duress ledger export`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from duress.cli.ledger.place import DEFAULT, Place


class Kind(StrEnum):
    """What a ledger is exported as."""

    JSONL = "jsonl"
    OTLP = "otlp"


def export(
    place: Place = DEFAULT,
    kind: Annotated[
        Kind | None,
        typer.Option(
            "--format", "-f", help="JSON lines, or OpenTelemetry spans.", show_default="jsonl; otlp with --to"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write it there.", show_default="print it")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="Send spans to this OTLP/HTTP collector.")
    ] = None,
    start: Annotated[
        int, typer.Option("--from", metavar="ENTRY", min=0, help="First entry (spans only).")
    ] = 0,
) -> None:
    """Write a ledger as JSON lines, which `duress ledger verify` can check, or its decisions as spans.

    Spans hold tools, verbs, rules, scores and times; arguments, results and what people wrote do not go out.

    \b
    Examples:
      duress ledger export --out ledger.jsonl && duress ledger verify -l ledger.jsonl
      duress ledger export --format otlp --out spans.jsonl
      duress ledger export --to http://127.0.0.1:4318 --from 1000
    """
    from duress.cli.output import tell
    from duress.ledger import Reader
    from duress.ledger.export.lines import lines
    from duress.ledger.export.otlp import requests, send
    from duress.ledger.export.spans import spans

    kind = kind or (Kind.OTLP if to else Kind.JSONL)
    if kind is Kind.JSONL and (to or start):
        raise typer.BadParameter("--to and --from are for spans: give --format otlp")
    if to and out:
        raise typer.BadParameter("give --to or --out, not both")
    ledger = Reader.at(place)
    size = ledger.head().size
    if kind is Kind.JSONL:
        _write(lines(ledger), out)
        tell(f"{size:,} entries")
        return
    found = requests(spans(ledger.entries(start, size), ledger.origin), ledger.origin)
    if to:
        sent = send(found, to)
        tell(f"{sent:,} spans sent; go on with --from {size}")
    else:
        _write((data + b"\n" for data, _ in found), out)
        tell(f"entries {start} to {size - 1}; go on with --from {size}")


def _write(content: Iterable[bytes], out: Path | None) -> None:
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        sys.stdout.buffer.flush()
        return
    from duress.cli.output import write

    out.parent.mkdir(parents=True, exist_ok=True)
    write(out, content)
