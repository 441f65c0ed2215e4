"""How fast a ledger acknowledges and is verified, beside the disk's own sync rate and a bare SQLite table.

Every figure is taken in each of several rounds, one after the other, and medians are printed: what else the
machine does falls on all of them. Entries have a body of 723 bytes. Everything is on the disk of --folder.

    python benchmarks/ledger.py [--rounds 5] [--seconds 1.5] [--entries 400000] [--folder .]

Printed are entries a second, p50 and p99 of one call, and ratios: to the disk's sync rate (entries made
durable for each sync that the disk could have done), and to bare SQLite on equal rows. Verification is also
given per second of processor time, for machines that do other things besides. Its peak memory is taken in
a process of its own, for a quarter of the entries and for all.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec

from duress.ledger import Entry, Ledger
from duress.ledger.verifier import verify

PRODUCERS = 64
BATCH = 100
BYTES = 723
AIMS = {
    "64 threads wait": 5_000,
    "64 tasks wait": 5_000,
    "batches of 100": 15_000,
    "verified, 2 processes": 150_000,
}
PEAK = (
    "import resource, sys\n"
    "from duress.ledger.verifier import verify\n"
    "assert verify(sys.argv[1]).sound\n"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
)


def body(number: int = 0) -> dict[str, object]:
    """Return a body whose JSON has 723 bytes."""
    found: dict[str, object] = {
        "decision": f"d-{number:09d}",
        "call": f"c-{number:09d}",
        "tool": "send_mail",
        "verb": "proceed",
        "reasons": [["policy", "mail inside the house is permitted", "inside"]],
        "policy": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "scores": {"provenance": 0.25, "sequence": 0.125},
        "arguments": {"to": ["mara@garden.example"], "subject": "Saturday", "body": ""},
    }
    found["arguments"]["body"] = "x" * (BYTES - len(msgspec.json.encode(found)))  # type: ignore[index]
    return found


def entry(number: int = 0) -> Entry:
    return Entry("intent", f"session-{number % PRODUCERS}", "clerk", 1_790_000_000.0 + number, body(number))


class Timed:
    """Calls of many producers, each with how long it took."""

    def __init__(self, seconds: float) -> None:
        self.start = time.perf_counter()
        self.end = self.start + seconds
        self.latencies: list[float] = []
        self.entries = 0

    def done(self, began: float, entries: int) -> bool:
        """Book one call; return whether the time is over."""
        now = time.perf_counter()
        self.latencies.append(now - began)
        self.entries += entries
        return now >= self.end

    @property
    def rate(self) -> float:
        return self.entries / (time.perf_counter() - self.start)


def calls(act: Callable[[], int], seconds: float) -> Timed:
    timed = Timed(seconds)
    while True:
        began = time.perf_counter()
        if timed.done(began, act()):
            return timed


def syncs(folder: Path, seconds: float) -> Timed:
    file = os.open(folder / "syncs", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def act() -> int:
        os.write(file, b"x" * 4096)
        os.fdatasync(file)
        return 1

    found = calls(act, seconds)
    os.close(file)
    return found


def bare(folder: Path, seconds: float, count: int) -> Timed:
    base = sqlite3.connect(folder / f"bare-{count}.db", isolation_level=None)
    base.execute("pragma journal_mode = wal")
    base.execute("pragma synchronous = full")
    base.execute("create table if not exists entry (id integer primary key, body blob)")
    data = msgspec.json.encode(body())

    def act() -> int:
        base.execute("begin")
        base.executemany("insert into entry (body) values (?)", [(data,)] * count)
        base.execute("commit")
        return count

    found = calls(act, seconds)
    base.close()
    return found


def single(ledger: Ledger, seconds: float, count: int) -> Timed:
    held = [entry(number) for number in range(count)]
    return calls(lambda: len(ledger.append(held)), seconds)


def threads(ledger: Ledger, seconds: float) -> Timed:
    timed = Timed(seconds)

    def produce(number: int) -> None:
        mine = [entry(number)]
        while True:
            began = time.perf_counter()
            ledger.append(mine)
            if timed.done(began, 1):
                return

    held = [threading.Thread(target=produce, args=(number,)) for number in range(PRODUCERS)]
    for one in held:
        one.start()
    for one in held:
        one.join()
    return timed


def tasks(ledger: Ledger, seconds: float) -> Timed:
    timed = Timed(seconds)

    async def produce(number: int) -> None:
        mine = [entry(number)]
        while True:
            began = time.perf_counter()
            await ledger.append_async(mine)
            if timed.done(began, 1):
                return

    async def all_of_them() -> None:
        await asyncio.gather(*[produce(number) for number in range(PRODUCERS)])

    asyncio.run(all_of_them())
    return timed


def fill(path: Path, count: int) -> None:
    with Ledger.open(path) as ledger:
        for start in range(0, count, 1000):
            ledger.append([entry(number) for number in range(start, min(start + 1000, count))])


def verified(path: Path, workers: int) -> tuple[float, float]:
    """Return entries a second, and entries a second of this process' own processor time."""
    began, worked = time.perf_counter(), time.process_time()
    found = verify(str(path), workers=workers)
    assert found.sound
    return found.size / (time.perf_counter() - began), found.size / (time.process_time() - worked)


def peak(path: Path) -> int:
    """Return the peak memory of verifying a ledger, in MB."""
    done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    return int(done.stdout)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=1.5)
    options.add_argument("--entries", type=int, default=400_000)
    options.add_argument("--folder", type=Path, default=Path())
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=".ledger-", dir=given.folder))
    try:
        run(folder, given.rounds, given.seconds, given.entries)
    finally:
        shutil.rmtree(folder)


def run(folder: Path, rounds: int, seconds: float, entries: int) -> None:
    assert len(msgspec.json.encode(body())) == BYTES
    rates: dict[str, list[float]] = defaultdict(list)
    latencies: dict[str, list[float]] = defaultdict(list)
    full = folder / "full.db"
    fill(full, entries)
    fill(folder / "quarter.db", entries // 4)
    for number in range(rounds):
        with Ledger.open(folder / f"ledger-{number}.db") as ledger:
            for name, act in (
                ("the disk's syncs", lambda: syncs(folder, seconds)),
                ("bare SQLite, 1 a commit", lambda: bare(folder, seconds, 1)),
                ("1 producer waits", lambda ledger=ledger: single(ledger, seconds, 1)),
                ("64 threads wait", lambda ledger=ledger: threads(ledger, seconds)),
                ("64 tasks wait", lambda ledger=ledger: tasks(ledger, seconds)),
                ("bare SQLite, 100 a commit", lambda: bare(folder, seconds, BATCH)),
                ("batches of 100", lambda ledger=ledger: single(ledger, seconds, BATCH)),
            ):
                timed = act()
                rates[name].append(timed.rate)
                latencies[name] += timed.latencies
        assert verify(str(folder / f"ledger-{number}.db")).sound
        for workers in (1, 2):
            rate, worked = verified(full, workers)
            rates[f"verified, {workers} process{'es' * (workers > 1)}"].append(rate)
            if workers == 1:
                rates["the same, of processor time"].append(worked)
    disk = statistics.median(rates["the disk's syncs"])
    print(f"{'':<27}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'of syncs':>10}{'aim':>10}")
    for name, held in rates.items():
        rate = statistics.median(held)
        took = statistics.quantiles(latencies[name], n=100) if name in latencies else None
        times = f"{took[49] * 1000:>9.2f}{took[98] * 1000:>9.2f}{rate / disk:>10.2f}" if took else " " * 28
        aim = AIMS.get(name)
        told = "" if aim is None else f"{aim:>10,} {'met' if rate >= aim else 'MISSED'}"
        print(f"{name:<27}{rate:>10,.0f}{times}{told}")
    for name, other in (("1 producer waits", "1 a commit"), ("batches of 100", "100 a commit")):
        pairs = zip(rates[name], rates[f"bare SQLite, {other}"], strict=True)
        print(f"{name}, of bare SQLite: {statistics.median(one / two for one, two in pairs):.2f}")
    print(
        f"peak memory of a verification: {peak(folder / 'quarter.db')} MB for {entries // 4:,} entries, "
        f"{peak(full)} MB for {entries:,}"
    )


if __name__ == "__main__":
    main()
