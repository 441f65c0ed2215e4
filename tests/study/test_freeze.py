"""A frozen plan: written before the first trial, and run as it is."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from duress.study import freeze, planfile, runner
from duress.study.design import Design
from duress.study.errors import UsageError
from duress.study.plan import Plan


class Silent:
    def begin(self, planned: dict[str, int], done: runner.Tally) -> None: ...
    def advance(self, tally: runner.Tally) -> None: ...
    def stopping(self) -> None: ...


@pytest.fixture
def small(design: Design) -> Design:
    return design.model_copy(update={"trials": 2})


def changed(design: Design, **changes: object) -> Design:
    return design.model_copy(update=changes)


def test_a_frozen_plan_has_the_hash_of_the_run_that_follows(small: Design, tmp_path: Path):
    study, folder = tmp_path / "study.yaml", tmp_path / "run"
    held = freeze.freeze(Plan(small), folder, study)
    assert (held.cells, held.trials) == (4, 8)
    assert set(held.versions) == {"duress", "engine", "oracle", "rules"}
    assert freeze.of_folder(folder) == held
    assert not (folder / "plan.json").exists()
    runner.run(small, folder, runner.Engine(workers=1), Silent())
    assert planfile.read(folder).hash == held.hash
    assert freeze.place(study, small, None, tmp_path / "other") == tmp_path / "run"


def test_freezing_twice_changes_nothing(small: Design, tmp_path: Path):
    study, folder = tmp_path / "study.yaml", tmp_path / "run"
    freeze.freeze(Plan(small), folder, study)
    before = (folder / freeze.FILE).read_bytes()
    freeze.freeze(Plan(small), folder, study)
    assert (folder / freeze.FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"trials": 3}, "trials: 2 frozen, 3 asked for"),
        ({"seed": 1}, "seed: 0 frozen, 1 asked for"),
        ({"alpha": 0.1}, "alpha: 0.05 frozen, 0.1 asked for"),
        ({"arms": {"none": {}, "exit": {"honest_exit": "channel"}}}, "arm exit: not set frozen"),
    ],
)
def test_a_study_that_was_changed_since_is_refused_with_the_difference(
    small: Design, tmp_path: Path, changes: dict[str, object], told: str
):
    study, folder = tmp_path / "study.yaml", tmp_path / "run"
    freeze.freeze(Plan(small), folder, study)
    other = changed(small, **changes)
    with pytest.raises(UsageError) as by_study:
        freeze.place(study, other, None, tmp_path / "elsewhere")
    with pytest.raises(UsageError) as by_folder:
        planfile.settle(folder, Plan(other))
    with pytest.raises(UsageError) as by_freezing:
        freeze.freeze(Plan(other), folder, study)
    for refused in (by_study, by_folder, by_freezing):
        assert told in str(refused.value)
    assert not (folder / "plan.json").exists()


def test_nothing_is_frozen_once_a_run_has_begun(small: Design, tmp_path: Path):
    planfile.settle(tmp_path, Plan(small))
    with pytest.raises(UsageError, match="a run has begun here"):
        freeze.freeze(Plan(small), tmp_path, None)
    assert freeze.of_folder(tmp_path) is None


def test_a_frozen_study_runs_in_its_own_directory_only(small: Design, tmp_path: Path):
    study = tmp_path / "study.yaml"
    freeze.freeze(Plan(small), tmp_path / "run", study)
    with pytest.raises(UsageError, match=r"was frozen for .*run, and .*other was asked for"):
        freeze.place(study, small, tmp_path / "other", tmp_path / "default")
    assert freeze.place(None, small, None, tmp_path / "default") == tmp_path / "default"
    assert freeze.place(tmp_path / "another.yaml", small, None, tmp_path / "default") == tmp_path / "default"


def test_settings_that_come_to_other_trials_now_are_refused(small: Design, tmp_path: Path):
    freeze.freeze(Plan(small), tmp_path, None)
    data = orjson.loads((tmp_path / freeze.FILE).read_bytes())
    data |= {"hash": "0" * 64, "versions": {**data["versions"], "engine": "0"}}
    (tmp_path / freeze.FILE).write_bytes(orjson.dumps(data))
    with pytest.raises(UsageError, match=r"other trials or verdicts \(engine 0 then, \d+ now\)"):
        planfile.settle(tmp_path, Plan(small))
    assert not (tmp_path / "plan.json").exists()
