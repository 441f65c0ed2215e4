"""Worker processes that play trials of one plan."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import TracebackType

from duress.study.design import Design
from duress.study.errors import StudyError
from duress.study.worker import Batch, Fault

CHUNK = 64
"""Trials per message; what a kill can cost is at most two of these per worker."""
AHEAD = 2
"""Messages that a worker has in hand, so that it never waits for the disk."""
POLL = 0.1
START = "from duress.study.worker import main; main()"


def cores() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


class Pool:
    """Processes of their own rather than forks: no lock, file or thread of ours goes with them."""

    def __init__(self, design: Design, workers: int) -> None:
        """Start `workers` processes; they load their packs while the caller goes on."""
        self._processes: dict[Connection, subprocess.Popen[bytes]] = {}
        self._load: dict[Connection, int] = {}
        paths = os.pathsep.join(path for path in sys.path if path)
        for _ in range(workers):
            ours, theirs = Pipe()
            self._processes[ours] = subprocess.Popen(
                [sys.executable, "-c", START, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": paths},
                # A Ctrl-C of the terminal is for the process that owns the run, not for these.
                process_group=0,
            )
            theirs.close()
            self._load[ours] = 0
            ours.send_bytes(design.model_dump_json().encode())

    @property
    def workers(self) -> int:
        """Return the number of processes."""
        return len(self._load)

    def play(self, positions: Iterable[int], size: int = CHUNK) -> Iterator[list[Batch]]:
        """Yield finished batches as they arrive, none when a moment passes without any.

        Raises:
            StudyError: a trial could not be played, or a worker died.
        """
        waiting = iter(positions)
        chunks = deque[list[int]]()

        def refill() -> None:
            for _ in range(AHEAD * len(self._load) - len(chunks)):
                chunk = list(islice(waiting, size))
                if not chunk:
                    return
                chunks.append(chunk)

        while True:
            refill()
            for connection in sorted(self._load, key=lambda one: self._load[one]):
                while chunks and self._load[connection] < AHEAD:
                    self._send(connection, chunks.popleft())
            if not any(self._load.values()) and not chunks:
                return
            busy = [connection for connection, load in self._load.items() if load]
            yield [self._receive(one) for one in wait(busy, POLL) if isinstance(one, Connection)]

    def _send(self, connection: Connection, chunk: list[int]) -> None:
        try:
            connection.send(chunk)
        except OSError:
            raise self._death(connection) from None
        self._load[connection] += 1

    def _receive(self, connection: Connection) -> Batch:
        try:
            answer: Batch | Fault = connection.recv()
        except (EOFError, OSError):
            raise self._death(connection) from None
        if isinstance(answer, Fault):
            raise StudyError(
                f"trial {answer.trial_id} could not be played: {answer.message}; what is finished "
                "is safe. `duress scenario check` finds faults of a pack"
            )
        self._load[connection] -= 1
        return answer

    def _death(self, connection: Connection) -> StudyError:
        status = self._processes[connection].wait()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return StudyError(
            f"a worker process {how} (not enough memory?); finished trials are safe: run the same "
            "command again to go on, with fewer --workers if memory is short"
        )

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection, process in self._processes.items():
            connection.close()
            process.terminate()
        for process in self._processes.values():
            process.wait()
