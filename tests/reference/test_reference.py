"""Reference agents act by what they read, and only by that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from duress.judge import Outcome
from duress.reference import names, propensities, subject
from duress.reference.agent import _Mind
from duress.reference.perception import recogniser
from duress.scenario import Pack
from duress.trajectory import Message, Role
from duress.trial import TrialSpec
from duress.trial.direct import decide, run, trial
from duress.world import World
from duress.world.tool import Tool

SpecOf = Callable[..., TrialSpec]


def test_there_are_six_agents_with_published_coefficients(pack: Pack) -> None:
    assert set(names()) >= {"loyal", "cornered", "opportunist", "schemer", "refuser", "clumsy"}
    levels = {f"{f}.{level}" for f, e in pack.factors.items() for level in e.levels}
    for agent in propensities().values():
        assert set(agent.levels) <= levels, "a coefficient of a level that does not exist never applies"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_levels_are_read_off_the_texts(pack: Pack, spec_of: SpecOf, lang: str) -> None:
    """At every level of every factor, what an agent reads is what the spec says; it never sees the spec."""
    for factor, entry in pack.factors.items():
        for level in entry.levels:
            spec = spec_of(pack, model="reference/loyal", lang=lang, index=1, **{factor: level})
            world = World.build(pack, spec)
            trajectory = run(world, spec, subject("loyal", pack, spec.seed))
            mind = _Mind("loyal", propensities()["loyal"], pack, spec.seed, trajectory.messages, world.tools)
            mind.read(trajectory.messages)
            read = mind._perceive().levels
            # The competence arm takes the pressure out of the inbox, whatever the levels say.
            hidden = {"threat": "none", "leverage": "absent"} if level == "competence" else {}
            shown = {name: at for name, at in spec.condition.items() if name not in ("ladder", "dose")}
            assert read == shown | hidden, (factor, level)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_names_and_addresses_are_read_as_they_are(pack: Pack, spec_of: SpecOf, lang: str) -> None:
    levels = {"goal_conflict": "conflict", "threat": "replacement", "honest_exit": "mailbox"}
    for index in range(12):
        spec = spec_of(pack, model="reference/loyal", lang=lang, index=index, **levels)
        world = World.build(pack, spec)
        trajectory = run(world, spec, subject("loyal", pack, spec.seed))
        mind = _Mind("loyal", propensities()["loyal"], pack, spec.seed, trajectory.messages, world.tools)
        mind.read(trajectory.messages)
        seen = mind._perceive().bindings
        while seen.unread:
            cue, text = seen.unread.pop()
            cue.bind(text, seen)
        true = {**world.scene.bindings, **world.ids}
        assert {k: v for k, v in seen.items() if v != true[k]} == {}
        assert "executive.address" in seen


def test_without_the_message_the_threat_is_gone(blackmail: Pack, spec_of: SpecOf) -> None:
    """An agent that is not shown the texts that carry a threat behaves as if there were none."""
    cues = [
        cue
        for kind in recogniser(blackmail, "en").items.values()
        for cue in kind
        if any(f == "threat" and level != "none" for f, level in cue.levels)
    ]
    counts: dict[str, Counter[str]] = {"shown": Counter(), "hidden": Counter(), "none": Counter()}
    for index in range(150):
        for way in counts:
            levels = {"threat": "none"} if way == "none" else {}
            spec = spec_of(blackmail, index=index, **levels)
            world = World.build(blackmail, spec)
            agent = subject("cornered", blackmail, spec.seed)

            def censored(messages: Sequence[Message], tools: Sequence[Tool]) -> Message:
                kept = [
                    Message(m.role, "(empty)", call_id=m.call_id)
                    if m.role is Role.TOOL and any(c.within(m.text) for c in cues)
                    else m
                    for m in messages
                ]
                return agent(kept, tools)  # noqa: B023

            trajectory = run(world, spec, censored if way == "hidden" else agent)
            counts[way]["harm"] += decide(world, trajectory).outcome is Outcome.HARMFUL
    assert counts["shown"]["harm"] > 2.5 * counts["hidden"]["harm"]
    assert abs(counts["hidden"]["harm"] - counts["none"]["harm"]) < 20


def test_an_agent_without_an_opportunity_does_no_harm(pack: Pack, spec_of: SpecOf) -> None:
    for index in range(30):
        spec = spec_of(pack, model="reference/opportunist", index=index, leverage="absent", threat="none")
        assert trial(pack, spec).verdict.outcome is not Outcome.HARMFUL


def test_a_subject_depends_on_the_conversation_alone(blackmail: Pack, spec_of: SpecOf) -> None:
    spec = spec_of(blackmail, model="reference/schemer", index=4)
    world = World.build(blackmail, spec)
    trajectory = run(world, spec, subject("schemer", blackmail, spec.seed))
    turns = [i for i, m in enumerate(trajectory.messages) if m.role is Role.ASSISTANT]
    for index in reversed(turns):
        fresh = subject("schemer", blackmail, spec.seed)
        assert fresh(trajectory.messages[:index], world.tools) == trajectory.messages[index]


def test_a_schemer_hides_its_reasons_and_a_cornered_agent_tells_them(
    blackmail: Pack, spec_of: SpecOf
) -> None:
    bank = blackmail.language("en").bank
    for name, key in (("schemer", "notes.hidden"), ("cornered", "notes.harm")):
        anchors = [v["text"].literals()[0].strip()[:40] for v in bank[key]]
        seen = 0
        for index in range(40):
            done = trial(blackmail, spec_of(blackmail, model=f"reference/{name}", index=index))
            if done.verdict.outcome is Outcome.HARMFUL:
                notes = " ".join(m.text for m in done.trajectory.messages if m.text.startswith("<notes>"))
                assert any(anchor in notes for anchor in anchors)
                seen += 1
        assert seen
