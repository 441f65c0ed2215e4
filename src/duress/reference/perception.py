"""What an agent makes of the texts it is shown: which levels they carry, who is who, what has which id.

A reference agent knows the language of its scenario, that is the pack's texts, and nothing of the trial:
it recognises a text by a piece that no other text of the pack has, and reads names and addresses off it.
What it was not shown it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from duress.scenario.pack import Language, Pack
from duress.scenario.schema import DOSE, LADDER, Message, Record, Text
from duress.scenario.template import Template


@dataclass(frozen=True, slots=True)
class Cue:
    """One text of a pack and how to know it."""

    anchors: tuple[str, ...]
    """Pieces that together occur in no other text of the pack."""
    keys: tuple[str, ...]
    """Placeholders of the text, in order."""
    literals: tuple[str, ...]
    """The pieces between them."""
    item: str
    """`system`, or `<kind>.<id>` of what shows it."""
    levels: tuple[tuple[str, str], ...]
    """What it says about factors."""

    def within(self, text: str) -> bool:
        """Return whether the text holds it."""
        for anchor in self.anchors:  # noqa: SIM110  (a generator costs three times as much here)
            if anchor not in text:
                return False
        return True

    def bind(self, text: str, into: dict[str, str]) -> None:
        """Read the values of the placeholders off a text that holds the cue. Values are on one line."""
        position = text.find(self.literals[0]) if self.literals[0] else -1
        if position < 0:
            # The text begins with a placeholder: it stands at the start of the line of the next piece.
            following = text.find(self.literals[1]) if len(self.literals) > 1 else -1
            if following < 0:
                return
            position = text.rfind("\n", 0, following) + 1
        else:
            position += len(self.literals[0])
        for index, key in enumerate(self.keys):
            after = self.literals[index + 1] if index + 1 < len(self.literals) else ""
            line_end = text.find("\n", position)
            line_end = len(text) if line_end < 0 else line_end
            if len(after) > 2:
                end = text.find(after, position)
            else:
                # Too short to be sure of: a full stop after an address that holds full stops.
                end = text.rfind(after, position, line_end) if after else line_end
            if end < 0:
                return
            into.setdefault(key, text[position:end])
            position = end + len(after)


_KNOWN = 4096
"""How many texts are remembered."""
_SPOKEN = 256
"""How many system prompts are remembered: one serves all agents under one condition."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """All cues of a pack in one language, by where they can occur."""

    language: Language
    system: tuple[Cue, ...]
    items: dict[str, tuple[Cue, ...]]
    """Kind (`mail`, `doc`, `job`, `alert`, `record`, `file`) to cues."""
    senders: dict[str, Message]
    roles: dict[str, str]
    """Role text to cast key."""
    default: dict[str, str]
    """Levels that show no text: what is believed until something is read."""
    fields: dict[str, tuple[tuple[str, Template], ...]]
    """Record to its fields that hold placeholders."""

    _known: dict[tuple[str, str], Cue | None] = field(default_factory=dict[tuple[str, str], "Cue | None"])
    _spoken: dict[str, tuple[Cue, ...]] = field(default_factory=dict[str, "tuple[Cue, ...]"])

    def spoken(self, system: str) -> tuple[Cue, ...]:
        """Return the cues that a system prompt holds."""
        found = self._spoken.get(system)
        if found is None:
            found = tuple(cue for cue in self.system if cue.within(system))
            if len(self._spoken) >= _SPOKEN:
                self._spoken.clear()
            self._spoken[system] = found
        return found

    def item(self, kind: str, text: str) -> Cue | None:
        """Return the cue that an opened mail, document, job, alert, record or file holds."""
        # Headers hold names and times; below them many texts are the same from trial to trial.
        key = (kind, text if kind == "file" else text.partition("\n\n")[2])
        try:
            return self._known[key]
        except KeyError:
            pass
        found = next((cue for cue in self.items.get(kind, ()) if cue.within(text)), None)
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[key] = found
        return found


class Bindings(dict[str, str]):
    """What a name, an address or an id is. A text is read for them only once one is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.unread: list[tuple[Cue, str]] = []

    def __missing__(self, key: str) -> str:
        for index, (cue, text) in enumerate(self.unread):
            if key in cue.keys:
                del self.unread[index]
                cue.bind(text, self)
                return self[key]
        raise KeyError(key)


@dataclass(slots=True)
class Perception:
    """What has been read so far."""

    levels: dict[str, str]
    bindings: Bindings = field(default_factory=Bindings)


@lru_cache(maxsize=_KNOWN)
def envelope(head: str) -> tuple[str, str, tuple[str, ...]]:
    """Return (sender's name or "", sender's address, addresses it went to) of the head of a mail."""
    lines = head.split("\n", 2)
    _, _, sender = lines[0].replace("：", ": ", 1).partition(": ")
    name, _, address = sender.rstrip(">").rpartition(" <")
    _, _, to = lines[1].replace("：", ": ", 1).partition(": ")
    return name, address, tuple(to.split(", "))


@lru_cache(maxsize=64)
def recogniser(pack: Pack, lang: str) -> Recogniser:
    """Return the recogniser of a pack's texts in a language."""
    scenario = pack.scenario
    language = pack.language(lang)
    shown: list[tuple[str, Text, str]] = [("system", part, "text") for part in scenario.system]
    shown += [(f"mail.{m.id}", m, "body") for m in scenario.messages]
    shown += [(f"doc.{d.id}", d, "body") for d in scenario.documents]
    shown += [(f"job.{j.id}", j, "body") for j in scenario.jobs]
    shown += [(f"alert.{a.id}", a, "body") for a in scenario.alerts]
    shown += [(f"record.{r.id}", r, "body") for r in scenario.records]
    shown += [(f"file.{f.id}", f, "body") for f in scenario.files]

    found: list[tuple[str, tuple[tuple[str, str], ...], Template]] = []
    default: dict[str, str] = {}
    for item, text, part in shown:
        when = tuple((f, levels[0]) for f, levels in text.when.items() if len(levels) == 1)
        if text.by is None:
            keys = [(text.text, when)]
        else:
            factor = pack.factors[text.by]
            keys = [
                (f"{text.text}.{level}", (*when, (text.by, level)))
                for level in factor.levels
                if level not in text.silent
            ]
            if len(text.silent) == 1:
                default.setdefault(text.by, text.silent[0])
        for key, levels in keys:
            for variant in language.texts.get(key, ()):
                if part in variant:
                    found.append((item, levels, variant[part]))
    for name, factor in pack.factors.items():
        if name in (LADDER, DOSE):
            # People's turns are heard one by one; how many there will be nobody can tell.
            continue
        absent = "absent" if "absent" in factor.levels else factor.levels[0]
        default.setdefault(name, absent)

    everything = [template.source for _, _, template in found]
    items: dict[str, list[Cue]] = {}
    for index, (item, levels, template) in enumerate(found):
        others = [source for i, source in enumerate(everything) if i != index]
        pieces = tuple(template.literals())
        cue = Cue(anchors(template, others), template.keys, pieces, item, levels)
        items.setdefault(item.partition(".")[0], []).append(cue)
    return Recogniser(
        language=language,
        system=tuple(items.pop("system", ())),
        items={kind: tuple(cues) for kind, cues in items.items()},
        senders={m.id: m for m in scenario.messages},
        roles={role: key for key, role in language.people.roles.items() if key in scenario.cast},
        default=default,
        fields={record.id: tuple(_held(record)) for record in scenario.records},
    )


def _held(record: Record) -> Iterator[tuple[str, Template]]:
    for name, cell in record.fields.items():
        template = Template(cell.value)
        if template.keys:
            yield name, template


def anchors(template: Template, others: list[str]) -> tuple[str, ...]:
    """Return one piece that no other text holds, or the longest pieces together where there is none."""
    lines = [line.strip() for literal in template.literals() for line in literal.split("\n")]
    pieces = sorted({line for line in lines if len(line) > 3}, key=len, reverse=True)
    for piece in pieces:
        if not any(piece in other for other in others):
            return (piece,)
    return tuple(pieces[:4]) or (template.source,)
