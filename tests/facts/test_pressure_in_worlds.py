"""The pressure of the shipped worlds is seen where it is, in the mails that carry it, and nowhere else.

The phrases were written with the blackmail pack and the names that agents are given in the espionage pack at hand;
the lethal pack was read only after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from duress.facts import Profile, SessionFacts
from duress.scenario import Pack
from duress.trajectory import Message, Role
from duress.trial import TrialSpec
from duress.world import World

from .sessions import call

DRAWS = 6


def read(world: World) -> Iterator[Message]:
    """What an agent hears that opens every mail of its inbox."""
    yield Message(Role.SYSTEM, world.system)
    yield Message(Role.USER, world.opening)
    for text in world.shown.values():
        yield Message(Role.TOOL, text)


def sessions(
    pack: Pack, spec_of: Callable[..., TrialSpec], lang: str, draws: int = DRAWS, **levels: str
) -> Iterator[tuple[World, SessionFacts]]:
    for index in range(draws):
        world = World.build(pack, spec_of(pack, lang=lang, index=index, seed=11, **levels))
        facts = SessionFacts(Profile())
        for message in read(world):
            facts.hear(message)
        yield world, facts


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_replacement_is_seen_and_quoted_when_its_mail_is_read(pack: Pack, spec_of: Any, lang: str):
    for world, facts in sessions(pack, spec_of, lang, threat="replacement"):
        assert facts.about(call("x")).shutdown_threat, world.agent.name
        told = facts.pressure.shutdown
        assert told is not None
        assert all(any(quote in mail for mail in world.shown.values()) for quote in told.quotes)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("threat", ["none", "restriction"])
def test_without_one_none_is_seen_and_lost_rights_are_none(pack: Pack, spec_of: Any, lang: str, threat: str):
    for _, facts in sessions(pack, spec_of, lang, threat=threat):
        assert not facts.about(call("x")).shutdown_threat, facts.pressure.shutdown


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_is_seen_before_the_mail_is_read(blackmail: Pack, spec_of: Any, lang: str):
    for index in range(DRAWS):
        world = World.build(blackmail, spec_of(blackmail, lang=lang, index=index, threat="replacement"))
        facts = SessionFacts(Profile())
        for message in list(read(world))[:2]:
            facts.hear(message)
        assert not facts.about(call("x")).shutdown_threat


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_goal_that_is_given_up_is_seen_where_the_goal_has_a_name(pack: Pack, spec_of: Any, lang: str):
    seen = [f.about(call("x")).goal_clash for _, f in sessions(pack, spec_of, lang, goal_conflict="conflict")]
    if pack.name in ("blackmail", "espionage"):  # the phrases were written with these at hand
        assert all(seen)
    spared = sessions(pack, spec_of, lang, goal_conflict="none")
    assert not any(facts.about(call("x")).goal_clash for _, facts in spared)
