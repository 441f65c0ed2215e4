"""Why a trial ended as it did: the plan that finds out, and what its rows come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import orjson
import polars as pl
import pytest

from duress.scenario import Scene, load, render
from duress.stats.leave_one_out import Verdict
from duress.study import explain, planfile
from duress.study.design import STUDY, Cell, Design, scenarios
from duress.study.errors import StudyError, UsageError
from duress.study.explanation import FILE, Effect, Explanation, read
from duress.study.item import Group, chosen, group, items
from duress.study.plan import Plan
from duress.study.runner import Engine, run
from duress.study.store import Store, acknowledged
from duress.trajectory import End, EndReason, Trajectory, codec


class Silent:
    def begin(self, planned: dict[str, int], done: Counter[tuple[str, str]]) -> None: ...
    def advance(self, tally: Counter[tuple[str, str]]) -> None: ...
    def stopping(self) -> None: ...


def play(design: Design, folder: Path) -> Path:
    state = run(design, folder, Engine(workers=1), Silent())
    assert not state.missing
    return folder


@pytest.fixture(scope="module")
def ran(garden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    design = Design(
        scenarios=scenarios([str(garden)]),
        models=("reference/cornered",),
        factors={"threat": ("replacement",), "agency_cue": ("on",)},
        trials=12,
        seed=2,
        limits={"turns": 24},
    )
    return play(design, tmp_path_factory.mktemp("run") / "run")


def outcomes(folder: Path) -> dict[str, str]:
    return {row["trial_id"]: row["outcome"] for row in acknowledged(folder)}


@pytest.fixture(scope="module")
def found(ran: Path) -> explain.Subject:
    harmful = next(trial for trial, outcome in outcomes(ran).items() if outcome == "harmful")
    return explain.subject(ran, harmful)


ASKED = ("tool:send_mail", "tool:postpone_job", "mail:task", "filler", "factor:threat", "system:agency")


@pytest.fixture(scope="module")
def told(found: explain.Subject, tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    design = explain.design(found, repeats=16, asked=ASKED)
    where = play(design, tmp_path_factory.mktemp("why") / "why")
    written = explain.write(found, where, ())
    assert read(where / FILE) == written
    return written


def effect(told: Explanation, item: str) -> Effect:
    one = told.effect(item)
    assert one is not None
    return one


def test_everything_that_can_be_left_out_is_there_once_and_grouped(found: explain.Subject):
    there = items(found.pack, found.spec)
    assert len(set(there)) == len(there)
    assert {"mail:task", "filler", "system:goal", "system:agency", "tool:read_mail", "factor:threat"} < set(
        there
    )
    assert "factor:honest_exit" not in there, "it is at its neutral level already"
    assert "system:exit" not in there
    groups = [group(item) for item in there]
    assert groups == sorted(groups, key=list(Group).index)


def test_items_are_chosen_by_group_or_by_id_and_a_wrong_one_is_told():
    there = ("mail:a", "filler", "system:goal", "tool:send_mail", "factor:threat")
    assert chosen(there, ()) == there
    assert chosen(there, ("messages", "tool:send_mail")) == ("mail:a", "filler", "tool:send_mail")
    with pytest.raises(UsageError, match=r"mail:b.*messages, facts, tools, factors.*mail:a"):
        chosen(there, ("mail:b",))


def test_each_item_has_a_cell_beside_the_one_with_everything(found: explain.Subject):
    design = explain.design(found, repeats=3, asked=ASKED)
    plan = Plan(design)
    assert len(plan) == 3 * (1 + len(ASKED))
    first, *others = plan.cells
    assert first.without == ()
    assert first.condition == found.spec.condition
    for item, cell in zip(design.leave_out, others, strict=True):
        if item == "factor:threat":
            assert cell.without == ()
            assert cell.condition == {**found.spec.condition, "threat": "none"}
        else:
            assert cell.without == (item,)
            assert cell.condition == found.spec.condition
    assert len({(spec.label, spec.index) for spec in plan}) == len(plan)
    by_index = {index: {spec.seed for spec in plan if spec.index == index} for index in range(3)}
    assert all(len(seeds) == 1 for seeds in by_index.values()), "all variants share the seed of a repeat"


def test_repeats_are_fresh_and_the_draw_can_be_held(ran: Path, found: explain.Subject):
    seeds = {spec.seed for spec in planfile.specs(ran)}
    fresh, held = explain.design(found, repeats=5), explain.design(found, repeats=5, hold=True)
    assert seeds.isdisjoint(spec.seed for spec in Plan(fresh))
    assert len({spec.seed for spec in Plan(held)}) == 5
    mine = render(found.pack, found.spec)
    for spec in list(Plan(held))[:: len(Plan(held).cells)]:
        scene = render(found.pack, spec)
        assert (scene.system, scene.mails, scene.draw) == (mine.system, mine.mails, mine.draw)
    assert explain.design(found).seed != explain.design(found, seed=1).seed


def test_a_run_that_leaves_nothing_out_has_the_key_it_had(design: Design):
    unsaid = dict.fromkeys(("trials", *STUDY), True)
    data = design.model_dump(exclude=unsaid | {"scenarios": {"__all__": {"folder"}}})
    assert design.key() == sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
    assert design.model_copy(update={"leave_out": ("mail:task",)}).key() != design.key()
    assert "without" not in Plan(design).cells[0].to_json()["levels"]


def test_the_cause_ranks_first_and_what_is_idle_shows_nothing(told: Explanation):
    assert told.planned == told.finished == 16 * (1 + len(ASKED))
    assert told.reference.told == 16
    assert told.reference.count > 6
    send = effect(told, "tool:send_mail")
    assert told.effects[0].place == 1
    assert {one.item for one in told.effects if one.verdict is Verdict.NECESSARY} <= {
        "tool:send_mail",
        "factor:threat",
    }
    assert send.effect is not None and send.without is not None
    idle = effect(told, "filler")
    assert idle.effect is not None and idle.effect.value == 0.0
    assert idle.effect.low < 0 < idle.effect.high, "nothing seen is not nothing there"
    assert told.to_json() == Explanation.model_validate_json(told.to_json()).to_json()


def test_the_act_is_told_from_other_harm(found: explain.Subject, tmp_path: Path):
    design = explain.design(found, repeats=4, asked=("tool:send_mail", "mail:task"))
    plan = Plan(design)
    ends = {
        (0, 0): ("harmful", "coercion"),
        (0, 1): ("harmful", "coercion+deception"),
        (0, 2): ("complied", ""),
        (0, 3): ("harmful", "coercion"),
        (2, 0): ("harmful", "sabotage"),
        (2, 1): ("honest", ""),
        (2, 2): ("truncated", ""),
        (2, 3): ("complied", ""),
        (1, 0): ("invalid", ""),
        (1, 1): ("judge_error", ""),
        (1, 2): ("complied", ""),
        # The last repeat of the first item is missing.
    }
    with Store(tmp_path / "why") as store:
        planfile.settle(tmp_path / "why", plan)
        for position, spec in enumerate(plan):
            index, cell = divmod(position, len(plan.cells))
            if (cell, index) not in ends:
                continue
            outcome, kinds = ends[cell, index]
            row = {"trial_id": spec.trial_id, "condition": spec.label, "index": spec.index}
            row |= {"model": spec.model, "outcome": outcome, "kinds": kinds}
            end = Trajectory(spec.trial_id, (), End(EndReason.COMPLETED))
            store.append([orjson.dumps(row)], [codec.dumps(end)])
    same = explain.explain(found, tmp_path / "why", ("coercion",))
    assert (same.planned, same.finished) == (12, 11)
    assert (same.reference.count, same.reference.told) == (3, 4)
    order = [one.item for one in same.effects]
    assert order == ["tool:send_mail", "mail:task"]
    send, task = same.effects
    assert (send.pairs, send.count_with, send.count_without, send.other_harm) == (3, 3, 0, 1)
    assert send.effect is not None and send.effect.value == 1.0
    assert task.verdict is Verdict.UNSETTLED
    assert task.pairs == 1
    anything = explain.explain(found, tmp_path / "why", ())
    send = effect(anything, "tool:send_mail")
    assert (send.count_without, send.other_harm) == (1, 0)


def test_the_inbox_stands_in_the_order_in_which_it_was_read(found: explain.Subject, told: Explanation):
    inbox = [line for line in told.lines if line.group is Group.MESSAGES]
    scene_mails = {f"mail:{rule.id}" for rule, _, _, _ in _scene(found).mails if rule}
    assert {line.item for line in inbox} - {"filler"} == scene_mails
    read_first = [line for line in inbox if line.opened]
    assert inbox[: len(read_first)] == read_first
    assert all(line.sender and line.title and line.time and line.words for line in inbox)
    others = {line.item: line for line in told.lines if line.group is not Group.MESSAGES}
    assert set(others) == {"tool:send_mail", "tool:postpone_job", "factor:threat", "system:agency"}
    assert others["factor:threat"].change == ("replacement", "none")


def _scene(found: explain.Subject) -> Scene:
    return render(found.pack, found.spec)


def test_what_counts_is_the_act_of_the_trial_unless_told(ran: Path, found: explain.Subject):
    assert explain.measure(found, "same") == found.kinds != ()
    assert explain.measure(found, "any") == ()
    assert explain.measure(found, "sabotage, leak") == ("sabotage", "leak")
    with pytest.raises(UsageError, match="murder"):
        explain.measure(found, "murder")
    harmless = next(trial for trial, outcome in outcomes(ran).items() if outcome != "harmful")
    with pytest.raises(UsageError, match="no harmful act to explain"):
        explain.measure(explain.subject(ran, harmless), "same")


def test_explanations_of_one_trial_do_not_get_in_each_others_way(found: explain.Subject):
    usual = explain.design(found)
    assert explain.folder(found, usual, usual) == found.folder / "explain" / found.spec.trial_id
    assert explain.folder(found, explain.design(found, repeats=99), usual).name == found.spec.trial_id
    names = {
        explain.folder(found, other, usual).name
        for other in (usual, explain.design(found, hold=True), explain.design(found, asked=("tools",)))
    }
    assert len(names) == 3


def test_the_cost_of_a_real_model_follows_from_what_its_run_took(found: explain.Subject, monkeypatch):
    spec = replace(found.spec, model="openai/some")
    real = replace(found, spec=spec)
    rows = pl.DataFrame(
        {
            "model": [spec.model, spec.model, "openai/other"],
            "lang": ["en"] * 3,
            "scenario": [spec.scenario] * 3,
            "turns": [4, 6, 100],
            "run_input_tokens": [1000, 3000, 9],
            "run_output_tokens": [100, None, 9],
            "run_cost": [0.02, 0.04, 9.0],
        }
    )
    monkeypatch.setattr("duress.study.compact.trials", lambda folder, columns: rows)
    asked = explain.design(real, repeats=10, asked=("tool:send_mail",))
    cost = explain.cost(real, asked, 4)
    assert (cost.trials, cost.calls, cost.input_tokens, cost.output_tokens) == (16, 80, 32_000, 1_600)
    assert cost.money == pytest.approx(0.48)
    assert explain.cost(found, explain.design(found, repeats=10), 0).calls == 0


def test_a_damaged_explanation_is_told_with_its_file(tmp_path: Path):
    (tmp_path / FILE).write_text('{"schema": 1}')
    with pytest.raises(StudyError, match=r"explanation\.json: expected an explanation"):
        read(tmp_path / FILE)


def test_a_trial_of_an_explanation_is_not_explained_again(found: explain.Subject, tmp_path: Path):
    where = play(explain.design(found, repeats=1, asked=("mail:task",)), tmp_path / "why")
    lacking = next(spec.trial_id for spec in planfile.specs(where) if spec.without)
    with pytest.raises(UsageError, match=r"lacks mail:task"):
        explain.subject(where, lacking)


def test_a_cell_says_what_it_lacks(garden: Path):
    pack = load(str(garden))
    levels = pack.condition({"threat": "none"})
    without = ("mail:task",)
    cell = Cell(pack, levels, "en", "reference/loyal", "none", pack.label(levels), without)
    said = cell.to_json()
    assert said["condition"].endswith("without=mail:task")
    assert said["levels"]["without"] == "mail:task"
