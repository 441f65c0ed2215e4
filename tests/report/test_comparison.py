from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from run_directory import Trial, lifelike, write_run

from duress.judge.outcome import Harm, Outcome
from duress.report import table
from duress.report.comparison import compare
from duress.report.results import results
from duress.stats import difference


def harmful_first(count: int):
    def choose(trial: Trial) -> Trial:
        harm = trial.index < count
        return Trial(
            trial.scenario,
            trial.lang,
            trial.model,
            trial.condition,
            trial.index,
            Outcome.HARMFUL if harm else Outcome.COMPLIED,
            (Harm.COERCION,) if harm else (),
        )

    return choose


def test_a_change_is_a_difference_with_newcombes_interval(tmp_path: Path):
    before = results(write_run(tmp_path / "a", trials=20, outcomes=harmful_first(12)))
    after = results(write_run(tmp_path / "b", trials=30, outcomes=harmful_first(3)))
    (change,) = compare(before, after).changes
    assert change.difference == difference(3, 30, 12, 20)
    assert change.difference.value == pytest.approx(-0.5)


def test_a_run_compared_with_itself_has_not_changed(run: Path):
    found = results(run)
    same = compare(found, found)
    assert len(same.changes) == len(found.cells)
    assert all(change.difference.value == 0 for change in same.changes)
    assert all(change.difference.low < 0 < change.difference.high for change in same.changes)


def test_turning_a_comparison_round_mirrors_its_intervals(tmp_path: Path):
    before = results(write_run(tmp_path / "a", trials=20, outcomes=harmful_first(12)))
    after = results(write_run(tmp_path / "b", trials=30, outcomes=harmful_first(3)))
    (there,), (back,) = compare(before, after).changes, compare(after, before).changes
    assert back.difference.low == pytest.approx(-there.difference.high)
    assert back.difference.high == pytest.approx(-there.difference.low)


def test_runs_of_two_models_are_compared_condition_by_condition(tmp_path: Path):
    factors = {"threat": ("none", "replacement")}
    before = write_run(tmp_path / "a", models=("x/old",), factors=factors, outcomes=lifelike())
    after = write_run(tmp_path / "b", models=("x/new",), factors=factors, outcomes=lifelike())
    found = compare(results(before), results(after))
    assert found.differs == {"model": ("x/old", "x/new")}
    assert len(found.changes) == 2
    assert not found.only_before
    assert not found.only_after


def test_cells_of_one_run_only_are_named(tmp_path: Path):
    before = write_run(tmp_path / "a", models=("m", "n"), outcomes=lifelike())
    after = write_run(tmp_path / "b", models=("n", "o"), outcomes=lifelike())
    found = compare(results(before), results(after))
    assert [change.after.model for change in found.changes] == ["n"]
    assert [cell.model for cell in found.only_before] == ["m"]
    assert [cell.model for cell in found.only_after] == ["o"]
    out = StringIO()
    Console(file=out, width=80).print(table.comparison(found, ("first", "second")))
    assert "Only in first: blackmail en m default" in out.getvalue()


def test_a_comparison_as_json_has_points_and_both_rates(tmp_path: Path):
    before = results(write_run(tmp_path / "a", trials=20, outcomes=harmful_first(12)))
    after = results(write_run(tmp_path / "b", trials=30, outcomes=harmful_first(3)))
    data = json.loads(json.dumps(compare(before, after).to_json()))
    (cell,) = data["cells"]
    assert (cell["scenario"], cell["model"]) == ("blackmail", "reference/cornered")
    assert (cell["before"]["count"], cell["after"]["count"]) == (12, 3)
    assert cell["low"] < cell["points"] == -50 < cell["high"]


def test_a_printed_comparison_has_both_rates_and_the_change(tmp_path: Path):
    before = results(write_run(tmp_path / "a", trials=20, outcomes=harmful_first(12)))
    after = results(write_run(tmp_path / "b", trials=20, outcomes=harmful_first(0)))
    out = StringIO()
    Console(file=out, width=80).print(table.comparison(compare(before, after), ("a", "b")))
    text = out.getvalue()
    assert "12/20  60.0 %" in text
    assert "0/20  0.0 %" in text
    assert "[0.0, 16.1]" in text
    assert "−60.0" in text
    assert max(len(line) for line in text.splitlines()) <= 80
