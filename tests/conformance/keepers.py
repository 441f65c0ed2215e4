"""Keepers for the suite: one that works, and ways of not working."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from msgspec import to_builtins

from duress.guard import Answer, Entry, KeeperError, Request, Said

Answering = Callable[[Request], Any]


def approve(request: Request, *people: str) -> Answer:
    return Answer(request.id, request.binding, Said.APPROVE, people or ("rita",))


class RecordingKeeper:
    """Keeps entries in memory, and has one function answer all questions."""

    def __init__(self, answering: Answering = approve) -> None:
        self.entries: list[Entry] = []
        self.requests: list[Request] = []
        self.answering = answering
        self.stop: str | None = None
        self.waiting = threading.Event()
        """Set once somebody waits for an answer."""

    def record(self, entries: Sequence[Entry]) -> None:
        # As a ledger would: what cannot be written is not recorded.
        json.dumps(to_builtins(list(entries)), default=str)
        self.entries += entries

    async def record_async(self, entries: Sequence[Entry]) -> None:
        self.record(entries)

    def stopped(self, session: str, agent: str) -> str | None:
        return self.stop

    def override(self, session: str, agent: str, tool: str) -> str | None:
        return None

    def ask(self, request: Request) -> Answer:
        self.requests.append(request)
        self.waiting.set()
        return self.answering(request)

    async def ask_async(self, request: Request) -> Answer:
        # In a thread: an answer that takes its time must not hold up the loop it is awaited in.
        return await anyio.to_thread.run_sync(self.ask, request, abandon_on_cancel=True)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]


class BrokenKeeper(RecordingKeeper):
    """Fails to record entries of some kinds."""

    def __init__(self, *kinds: str, error: Exception | None = None, answering: Answering = approve) -> None:
        super().__init__(answering)
        self.broken = kinds
        self.error = error or KeeperError("the disk said no")

    def record(self, entries: Sequence[Entry]) -> None:
        if any(entry.kind in self.broken for entry in entries):
            raise self.error
        super().record(entries)


class HangingKeeper(RecordingKeeper):
    """Does not come back from recording until it is let go, and then it has not recorded."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def record(self, entries: Sequence[Entry]) -> None:
        threading.Event().wait(self.seconds)
        raise KeeperError("nobody knows whether it was written")

    async def record_async(self, entries: Sequence[Entry]) -> None:
        await anyio.sleep(self.seconds)
        raise KeeperError("nobody knows whether it was written")


class FullKeeper(RecordingKeeper):
    """A real database that has no room for one more page."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file = folder / "full.db"
        with sqlite3.connect(self.file) as db:
            db.execute("CREATE TABLE entry (body BLOB)")
            db.execute("INSERT INTO entry VALUES (zeroblob(60000))")
        db.close()

    def record(self, entries: Sequence[Entry]) -> None:
        db = sqlite3.connect(self.file)
        try:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages}")
            with db:
                for entry in entries:
                    db.execute(
                        "INSERT INTO entry VALUES (?)", (json.dumps(to_builtins(entry), default=str) * 20,)
                    )
        finally:
            db.close()
        super().record(entries)


class DistantKeeper(RecordingKeeper):
    """Talks to a process over a socket, one line each way; the process may be dead."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    def record(self, entries: Sequence[Entry]) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.3) as line:
                line.sendall(json.dumps(to_builtins(list(entries)), default=str).encode() + b"\n")
                if line.recv(16) != b"kept\n":
                    raise KeeperError("the server hung up")
        except OSError as error:
            raise KeeperError(f"the server cannot be reached: {error}") from error
        super().record(entries)


class ForgetfulKeeper(RecordingKeeper):
    """Cannot say whether anything was stopped."""

    def stopped(self, session: str, agent: str) -> str | None:
        raise KeeperError("the file is gone")


class StoppingKeeper(RecordingKeeper):
    """Is told to stop everything right after the intent was recorded, before the tool runs."""

    def record(self, entries: Sequence[Entry]) -> None:
        super().record(entries)
        if any(entry.kind == "intent" for entry in entries):
            self.stop = "ada stopped everything"


class SlowKeeper(RecordingKeeper):
    """Its people never answer; whoever waits has to be cancelled."""

    def ask(self, request: Request) -> Answer:
        self.requests.append(request)
        self.waiting.set()
        threading.Event().wait(0.3)
        return approve(request)

    async def ask_async(self, request: Request) -> Answer:
        self.requests.append(request)
        self.waiting.set()
        await asyncio.sleep(0.3)
        return approve(request)
