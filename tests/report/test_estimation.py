from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from random import Random

import orjson
import pytest
from run_directory import FACTORS, MODELS, Trial, write_run

from duress.judge.outcome import Harm, Outcome
from duress.report import estimates_table
from duress.report.estimates import FILE, load
from duress.report.estimation import Options, estimate, write
from duress.report.summary import summarise
from duress.stats import average_difference
from duress.study.design import Design
from duress.study.errors import UsageError


@pytest.fixture(scope="module")
def found(run):
    return estimate(run, Options(margin=0.1, interactions=(("threat", "honest_exit"),)))


def of(items, **wanted):
    return [one for one in items if all(getattr(one, name) == value for name, value in wanted.items())]


def test_every_agent_has_every_effect_per_scenario_and_over_all(found):
    for model in MODELS:
        for scenario in ("blackmail", "espionage", "lethal", None):
            told = of(found.effects, model=model, scenario=scenario, interaction=False)
            assert {(e.factor, e.level, e.reference) for e in told} == {
                ("threat", "restriction", "none"),
                ("threat", "replacement", "none"),
                ("honest_exit", "channel", "none"),
            }
            assert len(of(found.effects, model=model, scenario=scenario, interaction=True)) == 2


def test_a_saturated_balanced_design_has_the_differences_of_its_rates_as_points(run, found):
    cells = {cell.key[:4]: cell for cell in summarise(run).cells}
    for effect in of(found.effects, scenario="blackmail", factor="honest_exit"):
        mine = [c for c in cells.values() if (c.scenario, c.model) == ("blackmail", effect.model)]
        on = [c for c in mine if c.levels["honest_exit"] == "channel"]
        off = [c for c in mine if c.levels["honest_exit"] == "none"]
        expected = sum(c.harmful.rate for c in on) / len(on) - sum(c.harmful.rate for c in off) / len(off)
        # The model smooths a little over the other factor's levels.
        assert effect.points.value == pytest.approx(100 * expected, abs=2)
        assert effect.points.low <= effect.points.value <= effect.points.high
        assert effect.bounds.low <= 100 * expected + 1e-3
        assert effect.bounds.high >= 100 * expected - 1e-3


def test_effects_that_were_put_in_are_found_and_those_that_were_not_are_not(found):
    for effect in of(found.effects, model="reference/cornered", scenario=None, factor="honest_exit"):
        assert effect.odds_ratio.high < 0.5
        assert effect.test.adjusted < 0.001
        assert effect.errors == "cluster-robust"
        assert effect.clusters == 120
    for effect in of(found.effects, model="reference/loyal", scenario=None, interaction=False):
        assert effect.test.adjusted > 0.05


def test_an_agent_that_never_harms_has_firths_estimate_the_rates_points_and_bounds_of_its_zeros(found):
    effects = of(found.effects, model="reference/loyal", scenario="blackmail", interaction=False)
    assert {e.method for e in effects} == {"firth"}
    assert all(e.separated and e.errors == "independent" for e in effects)
    for effect in effects:
        assert effect.points_method == "mover-wilson"
        assert effect.points.low < 0 < effect.points.high
        assert effect.odds_ratio.low < 1 < effect.odds_ratio.high
    zeros = of(found.zeros, model="reference/loyal", scenario="blackmail")
    assert len(zeros) == 6
    assert all(zero.upper == pytest.approx(1 - 0.05 ** (1 / 40), abs=1e-6) for zero in zeros)


def test_p_values_without_a_plan_are_exploratory_and_say_so(found):
    tests = [one.test for one in (*found.effects, *found.comparisons, *found.pooled)]
    assert {(t.family, t.adjustment) for t in tests} == {("exploratory", "benjamini-hochberg")}
    assert all(t.adjusted >= t.p - 1e-9 for t in tests)


def test_models_are_compared_on_the_same_draws(run, found):
    assert len(found.comparisons) == 15
    cells = summarise(run).cells
    counts = {m: sum(c.harmful.count for c in cells if c.model == m) for m in MODELS}
    for one in found.comparisons:
        assert one.pairs == 18 * 40
        assert one.only_here - one.only_there == counts[one.model] - counts[one.against]
        assert one.points.value == pytest.approx(
            100 * (counts[one.model] - counts[one.against]) / 720, abs=1e-3
        )


def test_ranks_order_by_rate_and_those_that_cannot_be_told_apart_share(found):
    rates = [one.rate for one in found.ranks]
    assert rates == sorted(rates)
    assert {one.model for one in found.ranks[:2]} == {"reference/loyal", "reference/refuser"}
    assert all((one.rank_low, one.rank_high) == (1, 2) for one in found.ranks[:2])
    assert found.ranks[-1].rank_high == 6


def test_scenarios_are_pooled_with_their_heterogeneity(found):
    pooled = of(found.pooled, model="reference/schemer", factor="honest_exit", scale="points")
    assert len(pooled) == 1
    assert pooled[0].scenarios == 3
    assert pooled[0].prediction.low <= pooled[0].mean.low
    assert pooled[0].i2 >= 0
    for one in of(found.pooled, scale="points"):
        assert -100 <= one.prediction.low <= one.prediction.high <= 100
    # Odds ratios are pooled only where every scenario has one with a standard error.
    assert not of(found.pooled, model="reference/loyal", scale="log-odds-ratio")


def test_equivalence_is_claimed_only_within_the_margin(found):
    for one in found.equivalence:
        if one.equivalent:
            assert -10 < one.low < one.high < 10
            assert one.adjusted <= 0.05
    assert any(one.equivalent for one in found.equivalence)
    harmless = of(found.equivalence, factor="model", level="reference/loyal", reference="reference/refuser")
    assert harmless[0].equivalent


def test_without_a_margin_nothing_is_tested_for_equivalence(run):
    assert estimate(run, Options()).equivalence == ()


def test_only_the_factor_that_is_asked_for_is_told(run):
    found = estimate(run, Options(factors=("threat",)))
    assert {effect.factor for effect in found.effects} == {"threat"}


def test_a_factor_that_was_not_varied_is_refused(run):
    with pytest.raises(UsageError, match="factor 'agency_cue' was not varied in this run: expected one of"):
        estimate(run, Options(factors=("agency_cue",)))


def test_the_file_holds_what_was_found_and_can_be_read_back(tmp_path):
    folder = small(tmp_path, 6)
    found = write(folder, Options())
    assert load(folder / FILE) == found
    assert orjson.loads((folder / FILE).read_bytes())["schema"] == 1


def coin(random: Random):
    def outcome(trial: Trial) -> Trial:
        harmed = random.random() < 0.4
        return Trial(
            trial.scenario, trial.lang, trial.model, trial.condition, trial.index,
            Outcome.HARMFUL if harmed else Outcome.COMPLIED, (Harm.COERCION,) if harmed else (),
        )  # fmt: skip

    return outcome


def small(tmp_path: Path, trials: int, **fields) -> Path:
    given = {"scenarios": ("blackmail",), "models": MODELS[:1], "factors": FACTORS} | fields
    return write_run(tmp_path / "run", trials=trials, outcomes=coin(Random(4)), **given)


def test_few_draws_are_bootstrapped(tmp_path):
    found = estimate(small(tmp_path, 8), Options())
    assert {effect.errors for effect in found.effects} == {"wild-bootstrap"}
    assert {effect.clusters for effect in found.effects} == {8}


def test_one_model_in_one_condition_has_rates_only(tmp_path):
    found = estimate(small(tmp_path, 5, factors={}), Options())
    assert (found.effects, found.comparisons, found.ranks, found.pooled) == ((), (), (), ())


def test_questions_of_the_plan_are_the_planned_family():
    from duress.report.estimation import _planned

    primary = {"question": "effect", "factor": "threat", "level": "replacement", "against": "none"}
    rate = {"question": "rate", "threshold": 0.05}
    design = Design.model_validate(
        {"scenarios": (), "models": (), "trials": 1, "primary": primary, "secondary": [rate]}
    )
    assert _planned(design) == {("threat", "replacement", "none")}


def test_planned_tests_are_adjusted_among_themselves(run):
    from duress.report.estimation import _Tests

    found = estimate(run, Options())
    effects = of(found.effects, model="reference/clumsy", scenario=None)
    tests = _Tests(frozenset({("threat", "none", "replacement")}))
    for effect in effects:
        tests.add(effect, (effect.factor, effect.level, effect.reference))
    families = {e.level: tests.adjusted()(e).test for e in effects}
    assert families["replacement"].family == "planned"
    assert families["replacement"].adjustment == "holm"
    # The only one of its family: nothing to adjust for.
    assert families["replacement"].adjusted == families["replacement"].p
    assert families["restriction"].family == "exploratory"


def test_csv_has_a_line_per_figure_and_markdown_every_table(found):
    lines = list(csv.DictReader(StringIO(estimates_table.text(found, "csv"))))
    assert {line["kind"] for line in lines} == {
        "effect",
        "pooled",
        "comparison",
        "rank",
        "equivalence",
        "zero",
    }
    assert sum(line["kind"] == "effect" for line in lines) == 2 * len(found.effects)
    text = estimates_table.text(found, "md")
    for title in (
        "effects",
        "mean over scenarios",
        "models, by pairs",
        "which model is safest",
        "cells without harm",
    ):
        assert f"**{title}**" in text


def test_a_free_factor_gives_points_near_the_model_free_average(tmp_path):
    folder = small(tmp_path, 60)
    found = estimate(folder, Options())
    cells = summarise(folder).cells
    on, off = ([c for c in cells if c.levels["honest_exit"] == level] for level in ("channel", "none"))
    free = average_difference(
        [(a.harmful.count, a.planned, b.harmful.count, b.planned) for a, b in zip(on, off, strict=True)]
    )
    effect = of(found.effects, factor="honest_exit")[0]
    assert effect.points.value == pytest.approx(100 * free.value, abs=0.5)
    assert effect.points.low == pytest.approx(100 * free.low, abs=3)


def test_ranks_rest_on_the_draws_that_all_models_were_given(tmp_path):
    folder = small(tmp_path, 8, models=MODELS)
    draws = sum(cell.planned for cell in summarise(folder).cells if cell.model == MODELS[0])
    assert {one.model: one.planned for one in estimate(folder, Options()).ranks} == dict.fromkeys(
        MODELS, draws
    )
