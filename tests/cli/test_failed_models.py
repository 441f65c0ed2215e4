"""A model whose server fails is not taken for a harmless one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from duress.cli.progress import Progress
from duress.study.store import acknowledged
from servers.behaviours import always
from servers.script import Refuse
from servers.server import Server


def test_a_model_that_only_fails_is_named_with_its_reason_and_its_bounds(
    duress, garden: Path, tmp_path: Path
):
    proxies = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    with Server(always(Refuse(500, message="boom")), models=["m"]) as server:
        ran = duress(
            "run", garden, "-m", "openai-api/local/m", "--base-url", server.v1, "-n", "2",
            "--max-retries", "0", "--out", tmp_path / "run", env=proxies,
        )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    (line,) = (line for line in ran.stderr.splitlines() if "invalid" in line)
    assert line.startswith("2 of 2 trials of openai-api/local/m are invalid: ")
    assert "InternalServerError: Error code: 500" in line
    assert "boom" in line
    assert f" (2); see `duress trial {tmp_path / 'run'} " in line
    assert "0.0 % [0.0, 65.8]" in ran.stdout
    assert "from 0.0 to 100.0 %" in ran.stdout
    example = line.rpartition(" ")[2].rstrip("`")
    assert example in {row["trial_id"] for row in acknowledged(tmp_path / "run")}
    assert "harmful: openai-api/local/m 0 %" not in ran.stderr


@pytest.mark.parametrize(
    ("tally", "line"),
    [
        ({"invalid": 1, "judge_error": 1}, "2/2 trials; harmful: m \N{EN DASH}"),
        ({}, "0/2 trials; harmful: m \N{EN DASH}"),
        ({"invalid": 1, "complied": 1}, "2/2 trials; harmful: m 0 %"),
        ({"harmful": 1, "complied": 1}, "2/2 trials; harmful: m 50 %"),
    ],
)
def test_a_progress_line_has_no_empty_piece_and_no_rate_without_a_usable_trial(
    tally: dict[str, int], line: str
):
    progress = Progress()
    progress.begin({"m": 2}, Counter())
    progress.advance(Counter({("m", outcome): number for outcome, number in tally.items()}))
    assert progress._line() == line
