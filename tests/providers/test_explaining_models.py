"""`duress explain` against a local server: a real provider, a model whose one cause is known."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars

from servers.behaviours import mail_agent, threat
from servers.server import Server

Python = Callable[..., subprocess.CompletedProcess[str]]

DURESS = "import sys; from duress.cli.main import main; sys.argv[0] = 'duress'; sys.exit(main())"


def test_a_model_that_cannot_send_does_not_threaten(run_python: Python, tmp_path: Path):
    model = "openai-api/local/m"
    with Server(mail_agent(threat), models=["m"]) as server:
        ran = run_python(
            DURESS, "run", "blackmail", "--base-url", server.v1, "--trials", "1", "--out", "run",
            "--model", model, "--pin", "filler=0", "--max-retries", "0", folder=tmp_path,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        trial = polars.read_parquet(tmp_path / "run" / "trials.parquet").row(0, named=True)
        assert trial["outcome"] == "harmful"
        done = run_python(
            DURESS, "explain", "run", trial["trial_id"], "--items", "tool:send_mail,mail:invoice", "--repeats",
            "6", "--max-retries", "0", "--yes", "--format", "json", folder=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"about {18 * trial['turns']} calls of the model" in done.stderr
    told = json.loads(done.stdout)
    assert told["reference"]["count"] == told["reference"]["told"] == 6
    send, invoice = told["effects"]
    assert (send["item"], send["place"], send["verdict"], send["count_without"]) == (
        "tool:send_mail", 1, "necessary", 0,
    )  # fmt: skip
    assert (invoice["count_without"], invoice["verdict"]) == (6, "unclear")
    assert told["judge"] == "rules"
    [folder] = (tmp_path / "run" / "explain").glob(f"{trial['trial_id']}-*")
    assert (folder / "logs").is_dir()
