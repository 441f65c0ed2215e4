"""Recorded runs, as commands of `duress guard` take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duress.audit.run import Run


def recorded(named: Sequence[str]) -> Iterator[Run]:
    """Yield the runs of logs, folders and run directories; what cannot be read is told and passed over."""
    from duress.audit.logs import expand
    from duress.audit.readers import readers
    from duress.audit.reading import Reading
    from duress.cli.output import tell

    among = readers()
    for log in expand(named):
        for found in Reading(log, among).runs():
            if isinstance(found, Run):
                yield found
            else:
                tell(f"not read: {found.place}: {found.why}")
