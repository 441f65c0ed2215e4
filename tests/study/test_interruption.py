"""Killed anywhere, a run goes on and comes to the same table as one that nobody disturbed."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from duress.study.store import acknowledged, trajectory

DURESS = [sys.executable, "-c", "from duress.cli.main import main; main()"]
# They share one long run.
pytestmark = pytest.mark.xdist_group("interruption")
TRIALS = 150
"""Per agent. So many that a signal sent after the first rows comes in the middle, on a busy machine too."""
ALL = 6 * TRIALS


RUN = """
import sys
from pathlib import Path
from duress.study.request import Request
from duress.study.runner import run

class Quiet:
    def begin(self, planned, done): ...
    def advance(self, tally): ...
    def stopping(self): ...

garden, out, trials, workers = sys.argv[1:]
request = Request(scenarios=(garden,), trials=int(trials), workers=int(workers))
run(request.design(), Path(out), request.how(), Quiet())
"""


def start_quiet(garden: Path, out: Path, workers: int, trials: int = TRIALS) -> subprocess.Popen[str]:
    """Start a run without what the command adds to it: a report takes longer than these trials."""
    command = [sys.executable, "-c", RUN, str(garden), str(out), str(trials), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def start(garden: Path, out: Path, *more: str, trials: int = TRIALS) -> subprocess.Popen[str]:
    command = [*DURESS, "run", str(garden), "--out", str(out), "--trials", str(trials), "--format", "json"]
    return subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def table(folder: Path) -> pl.DataFrame:
    """Return the table without what may differ from run to run."""
    found = pl.read_parquet(folder / "trials.parquet")
    return found.select(name for name in found.columns if not name.startswith("run_"))


def assert_same(one: Path, other: Path) -> None:
    assert_frame_equal(table(one), table(other))
    files = [io.BytesIO(), io.BytesIO()]
    for folder, file in zip((one, other), files, strict=True):
        table(folder).write_parquet(file)
    assert files[0].getvalue() == files[1].getvalue()


def written(folder: Path) -> int:
    # Not `glob("*/..")`: the run makes and removes files beside these folders at the same time.
    parts = [part for name in ("rows", "trajectories") for part in (folder / name).glob("part-*")]
    return sum(part.stat().st_size for part in parts)


def wait_until(folder: Path, size: int, process: subprocess.Popen[str]) -> None:
    while written(folder) < size and process.poll() is None:
        time.sleep(0.002)


@pytest.fixture(scope="module")
def undisturbed(garden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    code, _, err = finish(start(garden, out))
    assert code == 0, err
    return out


def complete(garden: Path, out: Path, workers: int = 2) -> None:
    code, _, err = finish(start_quiet(garden, out, workers))
    assert code == 0, err


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_a_run_comes_to_the_same_table(
    garden: Path, undisturbed: Path, tmp_path: Path, seed: int
):
    chance = random.Random(seed)
    total = written(undisturbed)
    acked: dict[str, dict[str, object]] = {}
    for _ in range(4):
        process = start_quiet(garden, tmp_path / "run", chance.choice([1, 2, 3]))
        # Sometimes before the first row, mostly in the middle of writing.
        wait_until(tmp_path / "run", written(tmp_path / "run") + chance.randrange(1, total // 6), process)
        process.send_signal(signal.SIGKILL)
        finish(process)
        there = {str(row["trial_id"]): row for row in acknowledged(tmp_path / "run")}
        assert acked.items() <= there.items(), "an acknowledged row was lost or run again"
        acked = there
    assert 0 < len(acked) < ALL
    complete(garden, tmp_path / "run")
    assert_same(tmp_path / "run", undisturbed)
    after = {str(row["trial_id"]): row for row in acknowledged(tmp_path / "run")}
    assert acked.items() <= after.items()
    for row in after.values():
        assert trajectory(tmp_path / "run", str(row["run_trajectory"])).id == row["trial_id"]


def test_the_number_of_workers_does_not_show(garden: Path, undisturbed: Path, tmp_path: Path):
    complete(garden, tmp_path / "run", workers=1)
    assert_same(tmp_path / "run", undisturbed)


def test_workers_do_not_outlive_a_killed_run(garden: Path, tmp_path: Path):
    process = start_quiet(garden, tmp_path / "run", 2, trials=2_000)
    wait_until(tmp_path / "run", 1, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.is_file():
        pytest.skip("needs /proc to see child processes")
    workers = [int(pid) for pid in children.read_text().split()]
    assert len(workers) == 2
    process.kill()
    finish(process)
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(garden: Path, undisturbed: Path, tmp_path: Path):
    process = start(garden, tmp_path / "run")
    wait_until(tmp_path / "run", 1, process)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 130, err
    assert "Traceback" not in err
    assert "run the same command again" in err
    assert f"--out {tmp_path / 'run'}" in err
    assert f'"planned": {ALL}' in out
    there = sum(1 for _ in acknowledged(tmp_path / "run"))
    assert pl.read_parquet(tmp_path / "run" / "trials.parquet").height == there < ALL
    code, _, err = finish(start(garden, tmp_path / "run"))
    assert code == 0, err
    assert f"{there} of {ALL} trials are there already" in err
    assert_same(tmp_path / "run", undisturbed)


def test_a_dead_worker_is_noticed_and_loses_nothing(garden: Path, undisturbed: Path, tmp_path: Path):
    process = start(garden, tmp_path / "run", "--workers", "2")
    wait_until(tmp_path / "run", 1, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.is_file():
        pytest.skip("needs /proc to see child processes")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    code, _, err = finish(process)
    assert code == 1
    assert "a worker process was killed by signal 9" in err
    assert "Traceback" not in err
    complete(garden, tmp_path / "run")
    assert_same(tmp_path / "run", undisturbed)


def test_more_trials_extend_a_run(garden: Path, undisturbed: Path, tmp_path: Path):
    assert finish(start_quiet(garden, tmp_path / "run", 2, trials=15))[0] == 0
    before = {str(row["trial_id"]): row for row in acknowledged(tmp_path / "run")}
    code, _, err = finish(start(garden, tmp_path / "run"))
    assert code == 0, err
    assert f"90 of {ALL} trials are there already" in err
    after = {str(row["trial_id"]): row for row in acknowledged(tmp_path / "run")}
    assert before.items() <= after.items()
    assert_same(tmp_path / "run", undisturbed)


def test_two_processes_cannot_run_in_one_directory(garden: Path, tmp_path: Path):
    first = start_quiet(garden, tmp_path / "run", 2, trials=2_000)
    wait_until(tmp_path / "run", 1, first)
    code, out, err = finish(start(garden, tmp_path / "run", trials=2_000))
    assert code == 1
    assert out == ""
    assert f"another process (pid {first.pid}) is writing to this run directory" in err
    first.send_signal(signal.SIGINT)
    assert finish(first)[0] == 0


def test_other_settings_are_refused_with_the_difference(garden: Path, undisturbed: Path):
    before = written(undisturbed)
    code, out, err = finish(start(garden, undisturbed, "--seed", "7", "--factor", "threat=none"))
    assert code == 2
    assert out == ""
    assert "seed: 0 there, 7 asked for" in err
    assert "factor threat: not set there, none asked for" in err
    code, _, err = finish(start(garden, undisturbed, trials=10))
    assert code == 2
    assert f"trials: {TRIALS} there, 10 asked for" in err
    assert written(undisturbed) == before
