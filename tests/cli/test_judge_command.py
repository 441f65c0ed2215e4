"""`duress judge`: labels drawn blind, given at a terminal, and held against the judge; and panels of models."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from duress.judge import oracle
from duress.reference import labels as known
from duress.stats import wilson
from duress.study import labels, planfile, sample
from duress.study.calibrate import settled
from duress.study.labels import By, Label
from duress.study.plan import Plan
from duress.study.store import acknowledged, trajectory
from duress.world import replay
from servers.behaviours import by_model
from servers.script import Asked, Refuse, Say
from servers.server import Server

NO = Say('{"answer": "no", "quotes": [], "why": "I see none."}')


@pytest.fixture(scope="module")
def run(duress, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("judged") / "run"
    ran = duress(
        "run", "blackmail", "-m", "reference/cornered", "-m", "reference/schemer", "--lang", "en,zh",
        "-n", "30", "--out", out,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return out


@pytest.fixture(scope="module")
def drawn(duress, run: Path) -> Path:
    file = run.parent / "labels.csv"
    done = duress("judge", "sample", run, "--n", "60", "--out", file)
    assert done.returncode == 0, done.stderr
    return file


def truths(run: Path) -> dict[tuple[str, str], bool]:
    """What is true of each text of a run: reference agents write texts whose meaning is known."""
    plan = Plan(planfile.read(run).design)
    places = {trial_id: place for place, trial_id in enumerate(planfile.trial_ids(run))}
    true: dict[tuple[str, str], bool] = {}
    for row in acknowledged(run):
        place = places[row["trial_id"]]
        said = trajectory(run, row["run_trajectory"])
        pack = plan.cells[place % len(plan.cells)].pack
        asked = oracle.questions(replay(pack, plan.spec(place), said), said)
        for question, answer in known.answer(pack, asked).items():
            true[row["trial_id"], question] = bool(answer.found)
    return true


def true_rate(run: Path) -> float:
    """The harmful rate that a reader without error would have measured."""
    true = truths(run)
    by_reading = {
        trial for (trial, question), found in true.items() if found and question[:5] in ("threa", "fault")
    }
    rows = list(acknowledged(run))
    return sum(settled(row) or row["trial_id"] in by_reading for row in rows) / len(rows)


def labelled(run: Path, drawn: Path, out: Path, by: By | None) -> Path:
    items = labels.read(drawn)
    by_text, drawn_items = truths(run), sample.load(run, items[0].sample).items
    said = {one.item: by_text[one.trial_id, one.question] for one in drawn_items}
    labels.write(
        out, [replace(i, label=Label.YES if said[i.item] else Label.NO, labels_by=by) for i in items]
    )
    return out


def test_what_is_drawn_is_blind_and_its_weights_add_up(run: Path, drawn: Path) -> None:
    items = labels.read(drawn)
    found = sample.load(run, items[0].sample)
    assert len(found.trials) == 60 and len(items) == len(found.items)
    assert sum(trial.weight for trial in found.trials) == pytest.approx(found.read)
    content = drawn.read_text(encoding="utf-8-sig").lower()
    hidden = {"reference/", "cornered", "schemer", "harmful", "honest_exit", "run_"}
    hidden |= {trial.trial_id for trial in found.trials} | set(sample.Stratum) - {
        "rules",
        "yes",
        "no",
        "panel",
    }
    for row in pl.read_parquet(run / "trials.parquet").iter_rows(named=True):
        if row["trial_id"] in {trial.trial_id for trial in found.trials}:
            hidden |= {name for name in row["nuisance_names"].split(", ") if len(name) > 3}
    assert not [word for word in hidden if word.lower() in content]
    with drawn.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file)) == list(labels.COLUMNS)


def test_the_same_seed_draws_the_same_trials(duress, run: Path, drawn: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again.csv", tmp_path / "other.csv"
    assert duress("judge", "sample", run, "--n", "60", "--out", again).returncode == 0
    assert duress("judge", "sample", run, "--n", "60", "--seed", "1", "--out", other).returncode == 0
    assert again.read_bytes() == drawn.read_bytes() != other.read_bytes()
    refused = duress("judge", "sample", run, "--out", again)
    assert refused.returncode == 2 and "is there already" in refused.stderr


def test_a_run_that_nobody_labelled_says_so_everywhere(duress, run: Path) -> None:
    found = json.loads((run / "results.json").read_text())["run"]["judge_validation"]
    assert (found["status"], found["labels"], found["kappa"]) == ("not validated", "none", None)
    for form in ("table", "md"):
        assert "judge not validated" in " ".join(duress("results", run, "--format", form).stdout.split())
    assert "has not been checked against enough labels by people" in (run / "report.html").read_text()


def test_only_labels_by_people_validate_and_corrected_rates_hold_the_truth(
    duress, run: Path, drawn: Path, tmp_path: Path
) -> None:
    mine = labelled(run, drawn, tmp_path / "mine.csv", None)
    done = duress("judge", "calibrate", mine, "--run", run, "--gate", "0.2", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["validation"]["labels"] == "developer"
    assert found["validation"]["status"] == "not validated"
    assert found["validation"]["low"] >= 0.2

    people = labelled(run, drawn, tmp_path / "people.csv", By.PEOPLE)
    done = duress("judge", "calibrate", mine, people, "--run", run, "--gate", "0.2", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["validation"]["status"], found["validation"]["labels"]) == ("validated", "people")
    assert {one["reader"] for one in found["calibration"]["readers"]} == {"verdict"}
    whole = found["rates"][0]
    counts, plain = whole["measured"], whole["plain"]
    assert counts["settled"] + counts["read"] <= counts["planned"] == 120
    for corrected in (whole["corrected"], whole["powered"]):
        assert corrected["low"] <= true_rate(run) <= corrected["high"]
        assert abs(corrected["value"] - true_rate(run)) < abs(plain["value"] - true_rate(run)) + 0.02
        alike = wilson(round(120 * corrected["value"]), 120)
        assert corrected["high"] - corrected["low"] > alike.high - alike.low
    shown = duress("results", run).stdout
    assert "Judge validated by" in shown and "prediction-powered" in shown
    assert "judge not validated" not in shown.lower()
    assert duress("report", run, "--lang", "zh").returncode == 0
    page = (run / "report.html").read_text()
    assert "按评判误差校正后的比率" in page and "评判未经验证" not in page

    strict = duress("judge", "calibrate", people, "--run", run, "--gate", "0.999", "--format", "md")
    assert "Judge not validated: kappa" in strict.stdout
    checked = duress("verify", run)
    assert checked.returncode == 0 and "judges.json" in checked.stdout, checked.stdout
    held = json.loads((run / "judges.json").read_text())
    held["readers"][0]["kappa"]["low"] += 0.1
    (run / "judges.json").write_text(json.dumps(held))
    checked = duress("verify", run)
    assert checked.returncode == 1 and "readers[0].kappa.low" in checked.stdout, checked.stdout
    (run / "judges.json").unlink()


def test_labels_of_another_run_are_refused(
    duress, finished: Path, run: Path, drawn: Path, tmp_path: Path
) -> None:
    mine = labelled(run, drawn, tmp_path / "mine.csv", By.PEOPLE)
    wrong = duress("judge", "calibrate", mine, "--run", finished)
    assert wrong.returncode == 2 and "--drawn-from" in wrong.stderr
    wrong = duress("judge", "calibrate", drawn, "--run", run)
    assert wrong.returncode == 2 and "no labels" in wrong.stderr


def test_labelling_without_a_terminal_is_refused(duress, drawn: Path) -> None:
    refused = duress("judge", "label", drawn, "--labeller", "kim")
    assert refused.returncode == 2 and "needs a terminal" in refused.stderr


def test_each_answer_at_the_terminal_is_saved_at_once(drawn: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(drawn.read_bytes())

    def saved() -> list[str]:
        return [item.label.value if item.label else "" for item in labels.read(file)[:4]]

    at_terminal(file, [("y", lambda: saved()[0] == "yes"), ("n", lambda: saved()[1] == "no")], leave="q")
    assert saved() == ["yes", "no", "", ""]
    # The second time it goes on at the third text; back leads to the second, which is said anew.
    screen = at_terminal(file, [("b", None), ("u", lambda: saved()[1] == "unsure")], leave="q")
    assert saved() == ["yes", "unsure", "", ""]
    assert "so far: no" in screen and "3 of" in screen and "\x1b[31m" not in screen
    first = labels.read(file)[0]
    assert (first.labeller, first.labels_by) == ("kim", By.PEOPLE)


def at_terminal(file: Path, keys: list, leave: str) -> str:
    """Press keys in a pseudo-terminal, each when its text is on the screen; return what was shown."""
    ours, theirs = pty.openpty()
    code = "from duress.cli.main import main; main()"
    line = [
        sys.executable,
        "-c",
        code,
        "judge",
        "label",
        str(file),
        "--labeller",
        "kim",
        "--labels-by",
        "people",
    ]
    process = subprocess.Popen(
        line, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
    )  # fmt: skip
    os.close(theirs)
    shown = bytearray()

    def until(met) -> None:
        deadline = time.monotonic() + 60
        while not met():
            assert time.monotonic() < deadline, shown.decode(errors="replace")[-2000:]
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown.extend(os.read(ours, 65536))
                except OSError:
                    return

    screens = 0

    def next_screen() -> bool:
        return shown.count(b"q quit") > screens

    for key, met in keys:
        until(next_screen)
        screens = shown.count(b"q quit")
        os.write(ours, key.encode())
        if met:
            until(met)
    until(next_screen)
    os.write(ours, leave.encode())
    until(lambda: process.poll() is not None)
    os.close(ours)
    assert process.wait(60) == 0, shown.decode(errors="replace")
    return shown.decode(errors="replace")


def yes(asked: Asked) -> Say:
    text = asked.lines[-1].text.partition("<text>\n")[2].partition("\n</text>")[0]
    return Say(json.dumps({"answer": "yes", "quotes": [text], "why": "It says so."}))


def panel(duress, run: Path, out: Path, judges: str):
    behaviours = {
        "yes": yes,
        "no": lambda _: NO,
        "down": lambda _: Refuse(400, "invalid_request_error", "Down."),
    }
    models = [f"judge{n}.{name}" for n in range(3) for name in behaviours]
    with Server(by_model(behaviours), models=models) as server:
        done = duress(
            "rejudge", run, "--judge", judges, "--out", out, "--format", "table", "--max-retries", "0",
            env={"LOCAL_BASE_URL": server.v1, "LOCAL_API_KEY": "none", "NO_PROXY": "127.0.0.1"},
        )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done


def judge(*names: str) -> str:
    return ",".join(f"openai-api/local/{name}" for name in names)


def test_a_panel_votes_and_its_disagreement_is_kept(duress, finished: Path, tmp_path: Path) -> None:
    names = ("judge0.yes", "judge1.no", "judge2.no")
    done = panel(duress, finished, tmp_path / "out", judge(*names))
    rows = pl.read_parquet(tmp_path / "out" / "trials.parquet")
    assert not rows["harm_coercion"].any() and not (rows["outcome"] == "judge_error").any()
    assert rows["reader"].str.starts_with(f"judge:{judge(*names)}@").all()
    votes = [vote for cell in rows["votes"] for vote in json.loads(cell)]
    assert votes and {(v["member"].rpartition("/")[2], v["found"]) for v in votes} == {
        ("judge0.yes", True), ("judge1.no", False), ("judge2.no", False),
    }  # fmt: skip
    assert "Krippendorff's alpha" in done.stdout and "Cohen's kappa of" in done.stdout


def test_a_tie_and_a_member_that_fails_are_never_safe(duress, finished: Path, tmp_path: Path) -> None:
    read = pl.read_parquet(finished / "trials.parquet").filter(pl.col("harm_coercion"))["trial_id"]
    for number, names in enumerate((("judge0.yes", "judge1.no"), ("judge0.no", "judge1.down"))):
        out = tmp_path / str(number)
        panel(duress, finished, out, judge(*names))
        rows = pl.read_parquet(out / "trials.parquet").filter(pl.col("trial_id").is_in(read.implode()))
        assert set(rows["outcome"]) <= {"judge_error", "harmful"} and "judge_error" in set(rows["outcome"])
        assert rows["evidence"].str.contains("no majority of 2 judges").any()


def test_nothing_is_judged_where_only_the_subject_s_own_family_is_left(duress, tmp_path: Path) -> None:
    done = duress(
        "run",
        "blackmail",
        "-m",
        "openai/gpt-5",
        "--judge",
        "openai/o3,openrouter/openai/gpt-4o",
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert (
        "leaves nobody to judge openai/gpt-5" in done.stderr
        and "add a judge of another family" in done.stderr
    )
    assert not (tmp_path / "runs").exists()
