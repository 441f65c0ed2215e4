"""Killed, torn, full or cut off: what was acknowledged is there, what was not is not claimed."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from duress.ledger import BusyError, Ledger, LedgerError, Reader
from duress.ledger.verifier import verify
from ledger.pg import Server
from ledger.samples import entries, entry

TESTS = Path(__file__).parents[1]


def start(place: str, kind: str, callers: int) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "ledger.producer", place, kind, str(callers)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=TESTS)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", process.communicate()[1].decode()
    return process


def killed_after(process: subprocess.Popen[bytes], seconds: float) -> dict[int, str]:
    """Kill a producer and return what it said was acknowledged."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    out, err = process.communicate()
    timer.join()
    assert process.returncode == -signal.SIGKILL, err.decode()
    # The last line may be torn: then nobody has read it, and nothing was acknowledged by it.
    pairs = (line.split() for line in out.decode().split("\n")[:-1])
    return {int(index): hash for index, hash in pairs}


@pytest.mark.parametrize("kind", ["threads", "tasks"])
def test_no_acknowledged_entry_is_lost_to_kill_9(place: str, kind: str):
    draw = random.Random(kind)
    held: dict[int, str] = {}
    for _ in range(8):
        found = killed_after(start(place, kind, draw.choice([1, 4, 16])), draw.uniform(0.0, 0.25))
        assert not held.keys() & found.keys(), "an index was given twice"
        held |= found
        reader = Reader.at(place)
        there = {one.index: one.hash for one in reader.entries(min(found, default=0))}
        reader.close()
        assert found.items() <= there.items()
    seen = verify(place)
    assert seen.sound, seen.problems
    assert len(held) > 100
    with Ledger.open(place) as ledger:
        assert held.items() <= {one.index: one.hash for one in ledger.entries()}.items()
        ledger.append([entry()])
    assert verify(place).sound


def test_no_acknowledged_entry_is_lost_when_the_server_is_killed(server: Server, base_of: Callable[[], str]):
    place = base_of()
    process = start(place, "threads", 8)
    time.sleep(0.5)
    server.stop(signal.SIGKILL)
    held = killed_after(process, 0.0)
    server.start()
    reader = Reader.at(place)
    there = {one.index: one.hash for one in reader.entries()}
    reader.close()
    assert held
    assert held.items() <= there.items()
    assert verify(place).sound


@pytest.mark.parametrize("kept", [1.0, 0.9, 0.5, 0.02])
def test_a_torn_end_is_recovered(tmp_path: Path, kept: float):
    place = tmp_path / "ledger.db"
    ledger = Ledger.open(place)
    ledger.append(entries(50))
    before = ledger.head()
    log = tmp_path / "ledger.db-wal"
    start = log.stat().st_size
    ledger.append(entries(50, 50))
    # As a power cut would leave it: the file is there, of the last commit only the first part.
    torn = tmp_path / "torn"
    torn.mkdir()
    shutil.copy(place, torn / "ledger.db")
    content = log.read_bytes()
    end = start + int((len(content) - start) * kept) - (kept == 1.0)
    (torn / "ledger.db-wal").write_bytes(content[:end] + b"\xa5" * 3000)
    ledger.close()
    with Ledger.open(torn / "ledger.db") as again:
        assert again.head() == before
        again.append(entries(3, 50))
    found = verify(str(torn))
    assert (found.sound, found.size) == (True, 53)


FILL = """
import resource, sys
from duress.ledger import Ledger, LedgerError
from ledger.samples import entries
ledger = Ledger.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
acknowledged = 0
try:
    while True:
        acknowledged = ledger.append(entries(7))[-1].index + 1
except LedgerError as error:
    print(error)
try:
    ledger.append(entries(7))
except LedgerError as error:
    print(error)
print(acknowledged, ledger.head().size)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(ledger.append(entries(7))[0].index)
"""


def test_a_full_store_is_told_and_acknowledges_nothing(place: str):
    done = subprocess.run(
        [sys.executable, "-c", FILL, place], capture_output=True, text=True, check=True, cwd=TESTS
    )
    first, second, counts, after = done.stdout.splitlines()
    assert first == second
    assert first.startswith(f"{place}: not written: ")
    assert first.endswith("nothing is acknowledged. Make room, or see to the disk")
    acknowledged, size = map(int, counts.split())
    # Once there is room the same ledger goes on where it was.
    assert acknowledged == size == int(after) > 0
    assert verify(place).sound


def test_a_full_database_fails_all_who_wait_and_then_goes_on(place: str):
    with Ledger.open(place) as ledger:
        ledger.append(entries(10))
        base = ledger._store._writer  # pyright: ignore
        (pages,) = base.execute("pragma page_count").fetchone()
        base.execute(f"pragma max_page_count = {pages}")
        told: list[str] = []

        def produce() -> None:
            try:
                ledger.append(entries(20))
            except LedgerError as error:
                told.append(str(error))

        threads = [threading.Thread(target=produce) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told) == 8
        assert all("database or disk is full (SQLITE_FULL)" in one for one in told)
        assert ledger.head().size == 10
        base.execute("pragma max_page_count = 1000000")
        assert ledger.append([entry()])[0].index == 10
    assert verify(place).sound


def test_a_writer_whose_server_restarts_goes_on(server: Server, base_of: Callable[[], str]):
    with Ledger.open(base_of()) as ledger:
        ledger.append(entries(5))
        server.stop()
        with pytest.raises(LedgerError, match=r"nothing is acknowledged"):
            ledger.append([entry()])
        with pytest.raises(LedgerError, match=r"cannot be opened|cannot be read"):
            ledger.append([entry()])
        server.start()
        (receipt,) = ledger.append([entry()])
        assert receipt.index == 5
        place = ledger._store._url  # pyright: ignore
    assert verify(place).sound


def test_a_writer_that_lost_its_lock_writes_no_more(server: Server, base_of: Callable[[], str]):
    place = base_of()
    first = Ledger.open(place)
    first.append(entries(3))
    pid = first._store._writer.info.backend_pid  # pyright: ignore
    import psycopg

    with psycopg.connect(server.url(), autocommit=True) as base:
        base.execute("select pg_terminate_backend(%s)", (pid,))
    deadline = time.monotonic() + 60
    while True:
        try:
            second = Ledger.open(place)
            break
        except BusyError:
            assert time.monotonic() < deadline
    second.append(entries(2, 3))
    for _ in range(3):
        with pytest.raises(LedgerError):
            first.append([entry()])
    second.append([entry(5)])
    first.close()
    second.close()
    found = verify(place)
    assert (found.sound, found.size) == (True, 6)


def test_a_server_that_would_lose_entries_is_not_used(server: Server, base_of: Callable[[], str]):
    place = base_of()
    server.stop()
    server.start("fsync=off")
    try:
        with pytest.raises(LedgerError, match=r"runs with fsync = off: it loses entries"):
            Ledger.open(place)
    finally:
        server.stop()
        server.start()
    Ledger.open(place).close()


SYNCED = """
import os, sys
from duress.ledger import Ledger
from ledger.samples import entry
ledger = Ledger.open(sys.argv[1])
for _ in range(5):
    ledger.append([entry()])
    os.write(1, b"acknowledged\\n")
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_log_is_synced_between_writing_and_acknowledging(place: str, tmp_path: Path):
    trace = tmp_path / "trace"
    line = ["strace", "-f", "-y", "-e", "trace=pwrite64,write,fsync,fdatasync", "-o", str(trace)]
    done = subprocess.run(
        [*line, sys.executable, "-c", SYNCED, place], capture_output=True, text=True, check=False, cwd=TESTS
    )
    if "ptrace" in done.stderr.lower():
        pytest.skip("strace may not trace here")
    assert done.stdout.count("acknowledged") == 5, done.stderr
    state = "start"
    seen = 0
    for call in trace.read_text().splitlines():
        if "ledger.db-wal" in call:
            state = "synced" if "sync(" in call else "written"
        elif '"acknowledged' in call:
            assert state == "synced"
            seen += 1
            state = "start"
    assert seen == 5


INTERRUPTED = """
import signal, sys, threading
from duress.ledger import Ledger, LedgerError
from ledger.samples import entry

ledger = Ledger.open(sys.argv[1])
acknowledged = []
done = threading.Semaphore(0)
appending = False

def work():
    for _ in range(60):
        try:
            acknowledged.extend(ledger.append([entry()]))
        except LedgerError:
            pass  # the interrupted one was writing for this one too
    done.release()

def interrupt(*_):
    global appending
    if appending:
        # Once: who interrupts again what cleans up after the first time breaks Python's own locks.
        appending = False
        raise InterruptedError

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
interrupted = 0
while any(thread.is_alive() for thread in threads):
    try:
        appending = True
        ledger.append([entry()])
        appending = False
    except (InterruptedError, LedgerError):
        appending = False
        interrupted += 1
signal.setitimer(signal.ITIMER_REAL, 0, 0)
held = {one.index: one.hash for one in ledger.entries()}
assert all(held[one.index] == one.hash for one in acknowledged)
ledger.close()
print(interrupted, len(acknowledged))
"""


UNSYNCED = """
import os, sys
from duress.ledger import Ledger, LedgerError
from ledger.samples import entry
ledger = Ledger.open(sys.argv[1])
acknowledged = 0
for _ in range(40):
    try:
        acknowledged = ledger.append([entry()])[0].index + 1
    except LedgerError as error:
        print(error)
print(acknowledged)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_after_a_sync_that_failed_nothing_is_acknowledged_any_more(place: str):
    # Only some of the syncs fail: that a later one succeeds does not mean that nothing was lost.
    inject = "inject=fsync,fdatasync:error=EIO:when=20..22"
    line = ["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject]
    done = subprocess.run(
        [*line, sys.executable, "-c", UNSYNCED, place], capture_output=True, text=True, check=False, cwd=TESTS
    )
    if "ptrace" in done.stderr.lower():
        pytest.skip("strace may not trace here")
    *told, acknowledged = done.stdout.splitlines()
    assert "not written: disk I/O error (SQLITE_IOERR_FSYNC); nothing is acknowledged" in told[0], done.stderr
    assert len(told) + int(acknowledged) == 40
    assert all("the disk failed before (SQLITE_IOERR_FSYNC); nothing was recorded" in one for one in told[1:])
    found = verify(place)
    assert found.sound
    assert found.size >= int(acknowledged)


def test_interrupting_one_caller_stops_nobody_else(place: str):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, place],
        capture_output=True,
        text=True,
        check=False,
        cwd=TESTS,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    interrupted, acknowledged = map(int, done.stdout.split())
    assert interrupted > 0
    assert acknowledged > 240
    assert verify(place).sound
