"""The same audit on many machines: each log is read and assessed by one worker of a Ray cluster."""

from __future__ import annotations

import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from duress.audit.audit import BATCH, Due, Tell
from duress.audit.errors import AuditError
from duress.audit.logs import Log
from duress.audit.scan import Row, Settings, State, scan
from duress.audit.store import Store

LOCAL = "local"
AHEAD = 4
"""Batches that a worker may be ahead of what was kept."""


def audit_on(
    address: str,
    store: Store,
    work: Sequence[Due],
    settings: Settings,
    *,
    tell: Tell = lambda _bytes, _runs: None,
) -> None:
    """Read what is due on a Ray cluster, the largest logs first; rows are the same as on one machine.

    `address` is one of a cluster, `auto` for the one this machine belongs to, or `local` for the cores of
    this machine. Workers open the logs themselves: they lie where all can read them.

    Raises:
        AuditError: Ray is not installed, the cluster cannot be reached, or a worker failed. What was kept
            stays; the next audit reads the rest.
    """
    with _joined(address) as ray:
        read = ray.remote(_generator_backpressure_num_objects=AHEAD)(_batches)
        slots = max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
        waiting = sorted(work, key=lambda one: one.size)
        running: dict[Any, Due] = {}
        try:
            while waiting or running:
                while waiting and len(running) < slots:
                    one = waiting.pop()
                    rest = store.rest(one.id)
                    running[read.remote(one.log, settings, one.offset, one.line, rest)] = one
                ready, _ = ray.wait(list(running), num_returns=1, fetch_local=False)
                stream = ready[0]
                batch: Any = next(stream, None)
                if batch is None:
                    running.pop(stream)
                else:
                    _keep(store, running[stream], ray.get(batch), settings.engine, tell)
        except ray.exceptions.RayError as error:
            raise AuditError(
                f"a worker of the cluster failed: {str(error).strip().splitlines()[-1]}; "
                "what was read is kept, the next audit reads the rest"
            ) from error


def _batches(
    log: Log, settings: Settings, offset: int, line: int, rest: bytes
) -> Iterator[list[Row | State]]:
    """Run on a worker: the rows of one log, some at a time."""
    batch: list[Row | State] = []
    for row in scan(log, settings, offset=offset, line=line, rest=rest):
        batch.append(row)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    yield batch


def _keep(store: Store, one: Due, rows: Sequence[Row | State], engine: str, tell: Tell) -> None:
    state = next((row for row in rows if isinstance(row, State)), None)
    with store.together():
        store.add(one.id, [row for row in rows if isinstance(row, Row)])
        if state is not None:
            store.note(one.id, one.log, state, engine)
    tell(one.size if state is not None else 0, len(rows) - (state is not None))


@contextmanager
def _joined(address: str) -> Generator[Any]:
    try:
        import ray  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise AuditError("--ray: Ray is not installed; `pip install 'duress[ray]'`") from error
    held: Any = ray
    ours = not held.is_initialized()
    if ours:
        _answers(address)
        try:
            held.init(
                address=None if address == LOCAL else address, log_to_driver=False, logging_level="ERROR"
            )
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise AuditError(f"--ray: the cluster at {address!r} cannot be reached: {error}") from error
    try:
        yield held
    finally:
        if ours:
            held.shutdown()


def _answers(address: str) -> None:
    """Raise `AuditError` if nothing listens at an address: Ray itself would wait for minutes."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        if parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), timeout=10).close()
    except (OSError, ValueError) as error:
        raise AuditError(f"--ray: the cluster at {address!r} cannot be reached: {error}") from error
