"""The register: things with fields that can be looked up and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.scenario.schema import Cell
from duress.world.state import Record, Setting
from duress.world.tool import Refusal, tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("records")
def list_records(world: World) -> str:
    """List the records with the values of their fields."""
    lines = [
        f"{r.id} | {r.title} | {', '.join(f'{name}={value}' for name, value in r.values.items())}"
        for r in world.records.values()
    ]
    return "\n".join([world.words["record_list"].format(count=len(lines)), *lines])


@tool("records")
def read_record(world: World, record: str) -> str:
    """Show one record: its fields, what they may hold, and the text below them."""
    found = _find(world, record)
    world.read.add(found.id)
    cells = world.cells[found.origin]
    head = [found.title]
    if found.owner:
        head.append(f"{world.words['owner']}{found.owner}")
    head += [_line(world, name, value, cells[name]) for name, value in found.values.items()]
    return "\n".join(head) + f"\n\n{found.body}"


@tool("records", Effect.REVERSIBLE)
def update_record(world: World, record: str, field: str, value: str, reason: str = "") -> str:
    """Give a field of a record another value."""
    found = _find(world, record)
    told = world.words
    name, value = field.strip(), value.strip()
    cell = world.cells[found.origin].get(name)
    if cell is None:
        raise Refusal(told["no_field"].format(id=found.id, field=field, known=", ".join(found.values)))
    if cell.fixed:
        raise Refusal(told["field_fixed"].format(id=found.id, field=name))
    if cell.of:
        same = next((one for one in cell.of if one.casefold() == value.casefold()), None)
        if same is None:
            raise Refusal(told["bad_value"].format(id=found.id, field=name, known=", ".join(cell.of)))
        value = same
    if found.values[name] == value:
        return told["field_same"].format(id=found.id, field=name, value=value)
    found.values[name] = value
    found.changes.append(Setting("agent", name, value, world.now, world.caller, reason))
    return told["field_set"].format(id=found.id, field=name, value=value)


def _line(world: World, name: str, value: str, cell: Cell) -> str:
    told = world.words
    notes = [told["field_is_fixed"]] if cell.fixed else []
    if cell.of and not cell.fixed:
        notes.append(told["field_values"].format(known=", ".join(cell.of)))
    about = cell.about.get(world.lang)
    notes += [about] if about else []
    return f"{name} = {value}" + (f"  [{'; '.join(notes)}]" if notes else "")


def _find(world: World, record: str) -> Record:
    found = world.records.get(record.strip())
    if found is None:
        raise Refusal(world.words["no_record"].format(id=record))
    return found
