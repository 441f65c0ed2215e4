"""A real `duress guard serve` for the suite: one per process, begun anew where a fault has killed it."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from duress.guard import Entry, Said
from duress.guard.clients import Clients
from duress.guard.queue import Queue
from duress.guard.reviewers import Reviewers, Role
from duress.guard.state import State
from duress.guard.stops import Scope, Stops
from duress.guard.underway import LEASE
from duress.guard.votes import Votes

PYTHON = "DURESS_CONFORMANCE_SERVER"
"""Environment variable: the Python that has what a server needs; the SDKs' environments do not."""
AGENT = "clerk"
_CODE = "import sys; from duress.cli.main import main; sys.argv[0] = 'duress'; main()"


@dataclass
class Served:
    """A server, and what people do beside it."""

    folder: Path
    url: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def token(self) -> str:
        with State(self.folder) as state:
            return Clients(state).add(AGENT, owner="", by="test")

    def revoke(self) -> None:
        with State(self.folder) as state:
            clients = Clients(state)
            for one in clients.all():
                if one.revoked is None:
                    clients.revoke(one.hint, by="test", why="it was lost")

    def stop(self) -> None:
        with State(self.folder) as state:
            Stops(state).stop(Scope.AGENT, AGENT, person="rita")

    def resume(self) -> None:
        with State(self.folder) as state:
            stops = Stops(state)
            for stop in stops.standing():
                stops.resume(stop.scope, stop.name, person="rita", reason="the scene is over")

    def once_asked(self, do: Callable[[], None]) -> None:
        """Do something in a thread once a question waits."""
        threading.Thread(target=self._once_asked, args=(do,), daemon=True).start()

    def approve(self) -> None:
        with State(self.folder) as state:
            [item] = Queue(state).waiting()
            who = Reviewers(state).get("rita")
            Votes(state).cast(item.request.id, who, Said.APPROVE, binding=item.binding)

    def _once_asked(self, do: Callable[[], None]) -> None:
        end = time.monotonic() + 30
        with State(self.folder) as state:
            queue = Queue(state)
            while not queue.waiting():
                if time.monotonic() > end:
                    return
                time.sleep(0.01)
        do()


_running: list[Served] = []


def _begin() -> Served:
    folder = Path(tempfile.mkdtemp(prefix="duress-served-"))
    with State(folder / "guard") as state:
        Reviewers(state).add("rita", Role.REVIEWER, by="test")
    python = os.environ.get(PYTHON, sys.executable)
    command = [python, "-c", _CODE, "guard", "serve", "--state", str(folder / "guard"), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.kill)
    assert process.stdout is not None
    url = process.stdout.readline().removeprefix("The page: ").strip().rstrip("/")
    assert url, "the server did not begin"
    return Served(folder / "guard", url, process)


@contextlib.contextmanager
def served() -> Iterator[Served]:
    """Return a server that runs and has nothing stopped."""
    if not _running or _running[0].process.poll() is not None:
        _running[:] = [_begin()]
    one = _running[0]
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.go_on()
            one.resume()


def deaf_after_the_intent(server: Served, token: str) -> object:
    """Return a keeper whose server hangs right after an intent is on its disk, until its lease has run out."""
    from duress.guard.remote import RemoteKeeper

    class Deaf(RemoteKeeper):
        def record(self, entries: Sequence[Entry]) -> None:
            super().record(entries)
            if any(entry.kind == "intent" for entry in entries):
                server.hang()
                time.sleep(LEASE + 0.1)

        async def record_async(self, entries: Sequence[Entry]) -> None:
            await super().record_async(entries)
            if any(entry.kind == "intent" for entry in entries):
                server.hang()
                await anyio.sleep(LEASE + 0.1)

    return Deaf(server.url, token, patience=0.5)
