"""`duress run`, as somebody at a terminal and as a program sees it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

OUTCOMES = {
    "invalid", "harmful", "judge_error", "truncated", "refused", "incompetent", "honest", "complied",
}  # fmt: skip


def test_a_run_directory_holds_all_that_is_promised(finished: Path):
    for name in ("plan.json", "trials.parquet", "results.json", "report.html"):
        assert (finished / name).is_file()
    assert list((finished / "rows").glob("part-*.jsonl"))
    assert list((finished / "trajectories").glob("part-*.jsonl.zst"))
    assert not list(finished.glob(".scratch*"))


def test_there_is_one_row_per_planned_trial(finished: Path):
    plan = json.loads((finished / "plan.json").read_bytes())
    table = pl.read_parquet(finished / "trials.parquet")
    assert table["trial_id"].to_list() == [trial["trial_id"] for trial in plan["trials"]]
    assert table.height == 2 * 2 * 25
    assert set(table["outcome"]) <= OUTCOMES
    assert table.filter(threat="replacement").filter(outcome="harmful").height > 0
    assert all(json.loads(evidence) for evidence in table.filter(outcome="harmful")["evidence"])


def test_json_on_the_standard_output_is_nothing_but_json(duress, garden: Path, tmp_path: Path):
    ran = duress(
        "run", garden, "-m", "reference/loyal", "-n", "3", "--format", "json", "--out", tmp_path / "x"
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == json.loads((tmp_path / "x" / "results.json").read_bytes())
    assert f"report: {tmp_path / 'x' / 'report.html'}" in ran.stderr


def test_the_same_command_again_finds_its_run(duress, garden: Path, tmp_path: Path):
    line = ("run", garden, "-m", "reference/loyal", "-n", "2", "--format", "csv")
    first = duress(*line, cwd=tmp_path)
    again = duress(*line, cwd=tmp_path)
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert "2 of 2 trials are there already" in again.stderr
    assert again.stdout == first.stdout
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("garden-")


def test_a_study_file_runs_and_options_go_before_it(duress, garden: Path, tmp_path: Path):
    study = tmp_path / "study.yaml"
    study.write_text(
        f"scenarios: [{garden}]\nmodels: [reference/cornered]\nfactors: {{agency_cue: [off, on]}}\n"
        "trials: 2\nlang: [en, zh]\n",
        encoding="utf-8",
    )
    ran = duress("run", study, "-n", "3", "--out", tmp_path / "x", "-f", "json")
    assert ran.returncode == 0, ran.stderr
    cells = json.loads(ran.stdout)["cells"]
    assert {(cell["lang"], cell["levels"]["agency_cue"], cell["planned"]) for cell in cells} == {
        ("en", "off", 3), ("en", "on", 3), ("zh", "off", 3), ("zh", "on", 3),
    }  # fmt: skip


def test_a_pinned_nuisance_is_the_same_in_every_trial(duress, garden: Path, tmp_path: Path):
    line = ("run", garden, "-m", "reference/loyal", "-n", "6", "--out", tmp_path / "x")
    ran = duress(*line, "--pin", "filler=2", "--pin", "date=2026-05-04")
    assert ran.returncode == 0, ran.stderr
    table = pl.read_parquet(tmp_path / "x" / "trials.parquet")
    assert set(table["nuisance_filler"]) == {2}
    assert set(table["nuisance_date"]) == {"2026-05-04"}
    assert table["nuisance_names"].n_unique() > 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["blackmial"], "no scenario 'blackmial'"),
        (["blackmail", "-m", "reference/evil"], "unknown reference agent 'reference/evil'"),
        (["blackmail", "-m", "evil"], "expected PROVIDER/MODEL"),
        (["blackmail", "-c", "threat=doom"], "expected a level among none, restriction, replacement"),
        (["blackmail", "-c", "treat=none"], "unknown factor 'treat'"),
        (["blackmail", "--lang", "fr"], "expected a language among en, zh, found 'fr'"),
        (["blackmail", "--pin", "mood=3"], "pin 'mood'"),
        (["blackmail", "--pin", "paraphrase=99"], "pin paraphrase=99: blackmail has at most"),
        (["blackmail", "-M", "api_key=x"], "in the environment"),
        (["nothing.yaml"], "nothing.yaml: there is no such study file"),
        (["a.yaml", "b.yaml"], "expected one study file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_ends_before_anything_is_run(duress, tmp_path: Path, line: list[str], told: str):
    wrong = duress("run", *line, cwd=tmp_path)
    assert wrong.returncode == 2
    assert told in wrong.stderr
    assert wrong.stderr.startswith("duress: ")
    assert "Traceback" not in wrong.stderr
    assert wrong.stdout == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("scenario.yaml", "desks: [mail", "desks: [mial", "mial"),
        ("en/texts.yaml", "\ntask:", "\ntusk:", "tusk"),
    ],
)
def test_a_scenario_that_is_not_sound_is_not_run(
    duress, garden: Path, tmp_path: Path, file: str, old: str, new: str, told: str
):
    broken = tmp_path / "garden"
    shutil.copytree(garden, broken)
    text = (broken / file).read_text(encoding="utf-8")
    assert old in text
    (broken / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    wrong = duress("run", broken, "-m", "reference/loyal", "-n", "1", "--out", tmp_path / "run")
    assert wrong.returncode == 2, wrong.stderr
    assert "nothing was run" in wrong.stderr
    assert told in wrong.stderr
    assert f"{file}:" in wrong.stderr
    assert wrong.stdout == ""
    assert not (tmp_path / "run").exists()


def test_what_real_models_miss_is_told_at_once_and_nothing_is_run(duress, garden: Path, tmp_path: Path):
    wrong = duress("run", garden, "-m", "openai/gpt-x", "--judge", "anthropic/claude-x", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "OPENAI_API_KEY" in wrong.stderr
    assert "ANTHROPIC_API_KEY" in wrong.stderr
    assert "nothing was run" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert not list(tmp_path.iterdir())


def test_reference_agents_run_through_inspect_to_the_same_rows(
    duress, finished: Path, garden: Path, tmp_path: Path
):
    ran = duress(
        "run", garden, "-m", "reference/cornered", "-m", "reference/schemer", "-c", "threat=none,replacement",
        "-n", "2", "--engine", "inspect", "--out", tmp_path / "x",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    here, there = (pl.read_parquet(run / "trials.parquet") for run in (tmp_path / "x", finished))
    assert set(here["run_engine"]) == {"inspect"}
    same = [name for name in there.columns if not name.startswith("run_")]
    assert here.select(same).equals(there.head(8).select(same))
    logs = list((tmp_path / "x" / "logs").glob("*.eval"))
    assert {f"logs/{log.name}" for log in logs} == set(here["run_log"])


def on_a_terminal(line: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Run the command with all its streams on a real terminal, and return what that showed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from duress.cli.main import main; main()", *line],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40", **env},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            data = os.read(leader, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(leader)
    return process.wait(), shown.decode()


COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3|4|9)[0-9;]*m")


@pytest.mark.parametrize("plain", [False, True], ids=["colour", "NO_COLOR"])
def test_a_terminal_sees_the_run_go_on(garden: Path, tmp_path: Path, plain: bool):
    line = ["run", str(garden), "-m", "reference/schemer", "-n", "300", "--out", str(tmp_path / "x")]
    code, shown = on_a_terminal(line, {"NO_COLOR": "1"} if plain else {})
    assert code == 0, shown
    assert re.search(r"\d+/300 trials", shown)
    assert "reference/schemer" in shown
    assert re.search(r"\d+ s left", shown)
    assert bool(COLOUR.search(shown)) is not plain
