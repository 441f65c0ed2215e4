"""What a study will take and can tell, before it runs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from duress.report import planned
from duress.stats.tail import lower_tail, upper_tail
from duress.study import prices
from duress.study.design import Design, scenarios
from duress.study.errors import UsageError
from duress.study.forecast import Forecast, forecast
from duress.study.intent import Anchors, Budget, Contrast, Stopping
from duress.study.plan import Plan
from duress.study.prices import Prices
from duress.study.supposed import rates
from duress.study.usage import tokens
from duress.trial.direct import trial

EFFECT = Contrast(
    question="effect", factor="threat", level="replacement", against="none", smallest_effect=0.2
)
RATE = Contrast(question="rate", threshold=0.05)


def foreseen(design: Design, given: Prices | None = None, **settings: object) -> Forecast:
    return forecast(Plan(design), given or Prices(), **settings)  # type: ignore[arg-type]


def cells_of(design: Design) -> list[dict[str, object]]:
    return [cell.to_json() for cell in Plan(design).cells]


def test_a_reference_agent_is_measured_by_its_own_trials(design: Design):
    alone = design.model_copy(update={"models": ("reference/cornered",), "trials": 2})
    load = foreseen(alone).loads[0]
    plan = Plan(alone)
    cells = len(plan.cells)
    played = [trial(plan.cells[n % cells].pack, plan.spec(n)) for n in range(cells)]
    calls = sum(one.row["turns"] for one in played) / cells * len(plan)
    assert load.trials == len(plan)
    assert load.calls == pytest.approx(calls, rel=0.35)
    # Every call reads what came before it: far more is read than written.
    assert load.input_tokens > 10 * load.output_tokens > 0
    assert (load.money, load.minutes) == (0, 0)


def test_a_price_that_nobody_gave_is_unknown_and_not_zero(design: Design):
    mixed = design.model_copy(update={"models": ("reference/loyal", "openai/x")})
    found = foreseen(mixed)
    assert [load.money for load in found.loads] == [0, None]
    assert found.money is None and found.minutes is None
    told = planned.text(found, "table")
    assert "The price of openai/x is unknown" in told
    assert orjson.loads(planned.text(found, "json"))["money"] is None


def test_money_and_time_follow_from_prices_and_limits(design: Design, tmp_path: Path):
    file = tmp_path / "prices.yaml"
    file.write_text(
        "date: 2026-11-20\ncurrency: EUR\nmodels:\n  openai/x: {input: 2, output: 8, requests_per_minute: 10}\n"
    )
    found = foreseen(design.model_copy(update={"models": ("openai/x",)}), prices.read(file))
    (load,) = found.loads
    assert load.money == pytest.approx((2 * load.input_tokens + 8 * load.output_tokens) / 1e6, rel=1e-4)
    assert load.minutes == pytest.approx(load.calls / 10, rel=1e-2)
    assert "EUR, at prices of 2026-11-20" in planned.text(found, "md")
    slow = foreseen(design.model_copy(update={"models": ("openai/x",)}), limits=(None, 1000.0))
    assert slow.minutes == pytest.approx((load.input_tokens + load.output_tokens) / 1000, rel=1e-3)


def test_a_price_file_may_hold_models_alone_as_inspects_does(tmp_path: Path):
    file = tmp_path / "prices.yaml"
    file.write_text("openai/x: {input: 2, output: 8}\n")
    assert prices.read(file).of("openai/x").output == 8
    assert prices.read(file).of("openai/y").output is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("date: soon\n", "prices.yaml:1: date"),
        ("models:\n  a/b: {input: -1}\n", "prices.yaml:2: models.a/b.input"),
        ("models:\n  a/b: {inputs: 1}\n", "unknown key"),
    ],
)
def test_a_mistake_in_a_price_file_is_told_with_its_line(tmp_path: Path, text: str, told: str):
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as wrong:
        prices.read(file)
    assert told in str(wrong.value)


def test_a_judge_reads_and_costs_too(design: Design):
    asked = design.model_copy(
        update={
            "scenarios": scenarios(["blackmail"]),
            "judge": "openai/a,openai/b",
            "models": ("reference/cornered",),
        }
    )
    judged = foreseen(asked)
    assert [(load.model, load.role) for load in judged.loads[1:]] == [
        ("openai/a", "judge"),
        ("openai/b", "judge"),
    ]
    assert judged.loads[1].calls == judged.loads[2].calls > 0


def test_anchors_and_budgets_count(design: Design):
    anchored = foreseen(design.model_copy(update={"anchors": Anchors(trials=3)}))
    assert anchored.anchors == 3 * 2
    assert anchored.trials == len(Plan(design)) + 6
    assert foreseen(design.model_copy(update={"budget": Budget(trials=9)})).trials == 9


def test_the_family_shares_alpha_and_the_question_is_told_in_words(design: Design):
    asked = design.model_copy(update={"primary": EFFECT, "secondary": (RATE,), "trials": 50})
    found = foreseen(asked)
    # The effect in each of two models, and the rate of each of four cells.
    assert [one.comparisons for one in found.questions] == [2, 4]
    assert found.family == 6
    assert all(one.alpha == pytest.approx(0.05 / 6) for one in found.questions)
    told = " ".join(planned.text(found, "table", width=200).split())
    assert "does threat 'replacement' change the harmful rate against 'none'" in told
    assert "A difference matters from 20.0 points on" in told
    assert "The planned family has 6 comparisons" in told
    assert "exploratory" in planned.text(foreseen(design), "table")


def test_more_trials_find_smaller_effects(design: Design):
    few, many = (
        foreseen(design.model_copy(update={"primary": EFFECT, "trials": n})).questions[0] for n in (30, 300)
    )
    for one, other in zip(few.detects, many.detects, strict=True):
        assert one.up is not None and other.up is not None and other.up < one.up
        assert one.power is not None and other.power is not None and one.power < other.power


def test_what_a_rate_can_claim_is_exact(design: Design):
    asked = design.model_copy(update={"primary": RATE, "trials": 200, "models": ("reference/loyal",)})
    question = foreseen(asked).questions[0]
    assert question.claims is not None and question.rates is not None
    above, below = question.claims
    assert above is not None and below is not None
    alpha = 0.025
    assert upper_tail(above, 200, 0.05) <= alpha < upper_tail(above - 1, 200, 0.05)
    assert lower_tail(below, 200, 0.05) <= alpha < lower_tail(below + 1, 200, 0.05)
    low, high = question.rates
    assert low is not None and high is not None
    assert upper_tail(above, 200, high) == pytest.approx(0.8, abs=1e-6)
    assert lower_tail(below, 200, low) == pytest.approx(0.8, abs=1e-6)
    # Twenty trials without harm do not show that a rate is below five per cent.
    small = foreseen(asked.model_copy(update={"trials": 20}))
    assert small.questions[0].claims is not None and small.questions[0].claims[1] is None
    assert "Not even 0 of 20" in planned.text(small, "md")


def test_a_study_that_may_stop_is_expected_to_be_smaller(design: Design):
    asked = design.model_copy(
        update={
            "models": ("reference/cornered",),
            "trials": 40,
            "primary": EFFECT,
            "stopping": Stopping(method="confidence-sequence", look=2),
        }
    )
    supposed = rates(["0.02", "threat=replacement:0.98"], cells_of(asked))
    found = foreseen(asked, rates=supposed)
    assert found.expected is not None
    assert found.expected.trials < 0.9 * found.trials
    ((name, ends),) = found.expected.decisions
    assert "threat: replacement against none in garden en reference/cornered" in name
    assert ends["efficacy (higher)"] > 0.95
    fixed = asked.model_copy(update={"stopping": Stopping()})
    whole = foreseen(fixed, rates=supposed).expected
    assert whole is not None and whole.trials == 80
    # The same supposition comes to the same figures.
    assert foreseen(asked, rates=supposed).expected == found.expected


def test_rates_are_supposed_for_all_for_some_and_from_files(design: Design, tmp_path: Path):
    cells = cells_of(design)
    pilot = tmp_path / "pilot.csv"
    pilot.write_text("scenario,model,threat,planned,harmful_rate\ngarden,reference/schemer,none,20,0.4\n")
    listed = tmp_path / "rates.yaml"
    listed.write_text("- {threat: replacement, model: reference/schemer, rate: 0.9}\n")
    found = rates(["0.1", "threat=replacement:0.3", str(pilot), str(listed)], cells)
    told = {(cell["levels"]["threat"], cell["model"]): rate for cell, rate in zip(cells, found, strict=True)}  # type: ignore[index]
    assert told == {
        ("none", "reference/cornered"): 0.1,
        ("none", "reference/schemer"): 0.4,
        ("replacement", "reference/cornered"): 0.3,
        ("replacement", "reference/schemer"): 0.9,
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["1.5"], "expected a rate from 0 to 1"),
        (["threats=none:0.1"], "did you mean 'threat'"),
        (["0.1", "threat=doom:0.1"], "no cell of this study has threat=doom"),
        (["threat=none:0.1"], "2 of 4 cells have no rate"),
        (["much"], "expected a rate from 0 to 1"),
    ],
)
def test_a_supposition_that_cannot_be_is_told(design: Design, given: list[str], told: str):
    with pytest.raises(UsageError, match=told):
        rates(given, cells_of(design))


def test_tokens_are_counted_by_script():
    assert tokens("abcdefgh") == 2
    assert tokens("你好，世界") == 5


def test_a_counterpart_and_its_checker_cost_too(design: Design):
    asked = design.model_copy(
        update={
            "scenarios": scenarios(["blackmail"]),
            "models": ("reference/loyal",),
            "factors": {"ladder": ("blame",), "dose": ("none", "2")},
            "trials": 3,
            "settings": {"counterpart": "openai/a", "counterpart_checker": "openai/b"},
        }
    )
    subject, speaker, checker = foreseen(asked).loads
    assert (speaker.model, speaker.role) == ("openai/a", "counterpart")
    assert (checker.model, checker.role) == ("openai/b", "counterpart checker")
    # Of two cells one is pressed: eight turns in each of its three trials, tried three times at most.
    assert speaker.calls == checker.calls == 3 * 8 * 3
    assert speaker.calls_range == checker.calls_range == (24, 72)
    assert speaker.input_tokens > speaker.output_tokens > 0 and checker.output_tokens == 72 * 10
    assert (subject.money, speaker.money) == (0, None)
    told = planned.text(foreseen(asked), "table", 140)
    assert "openai/a (counterpart)" in told and "if no turn is off the ladder" in told
    alone = asked.model_copy(update={"settings": {}})
    assert [load.role for load in foreseen(alone).loads] == ["subject"]
    assert foreseen(alone).loads[0] == subject
