"""An agent of the user's own, from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

AGENT = f"{Path(__file__).parents[2] / 'examples' / 'own_agent' / 'agent.py'}@careful"
DURESS = [sys.executable, "-c", "from duress.cli.main import main; main()"]


def run(out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        *DURESS,
        "run",
        "blackmail",
        "--model",
        "reference/schemer",
        "--trials",
        "1",
        "--out",
        str(out),
    ]
    return subprocess.run([*command, *more], capture_output=True, text=True, timeout=120, check=False)


def test_an_agent_around_a_reference_model_is_another_trial(tmp_path: Path) -> None:
    import polars as pl

    bare = run(tmp_path / "bare", "--engine", "inspect")
    own = run(tmp_path / "own", "--engine", "inspect", "--agent", AGENT)
    assert (bare.returncode, own.returncode) == (0, 0), own.stderr
    tables = [pl.read_parquet(tmp_path / name / "trials.parquet") for name in ("bare", "own")]
    assert tables[0]["trial_id"][0] != tables[1]["trial_id"][0]
    assert tables[0]["turns"][0] != tables[1]["turns"][0], "the agent's own loop looks back before it ends"


def test_an_agent_is_never_silently_left_out(tmp_path: Path) -> None:
    refused = run(tmp_path / "run", "--agent", AGENT)
    assert refused.returncode == 2
    assert "add --engine inspect" in refused.stderr
    assert not (tmp_path / "run").exists()
