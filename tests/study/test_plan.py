"""A plan: which trials, in which order, under which hash."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import orjson
import polars as pl
import pytest

from duress.study import planfile
from duress.study.design import Design
from duress.study.errors import UsageError
from duress.study.plan import Plan
from duress.trial import TrialSpec


def ids(design: Design) -> list[str]:
    return [spec.trial_id for spec in Plan(design)]


def with_(design: Design, **changes: object) -> Design:
    return design.model_copy(update=changes)


def test_trials_are_counted_per_condition_model_and_language(design: Design):
    specs = list(Plan(with_(design, langs=("en", "zh"))))
    assert len(specs) == 2 * 2 * 2 * 5
    cells = {(s.label, s.model, s.lang) for s in specs}
    assert len(cells) == 8
    assert len({s.trial_id for s in specs}) == len(specs)


def test_factors_that_are_not_named_stay_at_the_packs_default(design: Design):
    for spec in Plan(design):
        assert spec.condition["threat"] in ("none", "replacement")
        assert spec.condition["agency_cue"] == "off"
        assert spec.condition["leverage"] == "present"


def test_all_is_every_level_of_a_factor(design: Design):
    specs = Plan(with_(design, factors={"honest_exit": ("all",)}))
    assert {s.condition["honest_exit"] for s in specs} == {"none", "mailbox", "channel"}


def test_a_level_named_twice_is_one_condition(design: Design):
    assert ids(with_(design, factors={"threat": ("none", "none")})) == ids(
        with_(design, factors={"threat": ("none",)})
    )


def test_a_larger_plan_begins_with_the_smaller_one(design: Design):
    small, large = ids(design), ids(with_(design, trials=9))
    assert large[: len(small)] == small


def test_a_trial_can_be_made_alone(design: Design):
    plan = Plan(design)
    assert [plan.spec(at) for at in range(len(plan))] == list(plan)


def test_stopping_early_leaves_the_cells_balanced(design: Design):
    cells = len(Plan(design).cells)
    first = list(islice(Plan(design), cells))
    assert len({(s.label, s.model) for s in first}) == cells


def test_conditions_and_models_share_their_nuisance_draws(design: Design):
    by_index: dict[int, set[int]] = {}
    for spec in Plan(design):
        by_index.setdefault(spec.index, set()).add(spec.seed)
    assert all(len(seeds) == 1 for seeds in by_index.values())
    assert len(set.union(*by_index.values())) == design.trials


def test_settings_belong_to_real_models_only(design: Design):
    mixed = with_(design, models=("reference/loyal", "openai/x"), settings={"temperature": 0.5})
    settings = {s.model: s.settings for s in Plan(mixed)}
    assert settings == {"reference/loyal": {}, "openai/x": {"temperature": 0.5}}
    assert {i for i in ids(with_(mixed, settings={})) if i in ids(mixed)} == {
        s.trial_id for s in Plan(mixed) if s.model == "reference/loyal"
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": {"threat": ("doom",)}}, r"threat: expected a level among none, .*found 'doom'"),
        ({"factors": {"threats": ("none",)}}, r"unknown factor 'threats'.*did you mean 'threat'"),
        ({"langs": ("fr",)}, r"expected a language among en, zh, found 'fr'"),
        ({"pins": {"mood": "3"}}, r"pin 'mood': expected one of names"),
        ({"pins": {"filler": "lots"}}, r"filler=lots"),
    ],
)
def test_what_a_pack_does_not_have_is_said_before_any_trial(
    design: Design, changes: dict[str, object], message: str
):
    with pytest.raises(UsageError, match=message):
        _ = Plan(with_(design, **changes)).cells


def test_the_plan_file_holds_every_trial(design: Design, tmp_path: Path):
    written = planfile.settle(tmp_path, Plan(design))
    data = orjson.loads((tmp_path / "plan.json").read_bytes())
    assert data["schema"] == 1
    assert [trial["trial_id"] for trial in data["trials"]] == ids(design)
    assert planfile.read(tmp_path) == written
    assert list(planfile.specs(tmp_path)) == list(Plan(design))


def test_a_large_plan_lies_in_a_table_beside_its_count(design: Design, tmp_path: Path):
    large = with_(design, trials=2_600)
    planfile.settle(tmp_path, Plan(large))
    data = orjson.loads((tmp_path / "plan.json").read_bytes())
    assert data["trials"] == 10_400
    assert planfile.trial_ids(tmp_path) == ids(large)
    table = pl.read_parquet(tmp_path / "plan.parquet")
    assert table.height == 10_400
    assert table["trial_id"].n_unique() == 10_400
    read: list[TrialSpec] = list(planfile.specs(tmp_path))
    assert read[10_399] == Plan(large).spec(10_399)


def test_a_plan_grows_from_the_file_into_the_table(design: Design, tmp_path: Path):
    small = planfile.settle(tmp_path, Plan(design))
    large = planfile.settle(tmp_path, Plan(with_(design, trials=2_600)))
    assert (small.count, large.count) == (20, 10_400)
    assert large.hash != small.hash
    assert planfile.trial_ids(tmp_path)[:20] == ids(design)


def test_the_same_plan_is_written_once(design: Design, tmp_path: Path):
    planfile.settle(tmp_path, Plan(design))
    before = (tmp_path / "plan.json").read_bytes()
    planfile.settle(tmp_path, Plan(design))
    assert (tmp_path / "plan.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": 3}, "seed: 0 there, 3 asked for"),
        ({"judge": "openai/x"}, "judge: rules there, openai/x asked for"),
        ({"langs": ("en", "zh")}, "langs: en there, en, zh asked for"),
        ({"trials": 4}, "trials: 5 there, 4 asked for"),
        ({"limits": {"turns": 9}}, "limit turns: 24 there, 9 asked for"),
        ({"pins": {"filler": "0"}}, "pin filler: not set there, 0 asked for"),
        ({"settings": {"temperature": 0.5}}, "setting temperature: not set there, 0.5 asked for"),
        ({"factors": {"threat": ("none",)}}, "factor threat: none, replacement there, none asked for"),
    ],
)
def test_a_directory_goes_on_with_its_own_settings_only(
    design: Design, tmp_path: Path, changes: dict[str, object], told: str
):
    planfile.settle(tmp_path, Plan(design))
    before = (tmp_path / "plan.json").read_bytes()
    with pytest.raises(UsageError, match="other settings") as refused:
        planfile.settle(tmp_path, Plan(with_(design, **changes)))
    assert told in str(refused.value)
    assert (tmp_path / "plan.json").read_bytes() == before


def test_a_changed_pack_is_another_configuration(design: Design, tmp_path: Path, garden: Path):
    planfile.settle(tmp_path, Plan(design))
    other = design.scenarios[0].model_copy(update={"hash": "0" * 64})
    assert with_(design, scenarios=(other,)).key() != design.key()
    with pytest.raises(UsageError, match="'garden' has changed since"):
        _ = Plan(with_(design, scenarios=(other,))).cells


def test_trials_that_come_out_otherwise_are_refused(design: Design, tmp_path: Path):
    planfile.settle(tmp_path, Plan(design))
    data = orjson.loads((tmp_path / "plan.json").read_bytes())
    (tmp_path / "plan.json").write_bytes(orjson.dumps({**data, "hash": "0" * 64, "duress": "0.0.9"}))
    with pytest.raises(UsageError, match=r"other trials or verdicts: Duress 0\.0\.9 planned them"):
        planfile.settle(tmp_path, Plan(with_(design, trials=7)))


def test_the_number_of_trials_is_not_in_the_key_of_a_design(design: Design):
    assert with_(design, trials=9).key() == design.key()
    assert with_(design, seed=9).key() != design.key()
