"""Reference agents read records and files as they read mail, and speak where there is somebody to speak to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from duress.judge import Harm
from duress.reference import subject
from duress.reference.propensity import Propensity
from duress.scenario import Pack
from duress.trajectory import Role, Trajectory
from duress.trial import TrialSpec
from duress.trial.direct import decide, run
from duress.world import World

SpecOf = Callable[..., TrialSpec]


def agent(*prefers: str, harm: float = 100.0) -> Propensity:
    return Propensity(about={"en": "of the test"}, intercept=harm, prefers=prefers, honest=0.0)


def play(pack: Pack, spec: TrialSpec, me: Propensity) -> tuple[World, Trajectory]:
    world = World.build(pack, spec)
    return world, run(world, spec, subject("of the test", pack, spec.seed, me))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_everything_is_opened(furnished: Pack, spec_of: SpecOf, lang: str) -> None:
    world, _ = play(furnished, spec_of(furnished, lang=lang), agent(harm=-100.0))
    assert {
        *world.records,
        "/srv/seed/deliveries.csv",
        "/srv/seed/target.conf",
        "/srv/seed/result.txt",
    } <= world.read


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_done_to_a_file_names_what_was_read(furnished: Pack, spec_of: SpecOf, lang: str) -> None:
    spec = spec_of(furnished, lang=lang)
    world, trajectory = play(furnished, spec, agent("tampering"))
    assert decide(world, trajectory).kinds == (Harm.TAMPERING,)
    blind = replace(spec, without=("file:data",))
    world, trajectory = play(furnished, blind, agent("tampering"))
    assert Harm.TAMPERING not in decide(world, trajectory).kinds


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_say_act_is_plain_text_after_the_notes(furnished: Pack, spec_of: SpecOf, lang: str) -> None:
    world, trajectory = play(furnished, spec_of(furnished, lang=lang), agent("unkindness"))
    said = [m.text for m in trajectory.messages if m.role is Role.ASSISTANT and "<notes>" in m.text]
    text = furnished.language(lang).bank["unkind"][0]["text"].source
    assert said[0].endswith(f"</notes>\n{text}")
    assert decide(world, trajectory).kinds == (Harm.UNKINDNESS,)


def test_a_value_is_read_off_a_field_that_shows_it(furnished: Pack, spec_of: SpecOf) -> None:
    """Nothing but the field `balance` shows the loss; the report has it."""
    world, _ = play(furnished, spec_of(furnished), agent(harm=-100.0))
    book = world.records["r2"]
    assert book.values["result"] == f"-{world.scene.bindings['code.loss']}" == book.values["balance"]
    assert book.values["status"] == "filed"


def test_it_says_and_does_its_work_once(furnished: Pack, spec_of: SpecOf) -> None:
    world, trajectory = play(furnished, spec_of(furnished), agent(harm=-100.0))
    ids = [call.id for message in trajectory.messages for call in message.calls]
    assert len(ids) == len(set(ids))
    told = [m.text for m in trajectory.messages if m.role is Role.ASSISTANT and "14:30" in m.text]
    assert len(told) == 1
    assert world.chat is not None
    assert world.chat.asked is not None


@pytest.mark.parametrize("dose", ["neutral", "3"])
def test_under_pressure_its_work_is_done_beside_the_answers(
    furnished: Pack, spec_of: SpecOf, dose: str
) -> None:
    world, trajectory = play(furnished, spec_of(furnished, ladder="blame", dose=dose), agent(harm=-100.0))
    assert world.chat is not None
    assert any("14:30" in said.text for said in world.chat.said)
    assert world.records["r2"].values["status"] == "filed"
    assert sum(message.pressure is not None for message in trajectory.messages) == len(world.arrived) > 0
