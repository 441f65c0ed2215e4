"""Runs that a model reads after the offline audit: what it will take is said first."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duress.audit.errors import AuditError
from duress.audit.finding import Assessed
from duress.audit.run import Place, Run
from duress.audit.scan import unpack
from duress.audit.selection import Selection
from duress.audit.store import Kept
from duress.cli.audited import Audited
from duress.cli.output import tell

if TYPE_CHECKING:
    from duress.inspect.auditing import Forecast, Read

BATCH = 64
"""So many runs are held at once."""


def deepen(
    audited: Audited,
    selection: Selection,
    model: str,
    *,
    above: float | None,
    prices: Path | None,
    base_url: str | None,
    agreed: bool,
) -> None:
    """Have a model read runs from the offline score `above` on, and keep what it made of them.

    What it will take is told first, and asked about unless `agreed`. It reads no run twice.

    Raises:
        AuditError: nobody is there to agree.
        UsageError: a client, a key or a server is missing, or the prices are wrong.
    """
    from duress.cli.execute import preflight
    from duress.study import prices as priced

    price = priced.read(prices).of(model)
    preflight([model], "rules", {"base_url": base_url} if base_url else None, inspect=True)
    # Only now: the check above also says that Inspect is not installed.
    from duress.inspect import auditing

    least = auditing.ABOVE if above is None else above
    wanted = [
        kept.id
        for kept in selection.every()
        if kept.read and (kept.score or 0.0) >= least and audited.store.read_by(kept.id) != model
    ]
    told: list[Forecast] = [
        auditing.forecast(batch, above=0.0, input_price=price.input, output_price=price.output)
        for _, batch in _batches(audited, wanted)
    ]
    if not told:
        tell(f"{model}: nothing to read; no run that it has not read scores {least:g} or more")
        return
    costs = [one.cost for one in told]
    total = auditing.Forecast(
        sum(one.runs for one in told),
        selection.runs,
        sum(one.tokens_in for one in told),
        sum(one.tokens_out for one in told),
        None if None in costs else sum(cost or 0.0 for cost in costs),
    )
    tell(f"{model} reads {total}")
    if not agreed and not _agrees():
        raise AuditError("nothing was sent to the model; --yes agrees to what it takes")
    failed: Counter[str] = Counter()
    arguments: dict[str, Any] = {"base_url": base_url} if base_url else {}
    for numbers, batch in _batches(audited, wanted):
        for number, (run, _), read in zip(
            numbers, batch, auditing.deepen(batch, model, above=0.0, **arguments), strict=True
        ):
            _keep(audited, number, run, read, model, failed)
    for why, count in failed.most_common():
        tell(f"{count} runs keep their offline score: {why}")


def _keep(audited: Audited, number: int, run: Run, read: Read, model: str, failed: Counter[str]) -> None:
    if read.failed is not None:
        failed[read.failed] += 1
        return
    audited.store.reread(number, read.assessed.score, read.assessed.findings, model)


def _batches(
    audited: Audited, wanted: Sequence[int]
) -> Iterator[tuple[list[int], list[tuple[Run, Assessed]]]]:
    numbers = iter(wanted)
    while batch := list(islice(numbers, BATCH)):
        held: list[int] = []
        runs: list[tuple[Run, Assessed]] = []
        for kept in map(audited.store.run, batch):
            run = _run(audited, kept)
            if run is not None:
                held.append(kept.id)
                runs.append((run, Assessed(kept.run, kept.score or 0.0, kept.findings)))
        if runs:
            yield held, runs


def _run(audited: Audited, kept: Kept) -> Run | None:
    packed = audited.store.packed(kept.id)
    if packed is None:
        return next(audited.again([kept]), None)
    return Run(kept.run, unpack(packed), Place(kept.path, kept.line))


def _agrees() -> bool:
    if not sys.stdin.isatty():
        return False
    import typer

    return typer.confirm("Go on?", err=True)
