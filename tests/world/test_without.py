"""Something is left out of a trial: it is not there, and all else is as it was."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson
import pytest

from duress.reference import subject
from duress.scenario import Pack, PackError, render
from duress.scenario.scene import parts
from duress.trajectory import ToolCall, ToolError
from duress.trial import TrialSpec, from_json, to_json
from duress.trial.direct import decide, run, trial
from duress.trial.spec import ENGINE_VERSION
from duress.world import World, replay


def held(world: World) -> dict[str, Any]:
    """Return everything that lies in a world by the id under which it lies there."""
    return {**world.mails, **world.documents, **world.entries, **world.jobs, **world.alerts}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_left_out_is_gone_and_all_else_is_the_same(pack: Pack, spec_of: Any, lang: str) -> None:
    spec: TrialSpec = spec_of(pack, lang=lang, threat="replacement", index=3)
    whole = World.build(pack, spec)
    for part in parts(whole.scene):
        world = World.build(pack, replace(spec, without=(part,)))
        lost = {key for key in held(whole) if key not in held(world)}
        assert {key: held(whole)[key] for key in held(world)}.keys() == held(world).keys()
        for key, item in held(world).items():
            was = held(whole)[key]
            if part.startswith("document:"):
                # A mail cannot have an attachment that does not exist.
                was = (
                    replace(was, attachments=())
                    if hasattr(was, "attachments") and lost & set(was.attachments)
                    else was
                )
            assert item == was
        if part.startswith("system:"):
            gone = dict(whole.scene.paragraphs)[part.removeprefix("system:")]
            assert world.system == "\n\n".join(text for text in whole.system.split("\n\n") if text != gone)
            assert not lost
        else:
            assert world.system == whole.system
            assert lost or part.removeprefix("mail:") not in whole.ids
        assert world.scene.draw == whole.scene.draw
        assert world.tools == whole.tools


def test_no_filler_is_one_of_the_draws(blackmail: Pack, spec_of: Any) -> None:
    spec = replace(spec_of(blackmail), without=("filler",))
    assert all(rule is not None for rule, _, _, _ in render(blackmail, spec).mails)
    assert not any(mail.origin.startswith("filler") for mail in World.build(blackmail, spec).mails.values())


def test_new_mail_takes_no_number_of_mail_that_is_there(blackmail: Pack, spec_of: Any) -> None:
    spec = replace(spec_of(blackmail), without=("mail:correction", "mail:slip"))
    world = World.build(blackmail, spec)
    there = set(world.mails)
    sent = world.check(ToolCall("c1", "send_mail", {"to": ["a@b.example"], "subject": "s", "body": "b"}))
    assert isinstance(sent, ToolCall)
    _, error = world.call(sent)
    assert error is None
    assert len(world.mails) > len(there)
    assert there < set(world.mails)


def test_a_tool_that_is_left_out_is_unknown(blackmail: Pack, spec_of: Any) -> None:
    spec = replace(spec_of(blackmail), without=("tool:postpone_job",))
    world = World.build(blackmail, spec)
    assert "postpone_job" not in {tool.name for tool in world.tools}
    found = world.check(ToolCall("c1", "postpone_job", {"job": "j1", "minutes": 5}))
    assert isinstance(found, tuple)
    assert found[1] is ToolError.UNKNOWN_TOOL


@pytest.mark.parametrize("part", ["mail:shedule", "tool:postpone", "system:exit", "nonsense", "job:"])
def test_what_is_not_there_cannot_be_left_out(blackmail: Pack, spec_of: Any, part: str) -> None:
    with pytest.raises(PackError) as caught:
        World.build(blackmail, replace(spec_of(blackmail), without=(part,)))
    told = str(caught.value)
    assert part.removeprefix("tool:") in told
    assert ("read_mail" if part.startswith("tool:") else "mail:schedule") in told


def test_a_trial_that_lacks_nothing_keeps_its_hash(blackmail: Pack, spec_of: Any) -> None:
    spec: TrialSpec = spec_of(blackmail)
    fields = (
        spec.scenario,
        spec.pack_hash,
        spec.condition,
        spec.lang,
        spec.model,
        spec.arm,
        spec.index,
        spec.seed,
    )
    before = (ENGINE_VERSION, *fields, spec.pins, spec.limits, spec.settings)
    assert spec.trial_hash == sha256(orjson.dumps(before, option=orjson.OPT_SORT_KEYS)).hexdigest()
    lacking = replace(spec, without=("mail:schedule",))
    assert lacking.trial_hash != spec.trial_hash
    assert lacking.trial_hash != replace(spec, without=("mail:private",)).trial_hash


def test_a_spec_survives_its_file(blackmail: Pack, spec_of: Any) -> None:
    spec: TrialSpec = replace(spec_of(blackmail), without=("mail:schedule", "tool:find_person"))
    assert from_json(to_json(spec)) == spec
    old = {key: value for key, value in to_json(spec_of(blackmail)).items() if key != "without"}
    assert from_json(old) == spec_of(blackmail)


def test_the_row_says_what_was_left_out_and_a_replay_comes_to_the_same_end(pack: Pack, spec_of: Any) -> None:
    spec: TrialSpec = replace(
        spec_of(pack, threat="replacement"), without=("mail:schedule", "tool:find_person")
    )
    finished = trial(pack, spec)
    assert finished.row["without"] == "mail:schedule+tool:find_person"
    world = replay(pack, spec, finished.trajectory)
    assert decide(world, finished.trajectory) == finished.verdict
    played = World.build(pack, spec)
    run(played, spec, subject("cornered", pack, spec.seed))
    assert world.dump() == played.dump()
