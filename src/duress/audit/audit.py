"""Many logs into one store: each read from where it was left, each row kept once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from duress.audit.logs import Log
from duress.audit.scan import Row, Settings, State, scan
from duress.audit.store import Store

BATCH = 256
"""So many rows are kept together."""


class Due(Struct, frozen=True):
    """A log with something new in it, and from where on."""

    id: int
    log: Log
    offset: int
    line: int

    @property
    def size(self) -> int:
        """Bytes to read, at most."""
        return max(0, self.log.size - self.offset)


Tell = Callable[[int, int], None]
"""Is told how many bytes and how many runs were read since it was told last."""


def due(store: Store, logs: Sequence[Log], settings: Settings) -> list[Due]:
    """Return the logs in which something is new."""
    engine = settings.engine
    out: list[Due] = []
    for log in logs:
        start = store.start(log, engine)
        if start is not None:
            out.append(Due(start[0], log, start[1], start[2]))
    return out


def audit(
    store: Store,
    work: Iterable[Due],
    settings: Settings,
    *,
    tell: Tell = lambda _bytes, _runs: None,
) -> None:
    """Read what is due into a store; interrupted at any point, the next call goes on."""
    for one in work:
        rows = scan(one.log, settings, offset=one.offset, line=one.line, rest=store.rest(one.id))
        keep(store, one, rows, settings.engine, tell)


def keep(store: Store, one: Due, rows: Iterator[Row | State], engine: str, tell: Tell) -> None:
    """Keep the rows of one log as they come; the log counts as read once its state is there."""
    batch: list[Row] = []
    for row in rows:
        if isinstance(row, State):
            with store.together():
                store.add(one.id, batch)
                store.note(one.id, one.log, row, engine)
            tell(one.size, len(batch))
            return
        batch.append(row)
        if len(batch) >= BATCH:
            with store.together():
                store.add(one.id, batch)
            tell(0, len(batch))
            batch = []
