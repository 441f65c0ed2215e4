"""The run directory: what is acknowledged stays, what is torn was never there."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.study import frame, planfile
from duress.study.compact import compact, trials
from duress.study.design import Design
from duress.study.errors import StudyError
from duress.study.lock import BusyError
from duress.study.part import write_whole
from duress.study.plan import Plan
from duress.study.runner import done_before
from duress.study.store import Store, acknowledged, trajectory
from duress.trajectory import End, EndReason, Message, Role, Trajectory, codec


def talk(name: str) -> Trajectory:
    return Trajectory(name, (Message(Role.SYSTEM, f"you are {name}\nline"),), End(EndReason.COMPLETED))


def fill(folder: Path, batches: list[list[str]]) -> None:
    with Store(folder) as store:
        for batch in batches:
            store.append(
                [orjson.dumps({"trial_id": name, "model": "m", "outcome": "complied"}) for name in batch],
                [codec.dumps(talk(name)) for name in batch],
            )


def names(folder: Path) -> list[str]:
    return [row["trial_id"] for row in acknowledged(folder)]


def test_what_was_appended_is_there(tmp_path: Path):
    fill(tmp_path, [["a", "b"], ["c"]])
    fill(tmp_path, [["d"]])
    assert names(tmp_path) == ["a", "b", "c", "d"]


def test_any_trajectory_can_be_read_alone(tmp_path: Path):
    fill(tmp_path, [["a", "b"], ["c"]])
    fill(tmp_path, [["d"]])
    refs = {row["trial_id"]: row["run_trajectory"] for row in acknowledged(tmp_path)}
    assert refs["b"].startswith("part-00000.jsonl.zst:0:")
    assert refs["d"].startswith("part-00001.jsonl.zst:0:")
    for name in "dbca":
        assert trajectory(tmp_path, refs[name]) == talk(name)


def test_a_trajectory_that_is_gone_is_said_so_and_its_row_stays(tmp_path: Path):
    fill(tmp_path, [["a"]])
    shutil.rmtree(tmp_path / "trajectories")
    (row,) = acknowledged(tmp_path)
    with pytest.raises(StudyError, match="no trajectory at part-00000"):
        trajectory(tmp_path, row["run_trajectory"])


@pytest.mark.parametrize("text", ["", "x:1:2", "x:1:2:-3", "../secret:0:10:0", "x:a:b:c"])
def test_what_is_no_reference_is_refused(tmp_path: Path, text: str):
    with pytest.raises(StudyError, match="expected a trajectory reference"):
        trajectory(tmp_path, text)


def test_a_trial_that_was_written_twice_counts_once(tmp_path: Path):
    fill(tmp_path, [["a"], ["b"]])
    fill(tmp_path, [["b"], ["a"], ["c"]])
    assert names(tmp_path) == ["a", "b", "c"]


def test_torn_ends_are_never_written_on_to(tmp_path: Path):
    fill(tmp_path, [["a", "b"]])
    part = tmp_path / "rows" / "part-00000.jsonl"
    part.write_bytes(part.read_bytes()[:-9])
    fill(tmp_path, [["c"]])
    assert names(tmp_path) == ["a", "c"]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(min_value=0), batches=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_a_file_torn_anywhere_keeps_exactly_its_whole_rows(
    tmp_path_factory: pytest.TempPathFactory, cut: int, batches: list[int]
):
    folder = tmp_path_factory.mktemp("torn")
    planned = [[f"t{b}.{i}" for i in range(size)] for b, size in enumerate(batches)]
    fill(folder, planned)
    part = folder / "rows" / "part-00000.jsonl"
    whole = part.read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    part.write_bytes(kept)
    expected = [name for batch in planned for name in batch][: kept.count(b"\n")]
    assert names(folder) == expected
    for row in acknowledged(folder):
        assert trajectory(folder, row["run_trajectory"]) == talk(row["trial_id"])
    fill(folder, planned)
    assert sorted(names(folder)) == sorted(name for batch in planned for name in batch)


@settings(max_examples=40, deadline=None)
@given(junk=st.binary(min_size=1, max_size=80))
def test_a_damaged_line_is_no_row_and_costs_no_other(tmp_path_factory: pytest.TempPathFactory, junk: bytes):
    folder = tmp_path_factory.mktemp("junk")
    fill(folder, [["a"]])
    part = folder / "rows" / "part-00000.jsonl"
    row = part.read_bytes()
    part.write_bytes(row + junk + b"\n" + row.replace(b'"a"', b'"b"'))
    assert names(folder) == ["a", "b"]


def test_frames_hold_lines_whatever_is_in_them():
    lines = [orjson.dumps({"text": text}) for text in ("a\nb", "", "\u2028汉字", "x" * 100_000)]
    packed = frame.pack(lines)
    assert len(packed) < 2_000
    import zstandard

    assert zstandard.ZstdDecompressor().decompress(packed).split(b"\n")[:-1] == lines


def test_one_process_owns_a_run_directory(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from duress.study.store import Store\n"
        "with Store(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin and other.stdout
    assert other.stdout.readline() == b"mine\n"
    with pytest.raises(BusyError, match=rf"another process \(pid {other.pid}\) is writing"):
        Store(tmp_path)
    other.kill()
    other.wait()
    Store(tmp_path).close()


def run_limited(code: str, folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    """Run code under a real limit on the size of a file: writes beyond it fail as on a full disk."""
    head = (
        "import resource, sys; from pathlib import Path\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "folder = Path(sys.argv[1])\n"
    )
    return subprocess.run(
        [sys.executable, "-c", head + code, str(folder)], capture_output=True, text=True, check=False
    )


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path):
    code = """
from duress.study.errors import StudyError
from duress.study.store import Store
store = Store(folder)
try:
    for number in range(1000):
        store.append([b'{"trial_id":"t%d","model":"m","outcome":"complied"}' % number], [b"{}"])
        print(number, flush=True)
except StudyError as error:
    print(error, file=sys.stderr)
"""
    done = run_limited(code, tmp_path, 10_000)
    told = [f"t{line}" for line in done.stdout.split()]
    assert 20 < len(told) < 1000
    assert "cannot write: File too large" in done.stderr
    assert "safe on disk" in done.stderr
    assert names(tmp_path) == told
    fill(tmp_path, [["more"]])
    assert names(tmp_path) == [*told, "more"]


def settle(design: Design, folder: Path) -> list[str]:
    planfile.settle(folder, Plan(design))
    return planfile.trial_ids(folder)


def test_the_table_is_in_plan_order_whatever_the_order_of_writing(design: Design, tmp_path: Path):
    planned = settle(design, tmp_path)
    fill(tmp_path, [planned[7:], planned[:3]])
    fill(tmp_path, [planned[3:7], planned[:5]])
    assert pl.read_parquet(compact(tmp_path))["trial_id"].to_list() == planned
    assert trials(tmp_path)["trial_id"].to_list() == planned


@pytest.mark.parametrize("reason", [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC])
def test_a_run_directory_that_cannot_be_written_is_read(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
):
    planned = settle(design, tmp_path)
    fill(tmp_path, [planned[3:], planned[:2]])
    before = sorted(tmp_path.iterdir())

    def refuse(folder: Path) -> None:
        raise OSError(reason, os.strerror(reason), folder / "lock")

    with monkeypatch.context() as patched:
        patched.setattr("duress.study.compact.Lock", refuse)
        found, ids = trials(tmp_path), trials(tmp_path, ["trial_id", "no such column"])
    assert sorted(tmp_path.iterdir()) == before
    assert found.equals(trials(tmp_path))
    assert ids.equals(trials(tmp_path, ["trial_id"]))


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[1]", b'{"trial_id": "x', b'{"trial_id": "x"}', b'{"trial_id": "x", "outcome": "honset"}'],
)
def test_a_damaged_row_is_named_until_its_trial_has_run_again(
    design: Design, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: bytes
):
    planned = settle(design, tmp_path)
    fill(tmp_path, [planned])
    part = tmp_path / "rows" / "part-00000.jsonl"
    rows = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join([*rows[:2], line + b"\n", *rows[3:], b'{"torn": ']))
    assert planned[2] not in trials(tmp_path)["trial_id"]
    assert capsys.readouterr().err == f"{part}:3 is damaged; that trial will run again\n"
    done, _ = done_before(tmp_path, len(planned))
    assert set(planned) - done == {planned[2]}
    fill(tmp_path, [[planned[2]]])
    capsys.readouterr()
    assert trials(tmp_path)["trial_id"].to_list() == planned
    assert capsys.readouterr().err == ""


def test_a_batch_is_on_disk_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[tuple[str, int]] = []
    real = os.fsync

    def record(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        rows = tmp_path / "rows" / "part-00000.jsonl"
        synced.append((str(path.relative_to(tmp_path)), rows.stat().st_size if rows.exists() else -1))
        real(handle)

    monkeypatch.setattr(os, "fsync", record)
    with Store(tmp_path) as store:
        for name in "ab":
            synced.clear()
            before = (tmp_path / "rows" / "part-00000.jsonl").stat().st_size if name == "b" else -1
            row = orjson.dumps({"trial_id": name, "outcome": "honest"})
            store.append([row], [codec.dumps(talk(name))])
            after = (tmp_path / "rows" / "part-00000.jsonl").stat().st_size
            trajectories, rows = "trajectories/part-00000.jsonl.zst", "rows/part-00000.jsonl"
            expected = [(trajectories, before), (rows, after)]
            if name == "a":
                expected = [("trajectories", -1), (trajectories, -1), ("rows", 0), (rows, after)]
            assert synced == expected


def test_a_whole_file_is_on_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def record(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name, (tmp_path / "plan.json").exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", record)
    write_whole(tmp_path / "plan.json", b"{}")
    (scratch, there), folder = synced
    assert (scratch.startswith(".scratch-"), there, folder) == (True, False, (tmp_path.name, True))


def test_a_run_without_rows_has_an_empty_table(design: Design, tmp_path: Path):
    settle(design, tmp_path)
    assert trials(tmp_path).height == 0


def test_the_table_follows_the_rows(design: Design, tmp_path: Path):
    planned = settle(design, tmp_path)
    fill(tmp_path, [planned[:4]])
    assert trials(tmp_path, ["trial_id"]).height == 4
    fill(tmp_path, [planned[4:6]])
    assert trials(tmp_path, ["trial_id"]).height == 6


def test_a_run_that_goes_on_can_be_read_and_is_left_alone(design: Design, tmp_path: Path):
    planned = settle(design, tmp_path)
    with Store(tmp_path) as store:
        store.append([orjson.dumps({"trial_id": planned[0], "outcome": "honest"})], [b"{}"])
        before = sorted(tmp_path.iterdir())
        assert trials(tmp_path)["trial_id"].to_list() == planned[:1]
        assert sorted(tmp_path.iterdir()) == before


def test_rows_of_another_plan_are_noticed(design: Design, tmp_path: Path):
    planned = settle(design, tmp_path)
    fill(tmp_path, [planned[:2], ["stranger-1"]])
    with pytest.raises(StudyError, match="stranger-1 is among the rows but not in plan"):
        trials(tmp_path)


def test_a_column_may_be_empty_in_some_rows_and_in_all(design: Design, tmp_path: Path):
    planned = settle(design, tmp_path)
    with Store(tmp_path) as store:
        for name, call, cost in zip(planned[:3], (None, "manual", None), (None, None, 0.5), strict=True):
            row = {"trial_id": name, "outcome": "honest", "call": call, "run_cost": cost, "run_error": None}
            store.append([orjson.dumps(row)], [b"{}"])
    table = trials(tmp_path)
    assert table["call"].to_list() == [None, "manual", None]
    assert table["run_cost"].to_list() == [None, None, 0.5]
    assert table.schema["run_error"] == pl.String


def test_a_full_disk_while_the_table_is_written_keeps_the_rows_and_they_are_read(
    design: Design, tmp_path: Path
):
    planned = settle(design, tmp_path)
    fill(tmp_path, [planned])
    done = run_limited(
        "from duress.study.compact import compact, trials\n"
        "from duress.study.errors import StudyError\n"
        "try: compact(folder)\n"
        "except StudyError as error: print(error)\n"
        "print(trials(folder).height, 'rows')\n",
        tmp_path,
        500,
    )
    assert "trials.parquet: cannot write" in done.stdout, done.stderr
    assert f"{len(planned)} rows" in done.stdout, done.stderr
    assert not list(tmp_path.glob("*.parquet"))
    assert trials(tmp_path).height == len(planned)


def test_what_a_killed_process_left_is_taken_away(tmp_path: Path):
    (tmp_path / ".scratch-trials.parquet.abc").mkdir()
    (tmp_path / ".scratch-trials.parquet.abc" / "000000.parquet").write_bytes(b"half")
    (tmp_path / ".scratch-plan.json").write_bytes(b"{")
    Store(tmp_path).close()
    assert not list(tmp_path.glob(".scratch*"))


def test_a_place_that_cannot_be_a_run_directory_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(StudyError, match="cannot be made a run directory: Not a directory"):
        Store(tmp_path / "file" / "run")
