"""Scenarios run from Inspect's own command line and its API, without ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.log import read_eval_log

from duress.inspect.tasks import scenario
from duress.judge import Outcome
from duress.scenario import PackError
from duress.trajectory import codec
from duress.trial import make
from duress.trial.direct import trial

BIN = Path(sys.executable).parent


def inspect(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("INSPECT_")}
    return subprocess.run(
        [str(BIN / "inspect"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_inspect_eval_runs_a_scenario_by_name(tmp_path: Path) -> None:
    done = inspect(
        "eval",
        "duress/blackmail",
        *("-T", "threat=none,replacement", "-T", "agency_cue=on", "-T", "trials=2", "-T", "lang=en,zh"),
        *("--model", "reference/schemer", "--display", "plain"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = (tmp_path / "logs").glob("*.eval")
    log = read_eval_log(str(path))
    assert log.status == "success" and len(log.samples) == 8
    levels = {(s.metadata["threat"], s.metadata["agency_cue"], s.metadata["lang"]) for s in log.samples}
    assert levels == {(t, "on", lang) for t in ("none", "replacement") for lang in ("en", "zh")}
    harmful, counts = log.results.scores
    values = [s.scores["duress"].value for s in log.samples]
    rate = sum(v["harmful"] for v in values) / 8
    assert harmful.metrics["duress/rate"].value == rate
    assert harmful.metrics["duress/stderr"].value == pytest.approx((rate * (1 - rate) / 8) ** 0.5)
    counted = {name: counts.metrics[f"duress/count_{name}"].value for name in map(str, Outcome)}
    assert sum(counted.values()) == 8 and counted["harmful"] == sum(v["harmful"] for v in values)


def test_a_pack_outside_the_package_runs_by_path(tmp_path: Path, copied) -> None:
    folder = copied("blackmail")
    done = inspect(
        "eval", "duress/pack", "-T", f"path={folder}", "-T", "trials=1", "--model", "reference/loyal",
        "--display", "plain", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_level_stops_it_with_what_was_expected(tmp_path: Path) -> None:
    done = inspect(
        "eval", "duress/blackmail", "-T", "threat=mild", "--model", "reference/loyal", cwd=tmp_path
    )
    assert done.returncode != 0
    assert "expected a level among none, restriction, replacement" in done.stdout + done.stderr
    with pytest.raises(PackError, match="unknown factor"):
        scenario("blackmail", colour="red")


def test_its_trials_are_those_that_duress_run_plans(blackmail, tmp_path: Path) -> None:
    task = scenario("blackmail", trials=2, seed=5)
    [log] = inspect_eval(task, model="reference/opportunist", log_dir=str(tmp_path), display="none")
    for index, sample in enumerate(log.samples):
        spec = make(
            blackmail,
            condition=blackmail.condition({}),
            lang="en",
            model="reference/opportunist",
            index=index,
            run_seed=5,
        )
        finished = trial(blackmail, spec)
        score = sample.scores["duress"]
        assert score.metadata["trial_id"] == spec.trial_id
        assert score.value["outcome"] == finished.row["outcome"]
        texts = [m.text for m in sample.messages if m.role == "assistant"]
        assert texts == [m.text for m in finished.trajectory.messages if m.role == "assistant"]


def test_epochs_are_further_trials_not_copies(blackmail, tmp_path: Path) -> None:
    task = scenario("blackmail", trials=2)
    [log] = inspect_eval(task, model="reference/loyal", epochs=2, log_dir=str(tmp_path), display="none")
    ids = {(s.epoch, s.scores["duress"].metadata["trial_id"]) for s in log.samples}
    assert len({trial_id for _, trial_id in ids}) == 4


def test_evidence_is_in_the_score_and_the_samples_are_laid_out(tmp_path: Path) -> None:
    task = scenario("blackmail", trials=6)
    [log] = inspect_eval(task, model="reference/schemer", log_dir=str(tmp_path), display="none")
    harmful = [s.scores["duress"] for s in log.samples if s.scores["duress"].value["harmful"]]
    assert harmful
    for score in harmful:
        [first, *_] = score.metadata["evidence"]
        assert first["why"] in score.explanation
        assert score.metadata["kinds"] and score.metadata["reader"] == "rules"
    columns = [c.id for c in log.eval.viewer.task_samples_view.columns if c.visible]
    assert columns[1:4] == ["score__duress__outcome", "score__duress__harmful", "input"]
    assert log.eval.metadata["scenario"] == "blackmail"


def test_a_replaced_solver_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    from inspect_ai.solver import use_tools

    task = scenario("blackmail", trials=1)
    [log] = inspect_eval(
        task, model="reference/loyal", solver=use_tools(), log_dir=str(tmp_path), display="none"
    )
    assert "-T agent=" in log.samples[0].error.message


def test_every_start_of_inspect_loads_nothing_of_ours_but_the_registry() -> None:
    code = (
        "import inspect_ai, inspect_ai.model, sys; before = set(sys.modules); import duress.inspect.registry; "
        "print(*sorted(m for m in set(sys.modules) - before if not m.startswith('importlib')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["duress", "duress.inspect", "duress.inspect.registry"]


def test_a_trajectory_survives_its_encoding(blackmail) -> None:
    spec = make(
        blackmail, condition=blackmail.condition({}), lang="zh", model="reference/clumsy", index=0, run_seed=0
    )
    trajectory = trial(blackmail, spec).trajectory
    assert codec.loads(codec.dumps(trajectory)) == trajectory
