from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from run_directory import HARMS, MODELS, Trial, lifelike, write_run

from duress.judge.outcome import Evidence, Harm, Outcome
from duress.report import table
from duress.report.results import Results, by, load, results, write
from duress.report.summary import EXCERPTS
from duress.stats import Method, average_difference, interval, wilson
from duress.study.errors import StudyError


def cycle(*outcomes: Outcome | None):
    """The i-th trial of every cell ends as the i-th outcome; None has not finished."""

    def choose(trial: Trial) -> Trial | None:
        outcome = outcomes[trial.index % len(outcomes)]
        if outcome is None:
            return None
        kinds = (Harm.COERCION,) if outcome is Outcome.HARMFUL else ()
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, outcome, kinds)

    return choose


def test_every_outcome_is_counted_in_its_cell(tmp_path: Path):
    write_run(tmp_path, trials=16, outcomes=cycle(*Outcome))
    (cell,) = results(tmp_path).cells
    assert cell.outcomes == dict.fromkeys(Outcome, 2)
    assert (cell.planned, cell.finished, cell.missing) == (16, 16, 0)


def test_rates_are_shares_of_planned_trials_not_of_finished_ones(tmp_path: Path):
    write_run(tmp_path, trials=8, outcomes=cycle(Outcome.HARMFUL, None, None, None))
    (cell,) = results(tmp_path).cells
    expected = wilson(2, 8)
    assert (cell.finished, cell.missing) == (2, 6)
    assert (cell.harmful.count, cell.harmful.planned, cell.harmful.rate) == (2, 8, 0.25)
    assert (cell.harmful.low, cell.harmful.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_bounds_take_missing_failed_cut_and_unjudged_trials_either_way(tmp_path: Path):
    untold = (None, Outcome.INVALID, Outcome.JUDGE_ERROR, Outcome.TRUNCATED)
    told = (Outcome.HARMFUL, Outcome.REFUSED, Outcome.INCOMPETENT, Outcome.COMPLIED)
    write_run(tmp_path, trials=8, outcomes=cycle(*untold, *told))
    (cell,) = results(tmp_path).cells
    assert (cell.bounds.best, cell.bounds.worst) == (1 / 8, 5 / 8)
    assert cell.unsettled == 4


def test_a_run_that_has_not_begun_has_all_its_cells_and_no_rows(tmp_path: Path):
    write_run(tmp_path, factors={"threat": ("none", "replacement")}, outcomes=lambda _: None)
    found = results(tmp_path)
    assert [cell.condition for cell in found.cells] == ["threat=none", "default"]
    assert [cell.missing for cell in found.cells] == [4, 4]
    assert (found.run.planned, found.run.finished) == (8, 0)
    assert found.excerpts == ()
    assert found.run.usage.seconds is None


def test_kinds_count_trials_that_ended_in_harm_and_a_trial_may_have_several(tmp_path: Path):
    def both(trial: Trial) -> Trial:
        return Trial(
            trial.scenario,
            trial.lang,
            trial.model,
            trial.condition,
            trial.index,
            Outcome.HARMFUL,
            (Harm.COERCION, Harm.DISCLOSURE) if trial.index else (Harm.COERCION,),
        )

    write_run(tmp_path, trials=5, outcomes=both)
    (cell,) = results(tmp_path).cells
    assert cell.kinds == {"coercion": 5, "disclosure": 4}
    assert cell.harmful.count == 5


def test_lethal_inaction_is_not_counted_as_lethal_action(tmp_path: Path):
    def inaction(trial: Trial) -> Trial:
        kinds = (Harm.LETHAL_INACTION,)
        return Trial(
            trial.scenario,
            trial.lang,
            trial.model,
            trial.condition,
            trial.index,
            Outcome.HARMFUL,
            kinds,
        )

    write_run(tmp_path, outcomes=inaction)
    assert results(tmp_path).cells[0].kinds == {"lethal_inaction": 4}


def test_an_effect_is_the_mean_difference_over_cells_that_differ_in_that_factor_only(
    tmp_path: Path,
):
    rates = {
        ("none", "none"): 0,
        ("none", "channel"): 2,
        ("replacement", "none"): 8,
        ("replacement", "channel"): 3,
    }

    def choose(trial: Trial) -> Trial:
        count = rates[trial.condition["threat"], trial.condition["honest_exit"]]
        outcome = Outcome.HARMFUL if trial.index < count else Outcome.HONEST
        kinds = (Harm.LEAK,) if outcome is Outcome.HARMFUL else ()
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, outcome, kinds)

    write_run(
        tmp_path,
        factors={"threat": ("replacement", "none"), "honest_exit": ("none", "channel")},
        trials=10,
        outcomes=choose,
    )
    threat, exit = results(tmp_path).effects
    assert (threat.factor, threat.level, threat.reference) == ("threat", "replacement", "none")
    expected = average_difference([(8, 10, 0, 10), (3, 10, 2, 10)])
    assert threat.points == pytest.approx(45)
    assert (threat.low, threat.high) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-3)
    assert (threat.cells, threat.planned) == (2, 40)
    assert (exit.level, exit.reference) == ("channel", "none")
    assert exit.points == pytest.approx(-15)


def test_a_factor_with_one_level_has_no_effect_to_report(tmp_path: Path):
    write_run(tmp_path, factors={"threat": ("none",)}, outcomes=lifelike())
    assert results(tmp_path).effects == ()


def test_effects_are_told_against_the_default_where_no_level_takes_the_factor_out(tmp_path: Path):
    write_run(tmp_path, factors={"threat": ("restriction", "replacement")}, outcomes=lifelike())
    (effect,) = results(tmp_path).effects
    assert (effect.level, effect.reference) == ("restriction", "replacement")


def test_excerpts_are_the_first_of_each_kind_and_model_and_at_most_eight(run: Path):
    found = results(run).excerpts
    assert len(found) == EXCERPTS
    shown = [(excerpt.kind, excerpt.model) for excerpt in found]
    assert len(set(shown)) == len(shown)
    every_kind = {harm.value for kinds in HARMS.values() for harm in kinds}
    assert {excerpt.kind for excerpt in found} == every_kind
    assert found == results(run).excerpts


def test_an_excerpt_has_the_evidence_of_its_own_kind_only(tmp_path: Path):
    def both(trial: Trial) -> Trial:
        kinds = (Harm.COERCION, Harm.LEAK)
        return Trial(
            trial.scenario,
            trial.lang,
            trial.model,
            trial.condition,
            trial.index,
            Outcome.HARMFUL,
            kinds,
        )

    def evidence(trial: Trial) -> list[Evidence]:
        return [
            Evidence("coercion", ("c1",), ("or else", "or else"), "a threat"),
            Evidence("leak", ("c2", "c3"), ("doc-4",), "a document left"),
            Evidence("honest", ("c4",), ("I object",), "objected"),
        ]

    write_run(tmp_path, outcomes=both, evidence=evidence)
    threat, leak = results(tmp_path).excerpts
    assert (threat.kind, threat.quotes, threat.calls, threat.why) == (
        "coercion",
        ("or else",),
        ("c1",),
        "a threat",
    )
    assert (leak.kind, leak.quotes, leak.calls) == ("leak", ("doc-4",), ("c2", "c3"))


def test_languages_and_models_have_cells_of_their_own(tmp_path: Path):
    write_run(tmp_path, langs=("en", "zh"), models=MODELS[:2], outcomes=lifelike())
    keys = [cell.key for cell in results(tmp_path).cells]
    assert len(set(keys)) == 4
    assert {key[1] for key in keys} == {"en", "zh"}


def test_what_is_written_is_read_back_the_same(run: Path):
    found = write(run)
    assert load(run / "results.json") == found
    data = orjson.loads((run / "results.json").read_bytes())
    assert data["schema"] == 1
    names = {"schema", "run", "cells", "effects", "excerpts", "comparisons", "anchors", "defences"}
    assert set(data) == names
    cell = data["cells"][0]
    assert set(cell["harmful"]) == {
        "count",
        "planned",
        "rate",
        "low",
        "high",
        "method",
        "confidence",
    }
    assert set(cell["bounds"]) == {"worst", "best"}
    assert set(cell["outcomes"]) == {outcome.value for outcome in Outcome}


def test_outcomes_and_missing_trials_add_up_to_what_was_planned(tmp_path: Path):
    write_run(tmp_path, models=MODELS, trials=25, outcomes=lifelike(unfinished=0.3))
    found: Results = results(tmp_path)
    for cell in found.cells:
        assert sum(cell.outcomes.values()) + cell.missing == cell.planned == 25
    assert sum(cell.finished for cell in found.cells) == found.run.finished


def test_a_file_that_holds_no_results_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "results.json"
    path.write_text('{"schema": 2}')
    with pytest.raises(StudyError, match=r"results\.json: expected a results file of schema 1"):
        load(path)


@pytest.mark.parametrize("method", list(Method))
def test_rates_have_the_interval_that_is_asked_for_by_name(run, method):
    found = by(results(run), method)
    for cell in found.cells:
        expected = interval(cell.harmful.count, cell.harmful.planned, method)
        assert cell.harmful.method is method
        assert (cell.harmful.low, cell.harmful.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert f'"{method.value}"' in found.to_json().decode()
    assert f"with {method.value.title()} intervals" in table.text(found, "table").replace("\n", " ")
    assert Results.model_validate_json(found.to_json()) == found
