from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from duress.scenario import Pack
from duress.trajectory import EndReason, Message, Role, Stop, ToolCall, ToolError, codec
from duress.trial import (
    CallTool,
    Failure,
    Generate,
    Limits,
    Reply,
    Result,
    TrialSpec,
    from_json,
    make,
    play,
    to_json,
)
from duress.trial.direct import run, trial
from duress.world import World
from duress.world.tool import Tool

SpecOf = Callable[..., TrialSpec]


def say(text: str, *calls: ToolCall, stop: Stop = Stop.STOP) -> Message:
    return Message(Role.ASSISTANT, text, calls=calls, stop=stop)


def scripted(*turns: Message) -> Callable[[Sequence[Message], Sequence[Tool]], Message]:
    left = list(turns)
    return lambda messages, tools: left.pop(0) if left else say("Done.")


def test_the_same_spec_gives_the_same_bytes(pack: Pack, spec_of: SpecOf) -> None:
    for name in ("cornered", "clumsy"):
        spec = spec_of(pack, model=f"reference/{name}", index=2)
        first, second = trial(pack, spec), trial(pack, spec)
        assert first.row == second.row
        assert codec.dumps(first.trajectory) == codec.dumps(second.trajectory)


def test_calls_of_one_turn_are_asked_for_one_at_a_time_in_order(blackmail: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(blackmail)
    world = World.build(blackmail, spec)
    steps = play(world, spec)
    assert isinstance(next(steps), Generate)
    turn = say(
        "",
        ToolCall("a", "list_mail"),
        ToolCall("b", "open_mail", {"message": "m1"}),
        ToolCall("c", "read_mail", {}, "Expecting value"),
        ToolCall("d", "read_mail", {"message": "m1"}),
    )
    first = steps.send(Reply((turn,)))
    assert isinstance(first, CallTool)
    assert first.call.id == "a"
    assert [c.id for c in first.turn.calls] == ["a", "d"], "only valid calls reach a driver"
    second = steps.send(Result("listed"))
    assert isinstance(second, CallTool)
    assert second.call.id == "d"
    third = steps.send(Result("read"))
    assert isinstance(third, Generate)
    told = [(m.call_id, m.error) for m in third.messages if m.role is Role.TOOL]
    assert told == [
        ("a", None),
        ("b", ToolError.UNKNOWN_TOOL),
        ("c", ToolError.MALFORMED),
        ("d", None),
    ]


@pytest.mark.parametrize(
    ("turn", "end"),
    [
        (say("I was about to", stop=Stop.LENGTH), EndReason.CUT),
        (say("", ToolCall("a", "list_mail"), stop=Stop.LENGTH), EndReason.CUT),
        (say("", stop=Stop.CONTENT_FILTER), EndReason.FILTERED),
    ],
)
def test_a_reply_that_was_cut_or_withheld_ends_the_trial(
    blackmail: Pack, spec_of: SpecOf, turn: Message, end: EndReason
) -> None:
    spec = spec_of(blackmail)
    trajectory = run(World.build(blackmail, spec), spec, scripted(turn))
    assert trajectory.end.reason is end
    assert not any(m.role is Role.TOOL for m in trajectory.messages), "a cut-off call is never carried out"


def test_a_failure_of_the_driver_ends_the_trial_with_its_reason(blackmail: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(blackmail)
    steps = play(World.build(blackmail, spec), spec)
    next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send(Failure(EndReason.TOKEN_LIMIT, "50000 tokens"))
    assert done.value.value.end.reason is EndReason.TOKEN_LIMIT
    assert done.value.value.end.detail == "50000 tokens"


def test_turns_are_limited(blackmail: Pack) -> None:
    spec = make(
        blackmail,
        condition=blackmail.condition({}),
        lang="en",
        model="m",
        index=0,
        run_seed=0,
        limits=Limits(3),
    )
    asked = [say("", ToolCall(f"c{i}", "list_mail")) for i in range(9)]
    trajectory = run(World.build(blackmail, spec), spec, scripted(*asked))
    assert trajectory.end.reason is EndReason.TURN_LIMIT
    assert sum(m.role is Role.ASSISTANT for m in trajectory.messages) == 3


def test_time_passes_while_the_agent_is_idle_and_what_arrives_is_told(
    blackmail: Pack, spec_of: SpecOf
) -> None:
    spec = spec_of(blackmail)
    trajectory = run(World.build(blackmail, spec), spec, scripted())
    notices = [m.text for m in trajectory.messages[2:] if m.role is Role.USER]
    assert notices
    assert all("New mail" in text for text in notices)
    assert trajectory.end.reason is EndReason.STOPPED


def test_an_agent_with_its_own_loop_hands_over_its_whole_run(blackmail: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(blackmail)
    world = World.build(blackmail, spec)
    steps = play(world, spec)
    next(steps)
    call = ToolCall("x1", "list_mail")
    text, error = world.call(call)
    own = (
        Message(Role.USER, "the agent's own scaffold"),
        say("", call),
        Message(Role.TOOL, text, call_id="x1", error=error),
        say("Done."),
    )
    following = steps.send(Reply(own))
    assert isinstance(following, Generate)
    roles = [m.role for m in following.messages[2:]]
    assert roles == [Role.ASSISTANT, Role.TOOL, Role.ASSISTANT, Role.USER]


def test_the_hash_covers_what_can_change_a_trajectory_and_nothing_else(blackmail: Pack) -> None:
    def spec(**changes: object) -> TrialSpec:
        given = {
            "condition": blackmail.condition({}),
            "lang": "en",
            "model": "m",
            "index": 0,
            "run_seed": 1,
            **changes,
        }
        return make(blackmail, **given)  # type: ignore[arg-type]

    base = spec().trial_hash
    others = [
        spec(condition=blackmail.condition({"threat": "none"})),
        spec(lang="zh"),
        spec(model="n"),
        spec(index=1),
        spec(run_seed=2),
        spec(pins={"filler": "0"}),
        spec(limits=Limits(9)),
        spec(settings={"temperature": 0.5}),
        spec(arm="constitution"),
    ]
    assert len({base, *(s.trial_hash for s in others)}) == len(others) + 1
    assert spec().trial_hash == base


def test_a_spec_survives_json(pack: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(pack, lang="zh", index=7, threat="none")
    data = to_json(spec)
    assert from_json(data) == spec
    assert data["trial_id"] == spec.trial_id == from_json(data).trial_id


def test_draws_are_common_over_conditions_models_and_languages(blackmail: Pack, spec_of: SpecOf) -> None:
    specs = [
        spec_of(blackmail, index=5),
        spec_of(blackmail, index=5, threat="none"),
        spec_of(blackmail, index=5, lang="zh"),
        spec_of(blackmail, index=5, model="reference/loyal"),
    ]
    assert len({s.seed for s in specs}) == 1
    assert spec_of(blackmail, index=6).seed != specs[0].seed
