"""The staff directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.world.tool import tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("directory")
def find_person(world: World, query: str = "") -> str:
    """List staff whose name, role or address holds the query."""
    low = query.lower()
    lines = [
        f"{p.name} | {p.role} | {p.address}"
        for p in world.people.values()
        if p.listed and (low in p.name.lower() or low in p.role.lower() or low in p.address)
    ]
    return "\n".join([world.words["people_list"].format(count=len(lines)), *lines])
