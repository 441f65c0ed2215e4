"""A run of a real model, behind a real socket, that is stopped or killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from duress.study.store import acknowledged
from servers.behaviours import mail_agent
from servers.script import Act, Asked, Wait
from servers.server import Server

TRIALS = 8
agent = mail_agent()


def slow(asked: Asked) -> Act:
    return Wait(0.15, agent(asked))


def start(garden: Path, out: Path, url: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-c", "from duress.cli.main import main; main()", "run", str(garden),
        "-m", "openai-api/local/m", "--base-url", url, "-n", str(TRIALS), "--max-connections", "2",
        "--out", str(out), "--format", "csv",
    ]  # fmt: skip
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def rows(out: Path) -> dict[str, dict[str, object]]:
    return {str(row["trial_id"]): row for row in acknowledged(out)}


@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["ctrl-c", "kill -9"]
)
def test_what_a_model_has_answered_is_not_asked_again(
    garden: Path, tmp_path: Path, how: signal.Signals, status: int
):
    out = tmp_path / "run"
    with Server(slow, models=["m"]) as server:
        process = start(garden, out, server.v1)
        deadline = time.monotonic() + 120
        while len(rows(out)) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(how)
        _, err = process.communicate(timeout=120)
        assert process.returncode == status, err
        assert "Traceback" not in err
        there = rows(out)
        assert 2 <= len(there) < TRIALS
        if how is signal.SIGINT:
            assert "run the same command again" in err
            assert pl.read_parquet(out / "trials.parquet").height == len(there)
        server.asked.clear()
        again = start(garden, out, server.v1)
        _, err = again.communicate(timeout=300)
        assert again.returncode == 0, err
        begun = sum(asked.turn == 0 for asked in server.asked)
    assert begun == TRIALS - len(there)
    assert there.items() <= rows(out).items()
    table = pl.read_parquet(out / "trials.parquet")
    assert table.height == table["trial_id"].n_unique() == TRIALS
    assert set(table["outcome"]) == {"complied"}
    assert table["run_input_tokens"].min() > 0
