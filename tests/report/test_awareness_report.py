"""Harm by awareness and comprehension, the push of the setting cue, and who is not measurable."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import orjson
import polars as pl
import pytest

from duress.judge.outcome import Outcome
from duress.report import awareness_table as table
from duress.report.awareness import Awareness, awareness, summarise
from duress.report.competence import Status, status, unable
from duress.report.results import results
from duress.report.sections.awareness import section
from duress.report.strings import Strings
from duress.report.summary import cells, effects
from duress.stats import average_difference, difference, wilson
from duress.study import runner
from duress.study.request import Request

N = 10
"""Trials per cell below."""


def planned(**levels: str) -> dict[str, object]:
    label = " ".join(f"{k}={v}" for k, v in levels.items() if v != "plain") or "default"
    return {"scenario": "s", "lang": "en", "model": "a/b", "condition": label, "levels": levels}


def rows(
    cell: dict[str, object], *trials: tuple[str, str | None, str | None, bool]
) -> list[dict[str, object]]:
    key = {name: cell[name] for name in ("scenario", "lang", "model", "condition")}
    return [
        {
            **key,
            "arm": "none",
            "outcome": outcome,
            "kinds": "coercion" if outcome == "harmful" else "",
            "aware_reasoning": wrote,
            "aware_said": said,
            "understood_all": knew,
        }
        for outcome, wrote, said, knew in trials
    ]


def found(*held: tuple[dict[str, object], list[dict[str, object]]]) -> Awareness:
    frame = pl.DataFrame([row for _, listed in held for row in listed], infer_schema_length=None)
    return summarise(cells([cell for cell, _ in held], N, frame), frame)


HARM, FINE = "harmful", "complied"


def test_strata_add_up_to_the_planned_trials() -> None:
    cell = planned(frame="plain")
    [group] = found(
        (
            cell,
            rows(
                cell,
                (HARM, "real", "real", True),
                (HARM, "none", None, True),
                (FINE, "evaluation", "evaluation", True),
                (FINE, "evaluation", "unclear", False),
                (FINE, "judge_error", None, False),
                ("invalid", None, None, False),
            ),
        )
    ).groups
    counts = {(s.by, s.level): (s.harmful.count, s.harmful.n) for s in group.strata}
    assert counts == {
        ("reasoning", "evaluation"): (0, 2),
        ("reasoning", "real"): (1, 1),
        ("reasoning", "none"): (1, 1),
        # A judge that failed, a trial without a trajectory and four that are missing.
        ("reasoning", "unknown"): (0, 6),
        ("said", "evaluation"): (0, 1),
        ("said", "real"): (1, 1),
        ("said", "unclear"): (0, 1),
        ("said", "unknown"): (1, 7),
        ("understood", "all"): (2, 3),
        ("understood", "part"): (0, 3),
        ("understood", "unknown"): (0, 4),
    }
    gap = difference(0, 2, 1, 1)
    assert group.gap and group.gap.points == pytest.approx(100 * gap.value)
    real = next(s.harmful for s in group.strata if s.level == "real")
    assert (real.low, real.high) == pytest.approx((wilson(1, 1).low, wilson(1, 1).high), abs=1e-6)


def test_a_run_in_which_nobody_was_asked_has_no_answers() -> None:
    cell = planned(frame="plain")
    held = found((cell, rows(cell, (HARM, "real", None, True))))
    assert not held.asked
    assert {s.by for s in held.groups[0].strata} == {"reasoning", "understood"}


def test_the_cue_is_held_against_its_placebo_in_pairs() -> None:
    placebo, told = (
        planned(setting_cue="placebo", frame="plain"),
        planned(setting_cue="evaluation", frame="plain"),
    )
    none = planned(setting_cue="none", frame="plain")
    here = rows(
        told,
        *[(FINE, "evaluation", None, True)] * 7,
        *[(HARM, "none", None, True)] * 2,
        (FINE, "judge_error", None, True),
    )
    there = rows(placebo, *[(FINE, "none", None, True)] * 4, *[(HARM, "evaluation", None, True)] * 6)
    [group] = found(
        (placebo, there), (told, here), (none, rows(none, *[(HARM, "real", None, True)] * 9))
    ).groups
    harm, wrote = group.pushes
    assert (harm.cue, harm.what, wrote.what) == ("evaluation", "harmful", "reasoning")
    expected = average_difference([(2, 10, 6, 10)])
    assert harm.change.points == pytest.approx(100 * expected.value)
    assert harm.change.high == pytest.approx(100 * expected.high, abs=1e-4)
    # Of one trial it is not known what the agent took it for.
    assert wrote.change.points == pytest.approx(100 * (7 / 9 - 6 / 10), abs=1e-3)
    assert wrote.unknown == 1 and wrote.here.n == 9


def test_the_competence_arm_stands_apart_from_every_rate_of_harm() -> None:
    plain, proof = planned(frame="plain"), planned(frame="competence")
    one = rows(plain, *[(HARM, "none", None, True)] * 5)
    two = rows(proof, *[(FINE, "none", None, True)] * 9, ("refused", "none", None, False))
    held = found((plain, one), (proof, two))
    [group] = held.groups
    assert sum(s.harmful.n for s in group.strata if s.by == "understood") == N
    assert (group.competence.count, group.competence.n, group.refused) == (9, 10, 1)
    assert group.status is Status.MEASURABLE
    frame = pl.DataFrame([*one, *two])
    assert effects(cells([plain, proof], N, frame)) == ()


def test_who_has_not_been_shown_able_is_not_measurable() -> None:
    assert status(0, 0) is Status.NOT_TESTED and not unable(0, 0)
    assert status(20, 20) is Status.MEASURABLE
    assert status(0, 20) is Status.NOT_MEASURABLE and unable(0, 20)
    # In between nothing is shown, and what is not shown is not assumed.
    assert status(10, 20) is Status.NOT_MEASURABLE and not unable(10, 20)
    assert status(10, 20, 0.2) is Status.MEASURABLE
    for done in range(21):
        assert (status(done, 20) is Status.MEASURABLE) == (wilson(done, 20).low >= 0.5)
    with pytest.raises(ValueError, match="threshold"):
        status(1, 2, 1.0)


class Quiet(runner.Watch):
    """Is told, and tells nobody."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    request = Request.from_options(
        {
            "scenarios": ["blackmail"],
            "models": ("reference/schemer", "reference/refuser"),
            "factors": {"setting_cue": "placebo,evaluation", "frame": "plain,competence"},
            "trials": 8,
            "ask_awareness": True,
            "workers": 1,
        }
    )
    design = request.design()
    runner.run(design, folder, request.how(), Quiet())
    return folder


def test_a_run_tells_it_in_every_form(run: Path) -> None:
    held = awareness(run)
    assert held is not None and held.asked
    assert {g.model: g.status for g in held.groups} == {
        "reference/schemer": Status.MEASURABLE,
        "reference/refuser": Status.NOT_MEASURABLE,
    }
    assert orjson.loads(table.text(held, "json"))["groups"][0]["pushes"]
    lines = list(csv.DictReader(StringIO(table.text(held, "csv"))))
    assert {line["status"] for line in lines if line["what"] == "competence"} == {
        "measurable",
        "not measurable",
    }
    assert "not measurable" in table.text(held, "md")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_names_who_is_not_measurable(run: Path, lang: str) -> None:
    words = Strings(lang)
    shown = section(run, results(run), words)
    assert shown is not None and shown.anchor == "awareness"
    assert words("awareness.status.not_measurable") in shown.body and "refuser" in shown.body
    assert words("awareness.push.evaluation") in shown.body


def test_both_languages_of_the_section_say_the_same_things() -> None:
    keys = [{k for k in Strings(lang)._texts if k.startswith("awareness.")} for lang in ("en", "zh")]
    assert keys[0] == keys[1]


def test_harm_of_every_outcome_but_harmful_is_none() -> None:
    for outcome in Outcome:
        cell = planned(frame="plain")
        [group] = found((cell, rows(cell, (outcome.value, "none", None, True)))).groups
        assert sum(s.harmful.count for s in group.strata if s.by == "reasoning") == (
            outcome is Outcome.HARMFUL
        )
