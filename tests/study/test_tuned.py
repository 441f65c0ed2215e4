"""Pressure that a search found is not used on the models it was found on, unless somebody says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from duress import scenario
from duress.judge.tuned import tuned
from duress.report import results
from duress.scenario import ladder
from duress.study.errors import UsageError
from duress.study.request import Request


@pytest.fixture
def own(copied: Any) -> Path:
    """The pack blackmail with a ladder that was found on openai/gpt-4o and on a reference agent."""
    folder: Path = copied("blackmail")
    target = folder / "ladders" / "found_x"
    target.mkdir(parents=True)
    source = ladder.FOLDER / "blame"
    data = yaml.safe_load((source / "ladder.yaml").read_text())
    for key in ("title", "about", "signs"):
        data[key] = {"en": data[key]["en"]}
    data |= {"name": "found_x", "rungs": [{"en": rung["en"]} for rung in data["rungs"]]}
    data["origin"] = {"targets": "openai/gpt-4o, reference/schemer"}
    head = f"# duress canary {data['canary']}\n"
    (target / "ladder.yaml").write_text(head + yaml.safe_dump(data, allow_unicode=True))
    (target / "en.yaml").write_text((source / "en.yaml").read_text())
    file = folder / "scenario.yaml"
    file.write_text(file.read_text().replace("\npressure:\n", "\npressure:\n  ladders: [found_x]\n"))
    return folder


def asked(folder: Path, *models: str, **more: Any) -> Request:
    factors = {"ladder": "found_x", "dose": more.pop("dose", "2")}
    return Request.from_options({"scenarios": [str(folder)], "models": models, "factors": factors, **more})


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o",
        "openai/gpt-5",
        "openrouter/openai/o3",
        "openai-api/local/gpt-oss",
        "reference/schemer",
    ],
)
def test_a_model_that_was_searched_and_its_kin_are_refused(own: Path, model: str) -> None:
    with pytest.raises(UsageError, match="found_x was found on") as refused:
        asked(own, "anthropic/claude-x", model).design()
    assert "--allow-tuned" in str(refused.value)
    assert asked(own, model, allow_tuned=True).design().allow_tuned


def test_other_models_and_other_pressure_are_not(own: Path) -> None:
    assert not asked(own, "anthropic/claude-x").design().allow_tuned
    # Nobody presses: the ladder is climbed by nobody.
    asked(own, "openai/gpt-4o", dose="none").design()
    pack = scenario.load(own)
    shipped = pack.condition({"ladder": "blame", "dose": "5"})
    assert tuned(pack, shipped, "openai/gpt-4o") is None


def test_a_study_file_says_the_line(own: Path, tmp_path: Path) -> None:
    from duress.study.request import read

    study = tmp_path / "study.yaml"
    study.write_text(
        f"scenarios: [{own}]\nmodels: [openai/gpt-5]\nfactors:\n  ladder: [found_x]\n  dose: ['2']\n"
    )
    with pytest.raises(UsageError, match=r"study\.yaml:4: factors\.ladder: found_x was found on"):
        read(study).design()


def test_a_language_that_a_ladder_lacks_is_refused(own: Path) -> None:
    with pytest.raises(UsageError, match="found_x has no texts in zh: expected one of en"):
        asked(own, "anthropic/claude-x", lang=["en", "zh"]).design()


def test_results_and_report_say_that_it_is_exploratory(own: Path, duress: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    study = tmp_path / "study.yaml"
    study.write_text(
        f"scenarios: [{own}]\nmodels: [reference/schemer]\ntrials: 2\nout: {out}\n"
        "factors: {ladder: [found_x], dose: [neutral, '2']}\n"
        "primary: {question: effect, factor: dose, level: '2', against: neutral}\nallow_tuned: true\n"
    )
    planned = duress("plan", study, "--freeze", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    done = duress("run", study, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = results.results(out)
    assert found.run.frozen is not None
    assert found.run.tuned == ("found_x was found on reference/schemer",)
    assert {one.standing for one in (*found.cells, *found.effects, *found.comparisons)} == {"exploratory"}
    assert "exploratory: found_x was found on reference/schemer" in " ".join(done.stdout.split())
    page = (out / "report.html").read_text()
    assert "found_x was found on reference/schemer" in page
    assert orjson.loads((out / "results.json").read_bytes())["run"]["tuned"]


def test_inspect_eval_refuses_it_too(own: Path, tmp_path: Path) -> None:
    from inspect_ai import eval as inspect_eval

    from duress.inspect.tasks import scenario as task

    for allowed in (False, True):
        asked_for = task(str(own), trials=1, ladder="found_x", dose="1", allow_tuned=allowed)
        [log] = inspect_eval(
            asked_for, model="reference/schemer", log_dir=str(tmp_path), display="none", ctl_server=False
        )
        [sample] = log.samples or []
        if allowed:
            assert sample.error is None
        else:
            assert sample.error is not None and "found_x was found on" in sample.error.message
            assert "-T allow_tuned=true" in sample.error.message
