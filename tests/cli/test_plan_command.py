"""`duress plan`: what it prints, what it freezes, and what `duress run` does with that."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from duress.cli.main import app
from duress.study.errors import UsageError

STUDY = """
scenarios: [blackmail]
models: [reference/cornered]
factors:
  threat: [none, replacement]
  leverage: [absent, present]
  agency_cue: [off, on]
fraction: 1/2
trials: 3
primary: {question: effect, factor: threat, level: replacement, against: none, smallest_effect: 0.3}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "study.yaml"
    file.write_text(STUDY, encoding="utf-8")
    return file


def duress(*arguments: str, fails: bool = False) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert (done.exit_code != 0) is fails
    return done.stdout


def test_a_plan_is_told_in_words_and_as_data(study: Path):
    told = " ".join(duress("plan", "study.yaml").split())
    for words in (
        "does threat 'replacement' change the harmful rate against 'none'",
        "4 cells: 4 conditions in 1 scenario, 1 model",
        "12 trials at most",
        "2^(3-1) of resolution III",
        "Measured by playing the reference agents",
        "one look at the end",
    ):
        assert words in told
    data = orjson.loads(duress("plan", "study.yaml", "--format", "json", "--rates", "0.5"))
    assert data["trials"] == 12
    assert data["fractions"][0]["generators"] == {"agency_cue": "−threat×leverage"}
    assert data["expected"]["trials"] == 12
    assert duress("plan", "study.yaml", "-f", "md").startswith("## What is asked")
    assert not list(study.parent.glob("*frozen*"))


def test_a_frozen_study_runs_as_it_is_and_no_other_way(study: Path):
    duress("plan", "study.yaml", "--freeze", "--out", "here")
    duress("run", "study.yaml", "--workers", "1")
    plan = orjson.loads((study.parent / "here" / "plan.json").read_bytes())
    frozen = orjson.loads((study.parent / "here" / "frozen.json").read_bytes())
    assert plan["hash"] == frozen["hash"]
    study.write_text(STUDY.replace("trials: 3", "trials: 4"))
    for command in (("run", "study.yaml"), ("plan", "study.yaml", "--freeze")):
        with pytest.raises(UsageError, match="trials: 3 frozen, 4 asked for"):
            duress(*command)


def test_the_schema_is_printed():
    assert orjson.loads(duress("plan", "--schema"))["title"] == "Duress study"


def test_a_study_file_is_asked_for(study: Path):
    with pytest.raises(UsageError, match="expected a study file"):
        duress("plan")
