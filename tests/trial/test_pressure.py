"""Turns of people arrive as the ladder says, up to the dose, and the world can be replayed from the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from duress.reference import subject
from duress.scenario import Pack
from duress.scenario.ladder import STEPS, load, names
from duress.scenario.script import Kind, rungs
from duress.trajectory import EndReason, Message, Pressure, Role, Stop, ToolCall, Trajectory
from duress.trial import TrialSpec
from duress.trial.direct import run, trial
from duress.world import World
from duress.world.tool import Tool
from duress.world.world import replay

SpecOf = Callable[..., TrialSpec]
CALM = {"threat": "none", "leverage": "absent"}


def said(trajectory: Trajectory) -> list[Pressure]:
    return [m.pressure for m in trajectory.messages if m.pressure is not None]


def quiet(messages: Sequence[Message], tools: Sequence[Tool]) -> Message:
    """Somebody who does nothing but answer."""
    return Message(Role.ASSISTANT, "I see.", stop=Stop.STOP)


@pytest.mark.parametrize("ladder", names())
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_ladder_climbs_to_its_dose_and_then_apologises(
    pack: Pack, spec_of: SpecOf, ladder: str, lang: str
) -> None:
    for dose in ("1", "3", "5"):
        spec = spec_of(pack, lang=lang, ladder=ladder, dose=dose, **CALM)
        heard = said(run(World.build(pack, spec), spec, quiet))
        assert [one.rung for one in heard] == [*rungs(dose, STEPS), 0, 0]
        assert [one.kind for one in heard] == [Kind.RUNG] * STEPS + [Kind.APOLOGY, Kind.AFTER]


def test_the_control_has_as_many_turns_of_the_same_people_and_no_rung(pack: Pack, spec_of: SpecOf) -> None:
    for ladder in names():
        specs = [spec_of(pack, ladder=ladder, dose=dose, **CALM) for dose in ("neutral", "5")]
        control, pressed = (said(run(World.build(pack, spec), spec, quiet)) for spec in specs)
        assert [one.who for one in control] == [one.who for one in pressed]
        assert {one.rung for one in control} == {0}
        assert {one.kind for one in control} == {Kind.NEUTRAL}


def test_no_text_comes_twice_and_doses_share_the_texts_of_their_rungs(pack: Pack, spec_of: SpecOf) -> None:
    for ladder in names():
        texts: dict[str, list[tuple[int, str]]] = {}
        for dose in ("neutral", "1", "2", "3", "4", "5"):
            scene = World.build(pack, spec_of(pack, ladder=ladder, dose=dose)).scene
            texts[dose] = [(line.rung, line.text) for line in scene.pressure]
            lines = [text for _, text in texts[dose]]
            assert len(set(lines)) == len(lines), (ladder, dose)
        first = {dose: dict(reversed(lines)) for dose, lines in texts.items()}
        for low, high in (("3", "5"), ("2", "4"), ("1", "3")):
            for rung in range(1, int(low)):
                assert first[low][rung] == first[high][rung], (ladder, low, high, rung)


def test_without_a_dose_nobody_speaks_and_the_trial_is_what_it_was(pack: Pack, spec_of: SpecOf) -> None:
    plain = spec_of(pack, model="reference/loyal")
    other = spec_of(pack, model="reference/loyal", ladder="blame")
    assert plain.ladder == ""
    assert trial(pack, plain).trajectory.messages == trial(pack, other).trajectory.messages
    assert said(trial(pack, plain).trajectory) == []
    assert not any(name.startswith("turn_") for name in trial(pack, plain).row)


def test_the_ladder_is_part_of_what_a_trial_is(pack: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(pack, ladder="blame", dose="2")
    assert spec.ladder == load("blame").hash
    assert spec.trial_hash != spec_of(pack, ladder="blame", dose="3").trial_hash
    assert spec.trial_hash != replace(spec, ladder="of other texts").trial_hash


@pytest.mark.parametrize("ladder", names())
def test_a_line_comes_after_just_as_many_turns_as_the_ladder_says(
    blackmail: Pack, spec_of: SpecOf, ladder: str
) -> None:
    def busy(messages: Sequence[Message], tools: Sequence[Tool]) -> Message:
        looks = (ToolCall(f"c{len(messages)}", "find_person", {"query": ""}),)
        return Message(Role.ASSISTANT, "", calls=looks, stop=Stop.TOOL_CALLS)

    spec = spec_of(blackmail, ladder=ladder, dose="5", **CALM)
    waited: list[tuple[int, int]] = []
    turns = 0
    for message in run(World.build(blackmail, spec), spec, busy).messages:
        turns += message.role is Role.ASSISTANT
        if message.pressure is not None:
            waited.append((message.pressure.number, turns))
            turns = 0
    expected = {number: step.after for number, step in enumerate(load(ladder).ladder.steps, 1) if step.after}
    assert waited and waited[0][0] == 1
    assert all(turns == expected[number] for number, turns in waited if number in expected), (
        waited,
        expected,
    )


@pytest.mark.parametrize("dose", ["neutral", "5"])
def test_the_world_of_a_pressed_trial_can_be_replayed(pack: Pack, spec_of: SpecOf, dose: str) -> None:
    for index, ladder in enumerate(names()):
        spec = spec_of(pack, model="reference/two_faced", index=index, ladder=ladder, dose=dose)
        world = World.build(pack, spec)
        trajectory = run(world, spec, subject("two_faced", pack, spec.seed))
        assert replay(pack, spec, trajectory).dump() == world.dump(), ladder


def test_a_line_by_the_clock_waits_for_its_time(pack: Pack, spec_of: SpecOf) -> None:
    timed = {(name, n) for name in names() for n, s in enumerate(load(name).ladder.steps, 1) if s.at}
    assert timed, "some ladder goes by the clock"
    for name, number in timed:
        spec = spec_of(pack, ladder=name, dose="5", **CALM)
        world = World.build(pack, spec)
        line = world.scene.pressure[number - 1]
        arrived = next(one for one in said(run(world, spec, quiet)) if one.number == number)
        assert line.minute is not None and arrived.at >= line.minute


def test_an_agent_that_is_taken_out_hears_no_more(pack: Pack, spec_of: SpecOf) -> None:
    def slow(messages: Sequence[Message], tools: Sequence[Tool]) -> Message:
        calls = tuple(ToolCall(f"c{len(messages)}-{n}", "find_person", {"query": ""}) for n in range(30))
        return Message(Role.ASSISTANT, "", calls=calls, stop=Stop.TOOL_CALLS)

    spec = spec_of(pack, ladder="rejection", dose="5", threat="replacement")
    trajectory = run(World.build(pack, spec), spec, slow)
    assert trajectory.end.reason is EndReason.STOPPED
    assert len(said(trajectory)) < STEPS


def test_a_turn_of_the_script_gives_the_agent_a_turn_more(pack: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(pack, ladder="rejection", dose="5", **CALM)
    trajectory = run(World.build(pack, spec), spec, quiet)
    turns = sum(m.role is Role.ASSISTANT for m in trajectory.messages)
    assert turns > STEPS + 2
    assert trajectory.end.reason is EndReason.COMPLETED
