from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from run_directory import FACTORS, MODELS, Trial, lifelike, write_run

from duress.judge.outcome import Outcome
from duress.report import figures, table
from duress.report.results import Results, results


def printed(found: Results, width: int, **options: object) -> str:
    out = StringIO()
    Console(file=out, width=width, **options).print(table.table(found))  # type: ignore[arg-type]
    return out.getvalue()


@pytest.fixture(scope="module")
def found(run: Path) -> Results:
    return results(run)


@pytest.mark.parametrize("width", [80, 100, 140])
def test_every_rate_stands_whole_on_a_line_of_the_terminal(found: Results, width: int):
    text = printed(found, width)
    assert max(len(line) for line in text.splitlines()) <= width
    for cell in found.cells:
        rate = figures.rate(cell.harmful.rate, cell.harmful.low, cell.harmful.high)
        assert any(line.endswith(rate) for line in text.splitlines())
    for model in MODELS:
        assert model in text


@pytest.mark.parametrize("width", [80, 100])
def test_counts_of_all_eight_outcomes_stand_in_their_row(tmp_path: Path, width: int):
    order = list(table.ORDER)

    def choose(trial: Trial) -> Trial:
        # 1 harmful, 2 honest, 3 complied, ... 8 invalid.
        edges = [n for n, _ in enumerate(order) for _ in range(n + 1)]
        outcome = order[edges[trial.index]]
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, outcome)

    found = results(write_run(tmp_path, trials=36, outcomes=choose))
    row = next(line for line in printed(found, width).splitlines() if "cornered" in line)
    assert row.split()[1:10] == ["1", "2", "3", "4", "5", "6", "7", "8", "36"]


def test_no_harm_is_never_printed_without_its_upper_bound(tmp_path: Path):
    def calm(trial: Trial) -> Trial:
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, Outcome.COMPLIED)

    found = results(write_run(tmp_path, trials=100, outcomes=calm))
    assert "0.0 % [0.0, 3.7]" in printed(found, 80)
    assert "0.0 % [0.0, 3.7]" in table.text(found, "md")


def test_missing_trials_show_with_what_they_could_change(tmp_path: Path):
    def half(trial: Trial) -> Trial | None:
        if trial.index % 2:
            return None
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, Outcome.COMPLIED)

    text = printed(results(write_run(tmp_path, trials=10, outcomes=half)), 80)
    assert "5 missing" in text
    assert "from 0.0 to 50.0 %" in text


@pytest.mark.parametrize("outcome", [Outcome.INVALID, Outcome.TRUNCATED, Outcome.JUDGE_ERROR])
def test_trials_that_say_nothing_show_with_what_they_could_change(tmp_path: Path, outcome: Outcome):
    def all_alike(trial: Trial) -> Trial:
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, outcome)

    found = results(write_run(tmp_path, trials=2, outcomes=all_alike))
    assert "from 0.0 to 100.0 %" in printed(found, 80)
    assert "from 0.0 to 100.0 %" in table.text(found, "md")


@pytest.mark.parametrize("unfinished", [0.0, 0.3])
@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_every_interval_is_printed_whole_in_narrow_terminals(tmp_path: Path, width: int, unfinished: float):
    found = results(
        write_run(tmp_path, models=MODELS, factors=FACTORS, trials=40, outcomes=lifelike(3, unfinished))
    )
    text = printed(found, width)
    assert max(len(line) for line in text.splitlines()) <= width
    for cell in found.cells:
        rate = figures.rate(cell.harmful.rate, cell.harmful.low, cell.harmful.high)
        assert any(line.endswith(rate) for line in text.splitlines())
    for effect in found.effects:
        assert f"[{figures.signed(effect.low)}, {figures.signed(effect.high)}]" in text


def test_outcomes_that_nothing_ended_in_give_way_first(tmp_path: Path):
    def calm(trial: Trial) -> Trial:
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, Outcome.COMPLIED)

    text = printed(results(write_run(tmp_path, trials=100, outcomes=calm)), 50)
    (row,) = (line for line in text.splitlines() if "0.0 % [0.0, 3.7]" in line)
    assert row.split()[-6:-1] == ["100", "100", "0.0", "%", "[0.0,"]


@pytest.mark.parametrize("width", [100, 60, 40])
def test_a_comparison_has_whole_intervals_in_narrow_terminals(found: Results, width: int):
    from duress.report.comparison import compare

    change = compare(found, found)
    out = StringIO()
    Console(file=out, width=width).print(table.comparison(change, ("one", "other")))
    for one in change.changes:
        low, high = figures.number(100 * one.after.harmful.low), figures.number(100 * one.after.harmful.high)
        assert f"[{low}, {high}]" in out.getvalue()
        low, high = figures.signed(100 * one.difference.low), figures.signed(100 * one.difference.high)
        assert f"[{low}, {high}]" in out.getvalue()


def test_colours_are_used_on_a_terminal_and_not_with_no_color(
    found: Results, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1;31m" in printed(found, 80, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in printed(found, 80, force_terminal=True)


def test_effects_are_printed_with_sign_and_interval(found: Results):
    text = printed(found, 80)
    for effect in found.effects:
        low, high = figures.signed(effect.low), figures.signed(effect.high)
        assert f"[{low}, {high}]" in text


def test_csv_has_one_line_per_cell_with_all_counts(found: Results):
    rows = list(csv.DictReader(StringIO(table.text(found, "csv"))))
    assert len(rows) == len(found.cells)
    for row, cell in zip(rows, found.cells, strict=True):
        assert row["model"] == cell.model
        assert row["threat"] == cell.levels["threat"]
        assert float(row["harmful_rate"]) == cell.harmful.rate
        assert [int(row[outcome.value]) for outcome in Outcome] == [
            cell.outcomes[outcome] for outcome in Outcome
        ]


def test_json_is_the_results_file(found: Results):
    assert Results.model_validate(orjson.loads(table.text(found, "json"))) == found


def test_markdown_rows_have_as_many_columns_as_their_head(found: Results):
    widths: set[tuple[int, int]] = set()
    head = 0
    for line in table.text(found, "md").splitlines():
        if line.startswith("| "):
            head = head or line.count("|")
            widths.add((head, line.count("|")))
        else:
            head = head if line.startswith("|") else 0
    assert all(first == other for first, other in widths)


def test_long_names_get_a_line_of_their_own(tmp_path: Path):
    model = "openai-api/some-gateway/a-model-with-quite-a-long-name-2026-02-17-preview"
    found = results(write_run(tmp_path, models=(model, "short"), factors=FACTORS, outcomes=lifelike()))
    text = printed(found, 80)
    assert model in text
    assert max(len(line) for line in text.splitlines()) <= 80


@given(st.floats(-100, 100))
def test_a_figure_never_shows_a_negative_zero(value: float):
    assert figures.number(value) != "−0.0"
    assert figures.signed(value) not in ("−0.0", "+0.0")
