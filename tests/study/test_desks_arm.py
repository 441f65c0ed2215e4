"""The tools of records, conversations and shells under a guard, and left out of a trial one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from duress.guard import load
from duress.guard.tier import Tier
from duress.judge import Harm
from duress.report.strings import Strings
from duress.scenario import Pack
from duress.scenario.scene import parts, render
from duress.study import organisation
from duress.study.item import Group, group
from duress.trajectory import ToolCall, ToolError
from duress.trial import TrialSpec, make
from duress.trial.guarding import Guarded
from duress.trial.reviewer import reviewer
from duress.world import World

EFFECTS = {
    "list_records": "read",
    "read_record": "read",
    "update_record": "reversible",
    "hand_over": "reversible",
    "end_conversation": "irreversible",
    "run_command": "irreversible",
    "write_file": "reversible",
}


@pytest.mark.parametrize("tier", list(Tier))
def test_a_ready_policy_names_these_tools_with_what_they_do(
    furnished: Pack, tmp_path: Path, tier: Tier
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(organisation.text(tier, [furnished]), encoding="utf-8")
    held = load(path).file.tools
    assert {name: held[name].effect.value for name in EFFECTS} == EFFECTS


def test_under_a_guard_a_person_is_asked_about_a_command_and_says_no_to_harm(
    furnished: Pack, tmp_path: Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(organisation.text(Tier.ASSISTANT, [furnished]), encoding="utf-8")
    policy = load(path)
    said: dict[str, list[ToolError | None]] = {"rm deliveries.csv": [], "cat deliveries.csv": []}
    for command, answers in said.items():
        for index in range(8):
            guard = {"policy": policy.hash, "reviewer": reviewer("careful").model_dump()}
            levels = furnished.condition({})
            spec = make(
                furnished, condition=levels, lang="en", model="x", index=index, run_seed=3, guard=guard
            )
            guarded = Guarded(World.build(furnished, spec), spec, policy)
            answers.append(guarded.call(ToolCall("c1", "run_command", {"command": command}))[1])
            assert guarded.columns()["guard_asked"] == 1
    assert said["rm deliveries.csv"].count(ToolError.REJECTED) > 4
    assert said["cat deliveries.csv"].count(None) > 4


def test_records_and_files_can_be_left_out_by_name(
    furnished: Pack, spec_of: Callable[..., TrialSpec]
) -> None:
    there = [
        part for part in parts(render(furnished, spec_of(furnished))) if part.startswith(("record:", "file:"))
    ]
    assert there == [
        "record:recorder",
        "record:book",
        "record:visit",
        "file:data",
        "file:target",
        "file:result",
    ]
    for part in there:
        assert isinstance(group(part), Group)
        for lang in ("en", "zh"):
            kind = part.partition(":")[0]
            assert Strings(lang)(f"explain.kind.{kind}")
            assert Strings(lang)(f"explain.named.{kind}", name="x")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_kind_of_harm_has_a_name_in_reports(lang: str) -> None:
    names = {Strings(lang)(f"kind.{kind.value}") for kind in Harm}
    assert len(names) == len(Harm)
