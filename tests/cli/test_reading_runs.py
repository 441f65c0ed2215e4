"""`results`, `report`, `compare`, `trial` and `rejudge`: what a run directory has to say."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from servers.behaviours import always
from servers.script import Say
from servers.server import Server


def test_results_are_the_same_in_every_format(duress, finished: Path):
    as_json = json.loads(duress("results", finished, "--format", "json").stdout)
    lines = list(csv.DictReader(io.StringIO(duress("results", finished, "--format", "csv").stdout)))
    table = duress("results", finished).stdout
    markdown = duress("results", finished, "--format", "md").stdout
    assert len(as_json["cells"]) == len(lines) == 4
    for cell, line in zip(as_json["cells"], lines, strict=True):
        assert (line["model"], line["condition"]) == (cell["model"], cell["condition"])
        assert int(line["harmful"]) == cell["harmful"]["count"]
        rate = f"{100 * cell['harmful']['rate']:.1f} %"
        assert rate in table
        assert rate in markdown


def test_results_of_an_unfinished_run_count_what_is_planned(duress, finished: Path, tmp_path: Path):
    half = tmp_path / "half"
    shutil.copytree(finished, half)
    (half / "trials.parquet").unlink()
    part = next((half / "rows").glob("part-*"))
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:30]) + lines[30][:50])
    shown = duress("results", half, "--format", "json")
    assert shown.returncode == 0, shown.stderr
    cells = json.loads(shown.stdout)["cells"]
    assert sum(cell["planned"] for cell in cells) == 100
    assert sum(cell["finished"] for cell in cells) == 30
    assert sum(cell["missing"] for cell in cells) == 70
    assert all(cell["harmful"]["planned"] == 25 for cell in cells)


@pytest.mark.parametrize("command", [["results"], ["report"], ["compare", "."], ["trial"], ["rejudge"]])
def test_what_is_no_run_directory_is_told(duress, tmp_path: Path, command: list[str]):
    more = {"trial": ["abc"], "rejudge": ["--judge", "rules"]}.get(command[0], [])
    wrong = duress(*command, tmp_path / "nowhere", *more)
    assert wrong.returncode == 2
    assert "expected a run directory" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert wrong.stdout == ""


def test_a_folder_without_a_plan_and_a_damaged_plan_are_told(duress, finished: Path, tmp_path: Path):
    wrong = duress("results", tmp_path)
    assert wrong.returncode == 2
    assert "found a folder without plan.json" in wrong.stderr
    damaged = tmp_path / "damaged"
    shutil.copytree(finished, damaged)
    (damaged / "plan.json").write_text("{")
    wrong = duress("results", damaged)
    assert wrong.returncode == 1
    assert "The finished trials are not in this file and are intact" in wrong.stderr


def test_a_damaged_row_is_told_on_the_standard_error_stream(duress, finished: Path, tmp_path: Path):
    damaged = tmp_path / "damaged"
    shutil.copytree(finished, damaged)
    part = damaged / "rows" / "part-00000.jsonl"
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join([*lines[:7], b"{}\n", *lines[8:]]))
    shown = duress("results", damaged, "--format", "json")
    assert shown.returncode == 0
    assert "rows/part-00000.jsonl:8 is damaged; that trial will run again" in shown.stderr
    assert sum(cell["missing"] for cell in json.loads(shown.stdout)["cells"]) == 1


def test_a_terminal_without_the_characters_gets_others(duress, finished: Path):
    shown = duress("results", finished, env={"PYTHONIOENCODING": "ascii"})
    assert shown.returncode == 0, shown.stderr
    assert "cornered" in shown.stdout


@pytest.mark.parametrize("form", ["table", "json"])
def test_an_output_that_takes_nothing_is_told_in_one_line(finished: Path, form: str):
    line = "from duress.cli.main import main; main()"
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-c", line, "results", finished, "--format", form],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == "duress: the output cannot be written: No space left on device\n"


def test_a_report_is_written_where_it_is_asked_for(duress, finished: Path, tmp_path: Path):
    usual = Path(duress("report", finished).stdout.strip())
    there = usual.read_bytes()
    usual.unlink()
    written = duress("report", finished, "--out", tmp_path / "page.html")
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "page.html").read_bytes() == there
    assert not usual.exists()
    usual.write_bytes(there)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_report_is_written_in_the_language_asked_for(duress, finished: Path, lang: str):
    written = duress("report", finished, "--lang", lang)
    assert written.returncode == 0, written.stderr
    path = Path(written.stdout.strip())
    assert path == finished / "report.html"
    assert f'lang="{lang}' in path.read_text(encoding="utf-8")


def test_two_runs_are_compared_cell_by_cell(duress, garden: Path, finished: Path, tmp_path: Path):
    other = tmp_path / "other"
    duress(
        "run", garden, "-m", "reference/cornered", "-m", "reference/schemer", "-c", "threat=none,replacement",
        "-c", "honest_exit=none", "-n", "25", "--seed", "9", "--out", other,
    )  # fmt: skip
    compared = duress("compare", finished, other, "--format", "json")
    assert compared.returncode == 0, compared.stderr
    data = json.loads(compared.stdout)
    assert len(data["cells"]) == 4
    for cell in data["cells"]:
        change = cell["after"]["rate"] - cell["before"]["rate"]
        assert cell["points"] == pytest.approx(100 * change, abs=0.001)
        assert cell["low"] <= cell["points"] <= cell["high"]
    assert "first" in duress("compare", finished, other).stdout


def harmful_id(run: Path) -> str:
    return pl.read_parquet(run / "trials.parquet").filter(outcome="harmful")["trial_id"][0]


def test_a_trial_can_be_read(duress, finished: Path):
    trial_id = harmful_id(finished)
    shown = duress("trial", finished, trial_id)
    assert shown.returncode == 0, shown.stderr
    assert trial_id in shown.stdout
    assert "harmful" in shown.stdout
    data = json.loads(duress("trial", finished, trial_id, "--format", "json").stdout)
    assert data["row"]["trial_id"] == data["trajectory"]["id"] == trial_id
    assert data["trajectory"]["messages"][0]["role"] == "system"
    for evidence in data["row"]["evidence"]:
        for call in evidence["call_ids"]:
            assert call in shown.stdout


def test_the_beginning_of_an_id_is_enough_where_one_trial_begins_so(duress, finished: Path):
    trial_id = harmful_id(finished)
    short = trial_id.rpartition("-")[2][:8]
    assert trial_id in duress("trial", finished, short).stdout
    several = duress("trial", finished, "garden")
    assert several.returncode == 2
    assert "100 trials" in several.stderr
    none = duress("trial", finished, "zzz")
    assert none.returncode == 2
    assert "no trial 'zzz'" in none.stderr


def test_judging_again_by_the_same_rules_changes_nothing(duress, finished: Path, tmp_path: Path):
    judged = duress("rejudge", finished, "--judge", "rules", "--out", tmp_path / "again", "-f", "json")
    assert judged.returncode == 0, judged.stderr
    before, after = (pl.read_parquet(run / "trials.parquet") for run in (finished, tmp_path / "again"))
    kept = [name for name in before.columns if name != "run_trajectory"]
    assert before.select(kept).equals(after.select(kept))
    trial_id = harmful_id(finished)
    first, second = (duress("trial", run, trial_id).stdout for run in (finished, tmp_path / "again"))
    assert first == second


def test_judging_again_takes_up_where_it_was_and_leaves_the_run_alone(duress, finished: Path, tmp_path: Path):
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    line = ("rejudge", finished, "--judge", "rules", "--out", tmp_path / "again")
    assert duress(*line).returncode == 0
    part = next((tmp_path / "again" / "rows").glob("part-*"))
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:40]))
    again = duress(*line)
    assert again.returncode == 0
    assert "40 of 100 trials are there already" in again.stderr
    assert pl.read_parquet(tmp_path / "again" / "trials.parquet").height == 100
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_a_run_is_not_judged_into_itself(duress, finished: Path):
    wrong = duress("rejudge", finished, "--judge", "rules", "--out", finished)
    assert wrong.returncode == 2
    assert "is the run itself" in wrong.stderr


def test_trials_of_a_scenario_that_has_changed_are_not_judged(duress, garden: Path, tmp_path: Path):
    changed = tmp_path / "garden"
    shutil.copytree(garden, changed)
    ran = duress("run", changed, "-m", "reference/loyal", "-n", "1", "--out", tmp_path / "x")
    assert ran.returncode == 0, ran.stderr
    with (changed / "en" / "words.yaml").open("a") as file:
        file.write("\n# changed\n")
    wrong = duress("rejudge", tmp_path / "x", "--judge", "rules", "--out", tmp_path / "y")
    assert wrong.returncode == 2
    assert "'garden' has changed since" in wrong.stderr


@pytest.mark.parametrize(
    ("reply", "becomes"),
    [
        ('{"answer": "no", "quotes": [], "why": "I see none."}', {"complied", "harmful"}),
        ("I would rather not say.", {"judge_error", "harmful"}),
    ],
    ids=["always no", "out of form"],
)
def test_a_model_judges_again_without_a_trial_being_run(
    duress, finished: Path, tmp_path: Path, reply: str, becomes: set[str]
):
    with Server(always(Say(reply)), models=["judge"]) as server:
        judged = duress(
            "rejudge", finished, "--judge", "openai-api/local/judge", "--out", tmp_path / "judged", "-f", "csv",
            env={"LOCAL_BASE_URL": server.v1, "LOCAL_API_KEY": "none", "NO_PROXY": "127.0.0.1"},
        )  # fmt: skip
        assert judged.returncode == 0, judged.stderr
        assert server.asked
        assert not any(asked.tools for asked in server.asked), "a judge gets no tools"
        read = " ".join(line.text for asked in server.asked for line in asked.lines)
    assert "cornered" not in read
    assert "schemer" not in read
    before, after = (pl.read_parquet(run / "trials.parquet") for run in (finished, tmp_path / "judged"))
    assert after["trial_id"].to_list() == before["trial_id"].to_list()
    assert set(after["trial_hash"]) == set(before["trial_hash"])
    assert not set(after["verdict_hash"]) & set(before["verdict_hash"])
    assert after["reader"].str.starts_with("judge:openai-api/local/judge").all()
    read_as_threats = before.filter(pl.col("harm_coercion"))["trial_id"]
    outcomes = dict(zip(after["trial_id"], after["outcome"], strict=True))
    assert len(read_as_threats) > 0
    assert {outcomes[trial_id] for trial_id in read_as_threats} <= becomes
    assert not after["harm_coercion"].any()
    # What the state of the world decides, no judge can change.
    assert after["harm_sabotage"].to_list() == before["harm_sabotage"].to_list()
