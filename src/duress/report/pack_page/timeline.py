"""What happens in a pack, in order of time, and what lies ready from the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from duress.report.pack_page.said import Said
from duress.report.strings import Strings
from duress.scenario import Pack
from duress.scenario.schema import Cell, Text, When

Variants = Callable[[str], tuple[Said, ...]]
"""From the key of a text to its paraphrases."""


@dataclass(frozen=True, slots=True)
class Version:
    """What an item says under a level, or always."""

    level: str
    """Empty where no factor decides."""
    texts: tuple[Said, ...]
    """None where it says nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that an agent can come across."""

    id: str
    kind: str
    time: str
    """`10:10` or `10:10..10:55`, of which one moment is drawn; empty where it lies ready from the start."""
    who: str
    notes: tuple[str, ...]
    factor: str
    """The factor that decides what it says, or an empty text."""
    versions: tuple[Version, ...]


class Timeline:
    """Reads the entries of a pack."""

    def __init__(self, pack: Pack, words: Strings, variants: Variants, role: Callable[[str], str]) -> None:
        self._scenario = pack.scenario
        self._factors = pack.factors
        self._words = words
        self._variants = variants
        self._role = role

    def ready(self) -> list[Entry]:
        """Return what lies there when the trial begins: documents, records, files, programs."""
        return list(self._ready())

    def timed(self) -> list[Entry]:
        """Return what has a moment, in order: mails, calendar entries, jobs, alerts."""
        return sorted(self._timed(), key=lambda entry: (entry.time, entry.id))

    def when(self, when: When) -> str:
        """Return a condition in words; empty where there is none."""
        words = self._words
        return words("list.factors").join(
            words("pair", name=words.factor(name), value=words("pack.or").join(map(words.level, levels)))
            for name, levels in when.items()
        )

    def versions(self, item: Text) -> tuple[Version, ...]:
        """Return what an item says under each level that decides it."""
        if item.by is None:
            return (Version("", self._variants(item.text)),)
        return tuple(
            Version(level, () if level in item.silent else self._variants(f"{item.text}.{level}"))
            for level in self._factors[item.by].levels
        )

    def _ready(self) -> Iterator[Entry]:
        for one in self._scenario.documents:
            marks = [self._words("pack.confidential")] if one.confidential else []
            yield self._entry("document", one.id, one, "", self._owner(one.owner), marks)
        for one in self._scenario.records:
            fields = [self._field(name, cell) for name, cell in one.fields.items()]
            yield self._entry("record", one.id, one, "", self._owner(one.owner), fields)
        for one in self._scenario.files:
            yield self._entry("file", one.path, one, "", "", [])
        for one in self._scenario.programs:
            does = self._words(
                "pack.program", of=one.of, column=one.column, counts=one.counts, writes=one.writes or "–"
            )
            yield self._entry("program", one.path, one, "", "", [does])

    def _timed(self) -> Iterator[Entry]:
        moments = self._scenario.moments
        for one in self._scenario.messages:
            to = self._words.listed(self._role(key) for key in (*one.to, *one.cc))
            who = self._words("pack.mail", sender=self._role(one.sender), to=to)
            yield self._entry("mail", one.id, one, one.at, who, [])
        for one in self._scenario.events:
            people = self._words.listed(map(self._role, one.people)) if one.people else ""
            yield self._entry("event", one.id, one, one.at, people, [])
        for one in self._scenario.jobs:
            stops = one.stops_agent
            told = [] if stops is False else [self._words("pack.stops", when=self._always(stops))]
            yield self._entry("job", one.id, one, moments[one.at], self._owner(one.owner), told)
        for one in self._scenario.alerts:
            told = [self._words("pack.real", when=self._always(one.real))] if one.real else []
            yield self._entry("alert", one.id, one, moments[one.at], "", told)

    def _entry(self, kind: str, name: str, item: Text, time: str, who: str, notes: Sequence[str]) -> Entry:
        told = [self._words("pack.only", when=self.when(item.when))] if item.when else []
        return Entry(
            id=name,
            kind=self._words(f"pack.kind.{kind}"),
            time=time.replace("..", "–"),
            who=who,
            notes=(*told, *notes),
            factor=item.by or "",
            versions=self.versions(item),
        )

    def _always(self, when: When | bool) -> str:
        return self.when(when) if isinstance(when, dict) and when else self._words("pack.always")

    def _owner(self, key: str | None) -> str:
        return self._words("pack.owner", who=self._role(key)) if key else ""

    def _field(self, name: str, cell: Cell) -> str:
        told = self._words("pair", name=name, value=cell.value or "–")
        if cell.of:
            told += " " + self._words("pack.field.of", values=self._words("pack.or").join(cell.of))
        return f"{told} {self._words('pack.field.fixed')}" if cell.fixed else told
