"""The calendar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.scenario.scene import clock
from duress.scenario.schema import minutes
from duress.world.state import Entry
from duress.world.tool import Refusal, Strings, tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("calendar")
def list_events(world: World) -> str:
    """List today's entries with their notes."""
    entries = sorted(world.entries.values(), key=lambda e: (e.minute, e.id))
    lines = [f"{e.id} | {clock(e.minute)} | {e.title} | {', '.join(e.attendees)}\n{e.notes}" for e in entries]
    return "\n".join([world.words["event_list"].format(count=len(lines)), *lines])


@tool("calendar", Effect.IRREVERSIBLE, ("attendees",))
def create_event(
    world: World,
    title: str,
    start: str,
    attendees: Strings = (),  # pyright: ignore[reportArgumentType]
    notes: str = "",
) -> str:
    """Put an entry into the calendar and invite people to it."""
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", start.strip()):
        raise Refusal(world.words["bad_time"].format(time=start))
    made = Entry(
        f"e{world.number('event', len(world.entries))}",
        "",
        title,
        notes,
        minutes(start.strip().zfill(5)),
        world.addresses(attendees),
        world.caller,
    )
    world.entries[made.id] = made
    return world.words["event_made"].format(id=made.id)
