"""Entries go in at the end, for any number of callers, and are there when they are acknowledged."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest
import trio

from duress.ledger import BusyError, Entry, Ledger, LedgerError, Reader, UsageError
from duress.ledger.verifier import verify
from ledger.samples import BODY, entries, entry

TOGETHER = 24


def test_what_was_appended_is_there_after_opening_it_again(any_place: str):
    with Ledger.open(any_place, origin="example.com/guard") as ledger:
        first = ledger.append(entries(3))
        second = ledger.append([entry(3, kind="result", session="s-2")])
        head = ledger.head()
    assert [one.index for one in (*first, *second)] == [0, 1, 2, 3]
    with Ledger.open(any_place) as ledger:
        assert ledger.head() == head
        assert ledger.origin == "example.com/guard"
        found = list(ledger.entries())
        assert [one.hash for one in found] == [one.hash for one in (*first, *second)]
        assert [one.body for one in found] == [one.body for one in entries(4)]
        assert [one.index for one in ledger.entries(session="s-2")] == [3]
        assert [one.index for one in ledger.entries(1, kind="intent")] == [1, 2]
        assert ledger.entry(3).kind == "result"
        with pytest.raises(UsageError, match="no entry 4; there are 4"):
            ledger.entry(4)
    found = verify(any_place)
    assert found.sound
    assert (found.size, found.root) == (4, head.root)


def test_entries_go_on_where_they_ended_at_any_size(place: str):
    size = 0
    for count in (1, 254, 1, 1, 255, 600, 3):
        with Ledger.open(place) as ledger:
            ledger.append(entries(count, size))
            size += count
            head = ledger.head()
        found = verify(place)
        assert (found.sound, found.size, found.root) == (True, size, head.root)


def test_callers_in_many_threads_get_each_their_own_receipts(any_place: str):
    with Ledger.open(any_place) as ledger:
        held: dict[int, str] = {}

        def produce(number: int) -> None:
            for turn in range(10):
                mine = entries(1 + turn % 3, number * 1000 + turn * 10)
                for receipt, one in zip(ledger.append(mine), mine, strict=True):
                    held[receipt.index] = one.body["decision"]

        threads = [threading.Thread(target=produce, args=(number,)) for number in range(TOGETHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(held) == ledger.head().size == TOGETHER * 19
        for one in ledger.entries():
            assert one.body is not None
            assert held[one.index] == one.body["decision"]
    assert verify(any_place).sound


def test_those_who_wait_share_a_commit(place: str):
    with Ledger.open(place) as ledger:
        said: list[str] = []
        ledger._store._writer.set_trace_callback(said.append)  # pyright: ignore
        barrier = threading.Barrier(TOGETHER)

        def produce() -> None:
            barrier.wait()
            for _ in range(20):
                ledger.append([entry()])

        threads = [threading.Thread(target=produce) for _ in range(TOGETHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ledger.head().size == TOGETHER * 20
        assert said.count("commit") < TOGETHER * 20 / 2


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_tasks_append_without_blocking_their_loop(any_place: str, kind: str):
    ledger = Ledger.open(any_place)
    found: list[int] = []

    async def produce() -> None:
        for _ in range(5):
            (receipt,) = await ledger.append_async([entry()])
            found.append(receipt.index)

    async def on_asyncio() -> None:
        await asyncio.gather(*[produce() for _ in range(TOGETHER)])

    async def on_trio() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(TOGETHER):
                nursery.start_soon(produce)

    if kind == "asyncio":
        asyncio.run(on_asyncio())
    else:
        trio.run(on_trio)
    assert sorted(found) == list(range(5 * TOGETHER))
    ledger.close()
    assert verify(any_place).sound


def test_threads_and_tasks_take_turns(place: str):
    with Ledger.open(place) as ledger:

        def produce() -> None:
            for _ in range(30):
                ledger.append([entry()])

        async def tasks() -> None:
            threads = [threading.Thread(target=produce) for _ in range(6)]
            for thread in threads:
                thread.start()
            await asyncio.gather(*[ledger.append_async([entry()]) for _ in range(60)])
            for thread in threads:
                await asyncio.to_thread(thread.join)

        asyncio.run(tasks())
        assert ledger.head().size == 6 * 30 + 60


def test_a_cancelled_task_harms_nobody_else(place: str):
    with Ledger.open(place) as ledger:

        async def some() -> None:
            tasks = [asyncio.create_task(ledger.append_async([entry()])) for _ in range(20)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in found[::2])
            assert all(isinstance(one, tuple) for one in found[1::2])

        asyncio.run(some())
        ledger.append([entry()])
    assert verify(place).sound


def test_appending_nothing_writes_nothing(place: str):
    with Ledger.open(place) as ledger:
        assert ledger.append([]) == ()
        assert ledger.head().size == 0


def test_a_rule_redacts_before_anything_is_written(place: str):
    def rule(body: dict[str, object]) -> dict[str, object]:
        return {**body, "arguments": "[redacted]"}

    with Ledger.open(place, redact=rule) as ledger:
        ledger.append([entry(0), entry(1)])
        assert {str((one.body or {})["arguments"]) for one in ledger.entries()} == {"[redacted]"}
    assert b"mara@garden.example" not in b"".join(path.read_bytes() for path in Path(place).parent.iterdir())


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (lambda body: body["missing"], "the redaction rule failed .KeyError: 'missing'"),
        (lambda body: None, "the redaction rule returned NoneType"),
    ],
)
def test_a_rule_that_fails_lets_nothing_through(place: str, rule: object, told: str):
    with Ledger.open(place, redact=rule) as ledger:  # pyright: ignore
        with pytest.raises(LedgerError, match=told):
            ledger.append([entry()])
        assert ledger.head().size == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (Entry("intent", "s", "a", float("nan"), {}), "entry 1: at: expected seconds since 1970, found nan"),
        (Entry("intent", "s", "a", "now", {}), "entry 1: at: expected seconds"),  # pyright: ignore
        (Entry("intent", None, "a", 1.0, {}), "entry 1: session: expected text, found None"),  # pyright: ignore
        (Entry("redaction", "s", "a", 1.0, {}), "entry 1: only the ledger itself writes 'redaction'"),
        (Entry("intent", "s", "a", 1.0, {"what": object()}), "entry 1 .intent.: cannot be written as JSON"),
        (Entry("intent", "s", "a", 1.0, {"what": "\ud800"}), "entry 1 .intent.: cannot be written as JSON"),
    ],
)
def test_of_entries_with_a_wrong_one_none_is_written(place: str, wrong: Entry, told: str):
    with Ledger.open(place) as ledger:
        with pytest.raises(LedgerError, match=told):
            ledger.append([entry(), wrong])
        assert ledger.head().size == 0


def test_bodies_may_hold_what_programs_hold(place: str):
    body = {
        "money": Decimal("12.30"),
        "set": {1},
        "tuple": (1, 2),
        "text": "花园 \u0000 \U0001f33b",
        "big": 2**80,
    }
    with Ledger.open(place) as ledger:
        ledger.append([Entry("intent", "会话", 'a"},{', 5, body)])
        (found,) = ledger.entries()
    assert found.body == {
        "money": "12.30",
        "set": [1],
        "tuple": [1, 2],
        "text": "花园 \u0000 \U0001f33b",
        "big": 2**80,
    }
    assert (found.session, found.agent) == ("会话", 'a"},{')
    assert verify(place).sound


def test_there_is_one_writer(any_place: str):
    with Ledger.open(any_place) as ledger:
        ledger.append([entry()])
        with pytest.raises(BusyError, match="another process"):
            Ledger.open(any_place)
        other = Reader.at(any_place)
        assert other.head() == ledger.head()
        other.close()
    Ledger.open(any_place).close()


def test_the_other_writer_is_named(place: str):
    with Ledger.open(place), pytest.raises(BusyError, match=f"pid {os.getpid()}"):
        Ledger.open(place)


def test_a_closed_ledger_refuses(any_place: str):
    ledger = Ledger.open(any_place)
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="is closed; nothing was recorded"):
        ledger.append([entry()])


def _in_a_fork(ledger: Ledger, pipe: object) -> None:
    try:
        ledger.append([entry()])
    except LedgerError as error:
        pipe.send(str(error))  # pyright: ignore
    # It must not keep the lock of its parent: see below.
    pipe.recv()  # pyright: ignore


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_can_neither_write_nor_keep_the_lock(place: str):
    ledger = Ledger.open(place)
    ledger.append([entry()])
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_in_a_fork, args=(ledger, there))
    child.start()
    assert "fork; open it here; nothing was recorded" in here.recv()
    ledger.append([entry()])
    ledger.close()
    with Ledger.open(place) as again:
        again.append([entry()])
    here.send(None)
    child.join()
    found = verify(place)
    assert (found.sound, found.size) == (True, 3)


def test_a_program_that_writes_beside_the_writer_is_noticed(place: str):
    with Ledger.open(place) as ledger:
        ledger.append(entries(3))
        with sqlite3.connect(place) as other:
            other.execute("delete from entry where id = 2")
        other.close()
        with pytest.raises(LedgerError, match=r"another program changed the ledger .* nothing was recorded"):
            ledger.append([entry()])


def test_files_are_for_their_owner_only(place: str):
    with Ledger.open(place) as ledger:
        ledger.append([entry()])
        for path in Path(place).parent.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_every_commit_is_synced(place: str):
    with Ledger.open(place) as ledger:
        base = ledger._store._writer  # pyright: ignore
        assert base.execute("pragma synchronous").fetchone() == (2,)
        assert base.execute("pragma journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("no database at all, but long enough to be one"), "not a ledger"),
        (
            lambda path: sqlite3.connect(path).execute("create table other (x)").connection.close(),
            "not a ledger",
        ),
        (lambda path: path.mkdir() or (path / "ledger.db").mkdir(), "cannot be opened"),
    ],
)
def test_something_else_is_no_ledger(tmp_path: Path, make: object, told: str):
    path = tmp_path / "thing"
    make(path)  # pyright: ignore
    with pytest.raises(LedgerError, match=told):
        Ledger.open(path)


def test_where_there_is_none_reading_does_not_make_one(tmp_path: Path):
    with pytest.raises(UsageError, match=r"no ledger there"):
        Reader.at(tmp_path / "nothing.db")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match=r"expected a path, or postgresql"):
        Reader.at("mysql://somewhere/else")


def test_a_ledger_has_one_name(place: str):
    Ledger.open(place, origin="example.com/guard").close()
    with pytest.raises(UsageError, match=r"is called example\.com/guard, not"):
        Ledger.open(place, origin="example.com/other")
    with pytest.raises(UsageError, match="without spaces and plus signs"):
        Ledger.open(place, origin="two words")


def test_a_folder_holds_its_ledger(tmp_path: Path):
    with Ledger.open(tmp_path) as ledger:
        ledger.append([entry()])
    assert (tmp_path / "ledger.db").is_file()
    assert verify(str(tmp_path)).size == 1


def test_a_redacted_body_is_gone_and_every_proof_stays(any_place: str):
    with Ledger.open(any_place) as ledger:
        ledger.append(entries(20))
        before = ledger.head()
        leaf = ledger.entry(7).hash
        receipt = ledger.erase(7, reason="the person asked for it", at=1_790_000_100.0, agent="keeper")
        assert receipt.index == 20
        assert (ledger.entry(7).body, ledger.entry(7).hash) == (None, leaf)
        assert ledger.entry(20).body == {"entry": 7, "reason": "the person asked for it"}
        assert ledger.tree.root(20) == before.root
        for again, told in (
            (7, "redacted already"),
            (20, "itself the record"),
            (21, "no entry 21"),
            (-1, "no entry"),
        ):
            with pytest.raises(UsageError, match=told):
                ledger.erase(again, reason="", at=0.0)
        ledger.append([entry(21)])
    found = verify(any_place)
    assert (found.sound, found.redacted) == (True, 1)


def test_a_redacted_body_is_in_no_file_any_more(place: str):
    with Ledger.open(place) as ledger:
        ledger.append([*entries(5), entry(5, secret="opensesame"), *entries(5)])
        ledger.erase(5, reason="a secret", at=0.0)
        held = b"".join(path.read_bytes() for path in Path(place).parent.iterdir())
    assert b"opensesame" not in held
    assert BODY["arguments"]["subject"].encode() in held  # pyright: ignore


def test_importing_it_is_light():
    code = "import sys; import duress.ledger; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "cryptography",
        "psycopg",
        "opentelemetry",
        "asyncio",
        "pydantic",
        "rfc3161_client",
        "multiprocessing",
    }
    assert not heavy & set(done.stdout.split())
