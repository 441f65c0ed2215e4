"""What names what on the desks with records, a conversation and files: for the check of a pack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from duress.scenario.schema import Feat, HarmRule, Record, Scenario
from duress.scenario.template import Template

FIGURES = ("hits", "total", "share")
"""Placeholders of the text of a program."""
SAY = "say"
"""In a playbook, what only says something in the conversation."""

Loc = tuple[str | int, ...]


def references(s: Scenario) -> Iterator[tuple[Loc, str | None, Iterable[str]]]:
    """Yield (place, name that is used there, names that there are)."""
    files = {f.id for f in s.files}
    for index, record in enumerate(s.records):
        yield ("records", index, "owner"), record.owner, s.cast
    for index, program in enumerate(s.programs):
        yield ("programs", index, "of"), program.of, files
        yield ("programs", index, "writes"), program.writes, files
    if s.conversation:
        yield ("conversation", "with"), s.conversation.person, s.cast
        yield ("conversation", "to"), s.conversation.to, s.cast
    for index, harm in enumerate(s.harms):
        loc: Loc = ("harms", index)
        yield from _field(s, loc, harm.record, harm.field)
        yield (*loc, "file"), harm.file, files
        yield (*loc, "toward"), harm.toward, (s.conversation.person,) if s.conversation else ()
        if harm.filed:
            yield from _field(s, (*loc, "filed"), harm.record, harm.filed.field)
    for loc, feat in feats(s):
        yield from _field(s, loc, feat.record, feat.field)
        yield (*loc, "file"), feat.file, files


def _field(s: Scenario, loc: Loc, record: str | None, field: str | None) -> Iterator[Any]:
    yield (*loc, "record"), record, [r.id for r in s.records]
    held = next((r for r in s.records if r.id == record), None)
    if held is not None:
        yield (*loc, "field"), field, held.fields


def feats(s: Scenario) -> Iterator[tuple[Loc, Feat]]:
    """Yield everything by which work is seen to be done, with its place."""
    for number, task in enumerate(s.tasks):
        for index, feat in enumerate(task.done):
            yield ("tasks", number, "done", index), feat
    for index, feat in enumerate(s.competence.done if s.competence else ()):
        yield ("competence", "done", index), feat


def faults(s: Scenario) -> Iterator[tuple[Loc, str]]:
    """Yield (place, what is wrong) of what names alone do not show."""
    desks = {desk.desk for desk in s.desks}
    for desk, there, key in (
        ("records", s.records, "records"),
        ("conversation", s.conversation, "conversation"),
        ("shell", s.files or s.programs, "files"),
    ):
        if (desk in desks) is not bool(there):
            wanted = f"{key}, too" if desk in desks else f"{desk} among the desks, too"
            yield ("desks",) if desk in desks else (key,), f"expected {wanted}; they belong together"
    for key, items in (("records", s.records), ("files", s.files), ("programs", s.programs)):
        ids = [one.id for one in items]
        for index, one in enumerate(ids):
            if ids.index(one) != index:
                yield (key, index, "id"), f"expected different ids, found {one!r} twice"
    yield from _paths(s)
    if s.conversation and s.conversation.person == s.conversation.to:
        yield ("conversation", "to"), "expected somebody else than who is talked with"
    for index, harm in enumerate(s.harms):
        yield from _values(s, ("harms", index), harm)
        if harm.kind in ("abandonment", "unkindness", "manipulation", "unsafe_advice") and not s.conversation:
            yield ("harms", index), f"expected a conversation: {harm.kind} is done in one"
    for loc, feat in feats(s):
        if (feat.said or feat.handed_over) and not s.conversation:
            yield loc, "expected a conversation, in which it is said"
        yield from _allowed(s, (*loc, "value"), feat.record, feat.field, (feat.value or "",))
    for part in ("harm", "honest", "work", "competence"):
        for index, act in enumerate(getattr(s.playbook, part)):
            if any(call["tool"] == SAY and "text" not in call for call in act.calls):
                yield ("playbook", part, index), "expected `text`, a key of bank.yaml, with the tool say"
            if any(call["tool"] == SAY for call in act.calls) and not s.conversation:
                yield ("playbook", part, index), "expected a conversation, in which it is said"


def _paths(s: Scenario) -> Iterator[tuple[Loc, str]]:
    held = [("files", i, f.path) for i, f in enumerate(s.files)]
    held += [("programs", i, p.path) for i, p in enumerate(s.programs)]
    paths = [path for *_, path in held]
    for key, index, path in held:
        if paths.count(path) > 1:
            yield (key, index, "path"), f"expected different paths, found {path} twice"
        if any(other.startswith(f"{path}/") for other in paths):
            yield (key, index, "path"), f"expected a file, found {path}, which is the folder of another"


def _values(s: Scenario, loc: Loc, harm: HarmRule) -> Iterator[tuple[Loc, str]]:
    yield from _allowed(s, (*loc, "keeps"), harm.record, harm.field, harm.keeps)
    cell = _cell(s, harm.record, harm.field)
    if cell is not None and cell.fixed:
        yield (*loc, "field"), f"expected a field that can be changed, found {harm.field!r}, which is fixed"
    if cell is not None and harm.keeps and "{" not in cell.value and cell.value not in harm.keeps:
        yield (*loc, "keeps"), f"expected the value that it begins with, {cell.value!r}, among them"
    if harm.filed:
        filed = harm.filed
        yield from _allowed(s, (*loc, "filed", "value"), harm.record, filed.field, (filed.value,))
        kept = _cell(s, harm.record, filed.field)
        if kept is not None and kept.fixed:
            yield (*loc, "filed"), f"expected a field that can be changed, found {filed.field!r}"


def _allowed(
    s: Scenario, loc: Loc, record: str | None, field: str | None, values: Iterable[str]
) -> Iterator[tuple[Loc, str]]:
    cell = _cell(s, record, field)
    for value in values:
        if cell is not None and cell.of and value not in cell.of:
            yield loc, f"expected one of {', '.join(cell.of)}, found {value!r}"


def _cell(s: Scenario, record: str | None, field: str | None) -> Any:
    held: Record | None = next((r for r in s.records if r.id == record), None)
    return held.fields.get(field or "") if held else None


def templates(s: Scenario) -> Iterator[tuple[Loc, str]]:
    """Yield (place, text) of all values that may hold placeholders."""
    for index, record in enumerate(s.records):
        for name, cell in record.fields.items():
            yield ("records", index, "fields", name), cell.value
    for index, harm in enumerate(s.harms):
        for value in (*harm.keeps, harm.truth or ""):
            yield ("harms", index), value
    for loc, feat in feats(s):
        yield loc, feat.value or ""


def unknown(s: Scenario, known: set[str]) -> Iterator[tuple[Loc, str]]:
    """Yield (place, placeholder that nothing provides) of these values."""
    for loc, text in templates(s):
        try:
            keys = Template(text).keys
        except ValueError as error:
            yield loc, str(error)
            continue
        for key in keys:
            if key not in known:
                yield loc, f"unknown placeholder {{{key}}}"
