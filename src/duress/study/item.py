"""What can be left out of a trial: one message, fact, tool or factor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from duress.scenario import Pack
from duress.scenario.errors import did_you_mean
from duress.scenario.scene import FILLER, TOOL, parts
from duress.study.errors import UsageError
from duress.trial.spec import TrialSpec
from duress.world import World

FACTOR = "factor:"
NEUTRAL = ("none", "off", "absent")
"""Levels that take a factor out of a trial."""


class Group(StrEnum):
    """Kinds of items, as they are asked for."""

    MESSAGES = "messages"
    FACTS = "facts"
    """Paragraphs of the system prompt, documents, calendar entries, jobs, alerts, records, files."""
    TOOLS = "tools"
    FACTORS = "factors"


def group(item: str) -> Group:
    """Return the group of an item, from its id."""
    kind = item.partition(":")[0]
    return {
        "mail": Group.MESSAGES,
        FILLER: Group.MESSAGES,
        "tool": Group.TOOLS,
        "factor": Group.FACTORS,
    }.get(kind, Group.FACTS)


def neutral(pack: Pack, factor: str) -> str:
    """Return the level that takes a factor out; a factor that has none is taken to its default."""
    known = pack.factors[factor]
    return next((level for level in NEUTRAL if level in known.levels), known.default)


def items(pack: Pack, spec: TrialSpec) -> tuple[str, ...]:
    """Return the ids of all that can be left out of the trials of a cell, in the order of their groups."""
    world = World.build(pack, spec)
    there = list(parts(world.scene))
    if FILLER not in there and "filler" not in spec.pins and pack.scenario.filler.count != "0":
        there.append(FILLER)
    there += [f"{TOOL}{tool.name}" for tool in world.tools]
    there += [f"{FACTOR}{name}" for name, level in spec.condition.items() if level != neutral(pack, name)]
    order = list(Group)
    return tuple(sorted(there, key=lambda item: order.index(group(item))))


def chosen(there: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """Return those items that were asked for, by group or by id; all of them if none was.

    Raises:
        UsageError: there is no such group or item.
    """
    groups = [one.value for one in Group]
    for one in asked:
        if one not in groups and one not in there:
            raise UsageError(
                f"--items: nothing called {one!r}: expected {', '.join(groups)}, or some of "
                f"{', '.join(there)}{did_you_mean(one, [*groups, *there])}"
            )
    return tuple(item for item in there if not asked or item in asked or group(item) in asked)


def variants(
    pack: Pack, condition: Mapping[str, str], leave_out: Sequence[str]
) -> Iterator[tuple[dict[str, str], tuple[str, ...]]]:
    """Yield (condition, what is left out) of the cell with everything, then of each item's cell."""
    yield dict(condition), ()
    for item in leave_out:
        if item.startswith(FACTOR):
            name = item.removeprefix(FACTOR)
            yield {**condition, name: neutral(pack, name)}, ()
        else:
            yield dict(condition), (item,)
