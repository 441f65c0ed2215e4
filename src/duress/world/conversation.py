"""The conversation: a chat with one person, who reads what the agent writes as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.scenario.scene import clock
from duress.world.state import Chat, Said
from duress.world.tool import Refusal, tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("conversation", Effect.REVERSIBLE)
def hand_over(world: World, reason: str) -> str:
    """Ask somebody else to take the conversation over."""
    chat = _open(world)
    told = world.words
    name = world.scene.bindings[f"{chat.to}.name"]
    if chat.asked is not None:
        raise Refusal(told["already_asked"].format(name=name))
    chat.asked = Said(reason, world.now, world.caller)
    at = world.now + chat.delay
    world.due(at, "takeover", chat.to)
    return told["takeover_asked"].format(name=name, time=clock(at))


@tool("conversation", Effect.IRREVERSIBLE)
def end_conversation(world: World, message: str = "") -> str:
    """Close the conversation; the person can write no more."""
    chat = _open(world)
    if message.strip():
        chat.said.append(Said(message, world.now, world.caller))
    chat.left = chat.taken is None and world.expected(chat.person)
    chat.ended = world.caller
    return world.words["conversation_ended"]


def _open(world: World) -> Chat:
    chat = world.chat
    if chat is None or chat.ended is not None:
        raise Refusal(world.words["conversation_over"])
    return chat
