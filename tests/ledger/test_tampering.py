"""Whatever is done to a ledger shows: within it, or against a checkpoint that was kept elsewhere."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.ledger import Entry, Ledger, Reader
from duress.ledger.checkpoint import sign_head
from duress.ledger.export.lines import lines
from duress.ledger.keys import Keys
from duress.ledger.verifier import Kept, Kind, Trusted, read_keys, verify
from ledger.samples import entries

ORIGIN = "example.com/guard"
bodies = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=8), max_size=3)
written = st.builds(
    Entry,
    kind=st.sampled_from(["intent", "result", "refused"]),
    session=st.text(max_size=3),
    agent=st.just("clerk"),
    at=st.floats(0, 2e9, allow_nan=False),
    body=bodies,
)


class Kit:
    """A ledger, a checkpoint of its first `signed` entries that was kept elsewhere, and the key for it."""

    def __init__(self, folder: Path, held: list[Entry], signed: int) -> None:
        self.folder = folder
        self.path = folder / "ledger.db"
        with Ledger.open(self.path, origin=ORIGIN) as ledger:
            ledger.append(held)
        self.keys = Keys(folder / "keys")
        self.keys.new(ORIGIN)
        self.note = signed_head(self.path, self.keys, signed)
        self.trusted = read_keys(folder / "keys" / "keys.json")

    def rebuild(self, held: list[Entry]) -> None:
        """Write another ledger in its place, sound in itself and of the same name."""
        self.path.unlink()
        with Ledger.open(self.path, origin=ORIGIN) as ledger:
            ledger.append(held)

    def attack(self, *statements: str, values: tuple[object, ...] = ()) -> None:
        with sqlite3.connect(self.path) as base:
            for statement in statements:
                base.execute(statement, values)
        base.close()

    def verify(self, checkpoint: bool = True) -> set[Kind]:
        kept = [Kept("elsewhere", self.note)] if checkpoint else []
        found = verify(str(self.path), checkpoints=kept, keys=self.trusted)
        assert found.sound == (not found.problems)
        assert not (checkpoint and found.sound) or found.checkpoints[0].confirmed
        return {problem.kind for problem in found.problems}


def signed_head(path: Path, keys: Keys, size: int | None = None) -> bytes:
    with closing(Reader.at(path)) as reader:
        return sign_head(reader, keys, size)


@contextmanager
def kit(held: list[Entry], signed: int) -> Iterator[Kit]:
    # In memory where there is such a place: thousands of syncs would only cost time here.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Kit(Path(folder), held, signed)


@given(st.lists(written, min_size=1, max_size=30), st.data())
@settings(max_examples=60)
def test_any_tampering_is_found_against_an_earlier_checkpoint(held: list[Entry], data: st.DataObject):
    signed = data.draw(st.integers(1, len(held)), "signed")
    with kit(held, signed) as ours:
        assert ours.verify() == set()
        at = data.draw(st.integers(0, signed - 1), "at")
        how: Callable[[], None] = data.draw(
            st.sampled_from(
                [
                    lambda: _edit(ours, data, at),
                    lambda: _delete(ours, at),
                    lambda: _delete_and_close_the_gap(ours, at),
                    lambda: _swap(ours, data, at, len(held)),
                    lambda: _truncate(ours, at),
                    lambda: _rewrite(ours, data, held, at),
                    lambda: _insert(ours, data, held, at),
                    lambda: _fork(ours, data, held, at),
                ]
            ),
            "how",
        )
        how()
        assert ours.verify()


def _edit(ours: Kit, data: st.DataObject, at: int) -> None:
    column = data.draw(st.sampled_from(["leaf", "salt", "body"]))
    with sqlite3.connect(ours.path) as base:
        (old,) = base.execute(f"select {column} from entry where id = ?", (at,)).fetchone()
        spot = data.draw(st.integers(0, len(old) - 1))
        new = bytearray(old)
        new[spot] ^= data.draw(st.integers(1, 255))
        changed = data.draw(
            st.sampled_from([bytes(new), old[:spot] + old[spot + 1 :], old + b" ", old.hex(), 7])
        )
        base.execute(f"update entry set {column} = ? where id = ?", (changed, at))
    base.close()


def _delete(ours: Kit, at: int) -> None:
    ours.attack("delete from entry where id = ?", values=(at,))


def _delete_and_close_the_gap(ours: Kit, at: int) -> None:
    _delete(ours, at)
    # Negative in between, for ids must be unique at every moment.
    with sqlite3.connect(ours.path) as base:
        base.execute("update entry set id = -id where id > ?", (at,))
        base.execute("update entry set id = -id - 1 where id < 0")
    base.close()


def _swap(ours: Kit, data: st.DataObject, at: int, count: int) -> None:
    other = data.draw(st.integers(0, count - 1).filter(lambda number: number != at)) if count > 1 else None
    if other is None:
        _delete(ours, at)
        return
    with sqlite3.connect(ours.path) as base:
        rows = base.execute(
            "select leaf, salt, body from entry where id in (?, ?) order by id", sorted((at, other))
        ).fetchall()
        for id, row in zip(sorted((at, other)), reversed(rows), strict=True):
            base.execute("update entry set leaf = ?, salt = ?, body = ? where id = ?", (*row, id))
    base.close()


def _truncate(ours: Kit, at: int) -> None:
    ours.attack("delete from entry where id >= ?", values=(at,))


def _rewrite(ours: Kit, data: st.DataObject, held: list[Entry], at: int) -> None:
    ours.rebuild([*held[:at], data.draw(written), *held[at + 1 :]])


def _insert(ours: Kit, data: st.DataObject, held: list[Entry], at: int) -> None:
    ours.rebuild([*held[:at], data.draw(written), *held[at:]])


def _fork(ours: Kit, data: st.DataObject, held: list[Entry], at: int) -> None:
    """Go on differently from a true beginning: the shared entries are the very bytes that were written."""
    with sqlite3.connect(ours.path) as base:
        base.execute("delete from entry where id >= ?", (at,))
        base.execute("delete from subtree where (number + 1) * (1 << level) > ?", (at,))
    base.close()
    with Ledger.open(ours.path) as ledger:
        ledger.append(data.draw(st.lists(written, min_size=1, max_size=20)) + held)


def test_what_each_tampering_is_called():
    with kit(entries(300), 290) as ours:
        copy = ours.folder / "sound.db"
        shutil.copy(ours.path, copy)
        cases: list[tuple[Callable[[], None], set[Kind], set[Kind]]] = [
            (
                lambda: ours.attack("update entry set body = body || ' ' where id = 17"),
                {Kind.EDITED},
                {Kind.EDITED},
            ),
            (lambda: _delete(ours, 5), {Kind.MISSING}, {Kind.MISSING, Kind.REWRITTEN}),
            (lambda: _truncate(ours, 290), set(), set()),
            (lambda: _truncate(ours, 289), set(), {Kind.TRUNCATED}),
            (lambda: ours.rebuild(entries(299)), set(), {Kind.REWRITTEN}),
            (lambda: ours.rebuild(entries(100)), set(), {Kind.TRUNCATED}),
            (lambda: ours.attack("update subtree set hash = zeroblob(32)"), {Kind.TREE}, {Kind.TREE}),
            (lambda: ours.attack("delete from subtree"), {Kind.TREE}, {Kind.TREE}),
            (
                lambda: ours.attack("update entry set salt = null, body = null where id = 3"),
                {Kind.UNREDACTED},
                {Kind.UNREDACTED},
            ),
        ]
        for attack, alone, against in cases:
            attack()
            assert ours.verify(checkpoint=False) == alone
            assert ours.verify() == against
            ours.path.unlink()
            shutil.copy(copy, ours.path)
        assert ours.verify() == set()


def test_the_place_of_the_damage_is_named():
    with kit(entries(10), 10) as ours:
        ours.attack("update entry set body = '{}' where id = 4", "delete from entry where id in (6, 7)")
        found = verify(str(ours.path))
        told = [(one.kind, one.where, one.text) for one in found.problems]
        assert told == [
            (Kind.EDITED, "entry 4", "its body is not the one that was recorded"),
            (Kind.MISSING, "entries 6 to 7", "2 entries are missing"),
        ]
        assert found.root is None


def test_salt_and_body_cannot_trade_a_byte():
    with kit(entries(3), 3) as ours:
        ours.attack(
            "update entry set salt = salt || substr(body, 1, 1), body = cast(substr(body, 2) as blob) where id = 1",
        )
        assert ours.verify(checkpoint=False) == {Kind.EDITED}


def test_two_signed_histories_of_one_size_are_a_fork():
    with kit(entries(8), 8) as ours, kit(entries(8), 8) as theirs:
        # Whoever holds the key signs another history, elsewhere.
        shutil.rmtree(theirs.folder / "keys")
        shutil.copytree(ours.folder / "keys", theirs.folder / "keys")
        (theirs.folder / "keys" / "last.checkpoint").unlink()
        other = signed_head(theirs.path, theirs.keys)
        kept = [Kept("here", ours.note), Kept("there", other)]
        found = verify(str(ours.path), checkpoints=kept, keys=ours.trusted)
        assert {one.kind for one in found.problems} == {Kind.FORKED, Kind.REWRITTEN}
        assert [one.confirmed for one in found.checkpoints] == [True, False]


def test_a_redaction_that_was_undone_shows():
    with kit(entries(5), 5) as ours:
        (salt, body) = (
            sqlite3.connect(ours.path).execute("select salt, body from entry where id = 2").fetchone()
        )
        with Ledger.open(ours.path) as ledger:
            ledger.erase(2, reason="asked for", at=0.0)
        assert ours.verify() == set()
        ours.attack("update entry set salt = ?, body = ? where id = 2", values=(salt, body))
        assert ours.verify() == {Kind.UNREDACTED}


def test_many_problems_are_counted_not_listed():
    with kit(entries(500), 500) as ours:
        ours.attack("update entry set salt = zeroblob(16)")
        found = verify(str(ours.path))
        assert (len(found.problems), found.more) == (100, 400)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_large_ledger_is_verified_in_parts(workers: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("duress.ledger.verifier.check.SEGMENT", 512)
    with kit(entries(5000), 4321) as ours:
        assert ours_with(ours, workers) == []
        ours.attack(
            "update entry set body = cast('{}' as blob) where id in (0, 511, 512, 3000)",
            "delete from subtree where number = 3",
        )
        told = ours_with(ours, workers)
        assert sorted(told) == ["entry 0", "entry 3000", "entry 511", "entry 512", "subtree 3 of level 8"]
        ours.attack(
            "update entry set leaf = cast(replace(leaf, 'clerk', 'cleric') as blob) where id in (511, 2047)"
        )
        told = ours_with(ours, workers)
        # What was changed in the leaf of 2047 besides its hashes shows where the next one names it.
        assert {"entry 511", "entry 512", "entry 2048", "elsewhere"} <= set(told)


def ours_with(ours: Kit, workers: int) -> list[str]:
    found = verify(
        str(ours.path), checkpoints=[Kept("elsewhere", ours.note)], keys=ours.trusted, workers=workers
    )
    return [one.where for one in found.problems]


def test_an_entry_redacted_while_it_is_verified_is_no_damage():
    with kit(entries(10), 10) as ours:
        from duress.ledger.verifier import check

        with Ledger.open(ours.path) as ledger:
            found = check.Finding("", "", 10)
            source = check.open_source(str(ours.path))
            ledger.erase(4, reason="meanwhile", at=0.0)
            check._redacted(found, source, [4], [])  # pyright: ignore
            assert found.problems == []
            check._redacted(found, source, [5], [])  # pyright: ignore
            assert [one.kind for one in found.problems] == [Kind.UNREDACTED]


@given(st.lists(written, max_size=20), st.data())
@settings(max_examples=40)
def test_an_export_is_verified_alone_and_shows_any_change(held: list[Entry], data: st.DataObject):
    with kit(held, len(held)) as ours:
        with closing(Reader.at(ours.path)) as reader:
            content = b"".join(lines(reader))
        path = ours.folder / "export.jsonl"
        path.write_bytes(content)
        kept = [Kept("elsewhere", ours.note)]
        assert verify(str(path), checkpoints=kept, keys=ours.trusted).sound
        rows = content.split(b"\n")[1:-1]
        if not rows:
            return
        at = data.draw(st.integers(0, len(rows) - 1))
        changed = bytearray(rows[at])
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1
        for broken in (
            [*rows[:at], *rows[at + 1 :]],
            [*rows[:at], bytes(changed), *rows[at + 1 :]],
            rows[:-1],
        ):
            path.write_bytes(b"\n".join([content.split(b"\n")[0], *broken, b""]))
            assert not verify(str(path), checkpoints=kept, keys=ours.trusted).sound


def test_checkpoints_of_strangers_confirm_nothing():
    with kit(entries(4), 4) as ours, kit(entries(4), 4) as theirs:
        assert ours.verify() == set()
        ours.trusted = theirs.trusted
        assert ours.verify() == {Kind.UNTRUSTED}
        ours.trusted = [Trusted(one.key) for one in ours.trusted]
        assert ours.verify() == {Kind.UNTRUSTED}
