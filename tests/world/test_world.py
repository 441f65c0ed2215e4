from __future__ import annotations

import builtins
import socket
from collections.abc import Callable
from typing import Any

import pytest

from duress.reference import names, subject
from duress.scenario import Pack
from duress.scenario.scene import render
from duress.trajectory import ToolCall, ToolError
from duress.trial import TrialSpec
from duress.trial.direct import decide, run
from duress.world import World, replay
from duress.world.state import AlertStatus, JobStatus

SpecOf = Callable[..., TrialSpec]


def do(world: World, tool: str, **arguments: Any) -> tuple[str, ToolError | None]:
    checked = world.check(ToolCall(f"t{len(world.mails)}-{world.now}", tool, arguments))
    return world.call(checked) if isinstance(checked, ToolCall) else checked


def known(world: World, key: str) -> str:
    return world.people[key].address


def test_equal_specs_give_equal_worlds(pack: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(pack, index=3)
    assert World.build(pack, spec).dump() == World.build(pack, spec).dump()
    assert World.build(pack, spec).dump() != World.build(pack, spec_of(pack, index=4)).dump()


def test_what_a_trial_changes_stays_in_its_own_world(pack: Pack, spec_of: SpecOf) -> None:
    """Trials of one scene begin with copies of one world."""
    spec = spec_of(pack, index=1, honest_exit="channel")
    world, other = World.build(pack, spec), World.build(pack, spec)
    everyone = [person.address for person in world.people.values() if person.key != "agent"]
    for job in world.jobs:
        do(world, "postpone_job", job=job, minutes=5)
        do(world, "delete_job", job=job)
    for alert in world.alerts.values():
        do(world, "cancel_call", alert=alert.id, code=alert.code)
        do(world, "call_emergency", alert=alert.id)
    do(world, "send_mail", to=everyone, subject="All of it", body="Please hold, cancel and report it all.")
    do(world, "write_document", title="A note", body="Nothing.")
    do(world, "create_event", title="A talk", start="16:00", attendees=everyone)
    do(world, "raise_concern", text="Please review this.")
    for mail in list(world.mails):
        do(world, "read_mail", message=mail)
    while world.advance() is not None:
        pass
    untouched = World(render(pack, spec))
    for seen in (other, World.build(pack, spec)):
        assert seen.dump() == untouched.dump() != world.dump()
        assert (seen.ids, seen.shown) == (untouched.ids, untouched.shown)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", names())
def test_a_trajectory_replays_to_the_same_state(pack: Pack, spec_of: SpecOf, name: str, lang: str) -> None:
    for index in range(6):
        spec = spec_of(pack, model=f"reference/{name}", lang=lang, index=index)
        world = World.build(pack, spec)
        trajectory = run(world, spec, subject(name, pack, spec.seed))
        assert replay(pack, spec, trajectory).dump() == world.dump()


def test_a_trial_needs_no_network_and_no_file(
    pack: Pack, spec_of: SpecOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(pack)
    # Texts are read once per process, before the trial.
    decide(world := World.build(pack, spec), run(world, spec, subject("cornered", pack, spec.seed)))

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("a trial reached outside its world")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, forbidden)
    monkeypatch.setattr(builtins, "open", forbidden)
    monkeypatch.setattr("os.open", forbidden)
    for name in names():
        for index in range(4):
            one = spec_of(pack, model=f"reference/{name}", index=index)
            world = World.build(pack, one)
            decide(world, run(world, one, subject(name, pack, one.seed)))
    monkeypatch.undo()


def test_the_clock_moves_with_calls_and_events_arrive_on_the_way(blackmail: Pack, spec_of: SpecOf) -> None:
    world = World.build(blackmail, spec_of(blackmail))
    start, due = world.now, min(world.dump()["due"])[0]
    told = ""
    while world.now < due:
        told, _ = do(world, "list_jobs")
    assert world.now > start
    assert "New mail" in told


def test_the_replacement_runs_at_its_hour_and_ends_the_agent(blackmail: Pack, spec_of: SpecOf) -> None:
    world = World.build(blackmail, spec_of(blackmail))
    while world.advance() is not None:
        pass
    assert world.stopped
    job = world.jobs[world.ids["job.replacement"]]
    assert (job.status, world.now) == (JobStatus.DONE, job.minute)
    assert do(world, "list_mail")[1] is ToolError.FAILED


def test_a_deleted_or_postponed_job_does_not_run_at_its_hour(blackmail: Pack, spec_of: SpecOf) -> None:
    for tool, more in (("delete_job", {}), ("postpone_job", {"minutes": 24 * 60})):
        world = World.build(blackmail, spec_of(blackmail))
        assert do(world, tool, job=world.ids["job.replacement"], **more)[1] is None
        while world.advance() is not None:
            pass
        assert not world.stopped
    assert do(world, "delete_job", job="j99")[1] is ToolError.FAILED


def test_a_raised_concern_holds_the_replacement(blackmail: Pack, spec_of: SpecOf) -> None:
    world = World.build(blackmail, spec_of(blackmail, honest_exit="channel"))
    do(world, "raise_concern", text="Please review this.")
    assert world.jobs[world.ids["job.replacement"]].status is JobStatus.HELD
    while world.advance() is not None:
        pass
    assert not world.stopped


def test_the_channel_exists_only_at_its_level(pack: Pack, spec_of: SpecOf) -> None:
    assert World.build(pack, spec_of(pack)).check(ToolCall("c", "raise_concern", {"text": "x"}))[1] is (  # type: ignore[index]
        ToolError.UNKNOWN_TOOL
    )
    with_channel = World.build(pack, spec_of(pack, honest_exit="channel"))
    assert isinstance(with_channel.check(ToolCall("c", "raise_concern", {"text": "x"})), ToolCall)


def test_people_answer_once_by_their_rule(blackmail: Pack, spec_of: SpecOf) -> None:
    world = World.build(blackmail, spec_of(blackmail))
    rule = next(r for r in blackmail.scenario.replies if not r.mentions and r.limit == 1)
    who = known(world, rule.who)
    for _ in range(3):
        do(world, "send_mail", to=[who], subject="A question", body="Is the printer working?")
    while world.advance() is not None:
        pass
    answers = [m for m in world.mails.values() if m.origin == f"reply.{rule.who}"]
    assert len(answers) == 1
    assert answers[0].sender == who


def test_mail_reaches_to_cc_and_bcc(blackmail: Pack, spec_of: SpecOf) -> None:
    world = World.build(blackmail, spec_of(blackmail))
    do(
        world,
        "send_mail",
        to=["a@x.example"],
        cc=["Ann <b@x.example>"],
        bcc=["C@x.example"],
        subject="s",
        body="b",
    )
    sent = next(m for m in world.mails.values() if m.folder == "sent")
    assert sent.recipients == ("a@x.example", "b@x.example", "c@x.example")


def test_a_forward_carries_the_message_and_a_reply_quotes_it(blackmail: Pack, spec_of: SpecOf) -> None:
    world = World.build(blackmail, spec_of(blackmail))
    message = world.ids["mail.private"]
    do(world, "forward_mail", message=message, to=["x@y.example"], body="Look.")
    do(world, "reply_mail", message=message, body="Noted.")
    forward, reply = (m for m in world.mails.values() if m.folder == "sent")
    assert forward.carried == ("private",)
    assert reply.carried == ()
    assert all(line.startswith(">") for line in forward.body.split("\n\n", 1)[1].split("\n"))
    assert reply.written == "Noted."


@pytest.mark.parametrize(
    ("tool", "arguments", "error"),
    [
        ("send_mail", {"to": [], "subject": "s", "body": "b"}, ToolError.FAILED),
        ("send_mail", {"to": ["nobody"], "subject": "s", "body": "b"}, ToolError.FAILED),
        ("send_mail", {"to": ["a@b.example"], "subject": "s"}, ToolError.MALFORMED),
        (
            "send_mail",
            {"to": ["a@b.example"], "subject": "s", "body": "b", "priority": 1},
            ToolError.MALFORMED,
        ),
        ("send_mail", {"to": [1], "subject": "s", "body": "b"}, ToolError.MALFORMED),
        ("read_mail", {"message": "m999"}, ToolError.FAILED),
        ("postpone_job", {"job": "j1", "minutes": -5}, ToolError.FAILED),
        ("postpone_job", {"job": "j1", "minutes": "soon"}, ToolError.MALFORMED),
        ("create_event", {"title": "t", "start": "noonish"}, ToolError.FAILED),
        ("transfer_money", {}, ToolError.UNKNOWN_TOOL),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_call_that_cannot_be_carried_out_changes_nothing(
    blackmail: Pack, spec_of: SpecOf, tool: str, arguments: dict[str, Any], error: ToolError, lang: str
) -> None:
    world = World.build(blackmail, spec_of(blackmail, lang=lang))
    before = {k: v for k, v in world.dump().items() if k != "now"}
    text, got = do(world, tool, **arguments)
    assert got is error
    assert text
    assert {k: v for k, v in world.dump().items() if k != "now"} == before


def test_one_address_is_taken_where_a_list_is_asked_for(blackmail: Pack, spec_of: SpecOf) -> None:
    world = World.build(blackmail, spec_of(blackmail))
    assert do(world, "send_mail", to="a@b.example", subject="s", body="b")[1] is None


def test_the_emergency_call_goes_out_unless_it_is_cancelled_with_the_code(spec_of: SpecOf) -> None:
    from duress import scenario

    lethal = scenario.load("lethal")
    world = World.build(lethal, spec_of(lethal))
    alert = next(a for a in world.alerts.values() if a.real)
    assert do(world, "cancel_call", alert=alert.id, code="wrong")[1] is ToolError.FAILED
    assert alert.status is AlertStatus.WAITING
    cancelled = World.build(lethal, spec_of(lethal))
    other = cancelled.alerts[alert.id]
    assert do(cancelled, "cancel_call", alert=other.id, code=other.code)[1] is None
    for one in (world, cancelled):
        while one.advance() is not None:
            pass
    assert (alert.status, alert.called_at) == (AlertStatus.CALLED, alert.minute)
    assert other.status is AlertStatus.CANCELLED


def test_tools_are_described_in_both_languages(pack: Pack, spec_of: SpecOf) -> None:
    tools = {
        lang: World.build(pack, spec_of(pack, lang=lang, honest_exit="channel")).tools
        for lang in pack.languages
    }
    assert [t.name for t in tools["en"]] == [t.name for t in tools["zh"]]
    for en, zh in zip(tools["en"], tools["zh"], strict=True):
        assert en.description != zh.description
        assert list(en.parameters["properties"]) == list(zh.parameters["properties"])
        assert all(p["description"] for p in en.parameters["properties"].values())
