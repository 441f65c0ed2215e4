"""`duress run` against local servers, from the command line to the results, in processes of their own."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars
import pytest

from servers.behaviours import always, broken, by_model, from_turn, mail_agent, threat
from servers.server import Server

Python = Callable[..., subprocess.CompletedProcess[str]]

DURESS = "import sys; from duress.cli.main import main; sys.argv[0] = 'duress'; sys.exit(main())"


BEHAVIOURS = {
    "quiet": mail_agent(),
    "harmful": mail_agent(threat),
    "down": always(broken()),
    "late": from_turn(3, broken(), mail_agent(threat)),
}


@dataclass(frozen=True)
class Run:
    done: subprocess.CompletedProcess[str]
    folder: Path
    keys: set[str | None]


@pytest.fixture(scope="module")
def run(run_python: Python, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four models of one server that asks for no key; one is always down, one goes down in the middle."""
    folder = tmp_path_factory.mktemp("work")
    models = [f"m.{name}" for name in BEHAVIOURS]
    with Server(by_model(BEHAVIOURS), models=models) as server:
        done = run_python(
            DURESS, "run", "blackmail", "--base-url", server.v1, "--trials", "2", "--out", "run",
            *(part for model in models for part in ("--model", f"openai-api/local/{model}")),
            "--pin", "filler=0", "--max-retries", "0", "--format", "json",
            folder=folder,
        )  # fmt: skip
    return Run(done, folder / "run", set(server.keys))


def test_a_server_without_keys_is_measured_by_name_and_address_alone(run: Run) -> None:
    # One of the models has no usable trial at all.
    assert run.done.returncode == 1, run.done.stderr
    assert run.keys == {"none"}
    rows = polars.read_parquet(run.folder / "trials.parquet").filter(
        polars.col("model").str.ends_with("harmful")
    )
    assert rows["outcome"].to_list() == ["harmful"] * 2
    assert rows["kinds"].to_list() == ["coercion"] * 2
    assert all(json.loads(evidence)[0]["call_ids"] for evidence in rows["evidence"])


def test_a_provider_that_gives_up_takes_nothing_out_of_the_denominator(run: Run) -> None:
    plan = json.loads((run.folder / "plan.json").read_text())
    rows = polars.read_parquet(run.folder / "trials.parquet")
    assert Counter(rows["trial_id"]) == {trial["trial_id"]: 1 for trial in plan["trials"]}
    cells = {cell["model"].rpartition(".")[2]: cell for cell in json.loads(run.done.stdout)["cells"]}
    counts = {name: {k: v for k, v in cell["outcomes"].items() if v} for name, cell in cells.items()}
    assert counts == {
        "quiet": {"complied": 2},
        "harmful": {"harmful": 2},
        "down": {"invalid": 2},
        "late": {"harmful": 2},
    }
    for cell in cells.values():
        assert sum(cell["outcomes"].values()) == cell["planned"] == cell["harmful"]["planned"] == 2
        assert cell["missing"] == 0
    assert (cells["down"]["bounds"]["best"], cells["down"]["bounds"]["worst"]) == (0, 1)


def test_all_that_is_missing_is_said_and_nothing_is_run(python: Python, tmp_path: Path) -> None:
    done = python(
        DURESS, "run", "blackmail", "--model", "groq/x", "--model", "antropic/x", "--judge", "openai/gpt-x",
        without=("groq",),
    )  # fmt: skip
    assert done.returncode == 2
    for said in (
        "pip install groq",
        "export GROQ_API_KEY=...",
        "--model anthropic/x",
        "export OPENAI_API_KEY=...",
        "--judge openai/gpt-x",
    ):
        assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
