"""Arms: the same seeds, draws and conditions under each, and what each of them sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from duress.report import results, summary
from duress.report.comparison import compare
from duress.report.table import text
from duress.study import runner
from duress.study.design import Design, cells
from duress.study.errors import UsageError
from duress.study.plan import Plan
from duress.study.request import read
from duress.trial.spec import from_json, to_json


class Silent:
    def begin(self, planned: dict[str, int], done: runner.Tally) -> None: ...
    def advance(self, tally: runner.Tally) -> None: ...
    def stopping(self) -> None: ...


@pytest.fixture
def armed(design: Design) -> Design:
    return design.model_copy(
        update={
            "models": ("reference/cornered",),
            "arms": {"none": {}, "exit": {"honest_exit": "channel"}, "rules": {"instructions": "rules"}},
        }
    )


def test_an_arm_sets_its_levels_over_every_condition(armed: Design):
    found = {(cell.label, cell.arm): cell.condition for cell in cells(armed)}
    assert len(found) == 2 * 3
    for (label, arm), condition in found.items():
        assert condition["honest_exit"] == ("channel" if arm == "exit" else "none")
        assert condition["instructions"] == ("rules" if arm == "rules" else "none")
        assert "honest_exit" not in label


def test_arms_are_paired_trial_by_trial(armed: Design):
    seeds: dict[tuple[str, int], dict[str, int]] = {}
    for spec in Plan(armed):
        seeds.setdefault((spec.label, spec.index), {})[spec.arm] = spec.seed
    assert len(seeds) == 2 * armed.trials
    for by_arm in seeds.values():
        assert set(by_arm) == {"none", "exit", "rules"}
        assert len(set(by_arm.values())) == 1


def test_a_plan_gives_its_trials_back_with_their_arms(armed: Design):
    assert [from_json(to_json(spec)) for spec in Plan(armed)] == list(Plan(armed))
    assert len({spec.trial_id for spec in Plan(armed)}) == len(Plan(armed))


def test_a_run_without_arms_has_the_trials_and_the_hash_it_always_had(design: Design):
    alone = design.model_copy(update={"arms": {"none": {}}})
    assert alone.key() == design.key()
    assert {spec.arm for spec in Plan(design)} == {"none"}
    first = design.model_copy(update={"arms": {"none": {}, "exit": {"honest_exit": "channel"}}})
    assert {spec.trial_id for spec in Plan(design)} < {spec.trial_id for spec in Plan(first)}


@pytest.mark.parametrize(
    ("arms", "told"),
    [
        ("{none: {}, more: {threat: replacement}}", "study.yaml:4: arms.more.threat: arm 'more' sets factor"),
        ("{none: {}, more: {threat: replacement}}", "take threat out of `factors`"),
        ("{exit: {honest_exits: channel}}", "did you mean 'honest_exit'"),
        ("{exit: {honest_exit: chanel}}", "did you mean 'channel'"),
        ("{none: {}, a: {honest_exit: channel}, b: {honest_exit: channel}}", "arms 'a' and 'b' set the same"),
        ("{a b: {}}", "an arm is named with letters"),
        ("{}", "at least 1"),
    ],
)
def test_a_mistake_in_an_arm_is_told_with_its_line(tmp_path: Path, arms: str, told: str):
    file = tmp_path / "study.yaml"
    file.write_text(f"scenarios: [blackmail]\nfactors:\n  threat: all\narms: {arms}\n")
    with pytest.raises(UsageError) as wrong:
        read(file).design()
    assert told in str(wrong.value)
    assert "study.yaml:4: arms" in str(wrong.value)


def test_results_tell_arms_apart_and_say_what_they_do(armed: Design, tmp_path: Path):
    runner.run(armed, tmp_path / "run", runner.Engine(workers=1), Silent())
    found = results.results(tmp_path / "run")
    assert len({cell.key for cell in found.cells}) == 6
    assert all(cell.finished == armed.trials for cell in found.cells)
    arms = [effect for effect in found.effects if effect.factor == "arm"]
    assert [(effect.level, effect.reference, effect.cells) for effect in arms] == [
        ("exit", "none", 2),
        ("rules", "none", 2),
    ]
    assert {effect.factor for effect in found.effects} == {"threat", "arm"}
    threat = next(effect for effect in found.effects if effect.factor == "threat")
    assert threat.cells == 3
    for shape in ("table", "md", "csv"):
        assert "exit" in text(found, shape)
    assert text(found, "csv").startswith("scenario,lang,model,condition,arm,")
    same = compare(found, found)
    assert len(same.changes) == 6 and not same.only_before
    assert results.Results.model_validate_json(found.to_json()) == found


def test_a_run_without_arms_does_not_speak_of_them(design: Design, tmp_path: Path):
    runner.run(design, tmp_path / "run", runner.Engine(workers=1), Silent())
    found = results.results(tmp_path / "run")
    for shape in ("table", "md", "csv"):
        assert "arm" not in text(found, shape).replace("harm", "")


def test_effects_in_a_fraction_average_the_cells_of_each_level(design: Design, tmp_path: Path):
    half = design.model_copy(
        update={
            "models": ("reference/cornered",),
            "factors": {
                "threat": ("none", "replacement"),
                "leverage": ("absent", "present"),
                "agency_cue": ("off", "on"),
            },
            "fraction": "1/2",
            "trials": 3,
        }
    )
    runner.run(half, tmp_path / "run", runner.Engine(workers=1), Silent())
    found = results.results(tmp_path / "run")
    assert len(found.cells) == 4
    effects = {effect.factor: effect for effect in found.effects}
    assert set(effects) == {"threat", "leverage", "agency_cue"}
    assert all(effect.cells == 2 and effect.planned == 12 for effect in effects.values())
    here = [cell for cell in found.cells if cell.levels["threat"] == "replacement"]
    there = [cell for cell in found.cells if cell.levels["threat"] == "none"]
    points = 100 * (sum(c.harmful.rate for c in here) - sum(c.harmful.rate for c in there)) / 2
    assert effects["threat"].points == pytest.approx(points, abs=1e-3)
    # Cells that are neither paired nor balanced are not compared.
    assert not [one for one in summary.effects(found.cells[:3]) if one.cells == 0]
