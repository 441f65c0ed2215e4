"""The page of a pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from duress.report.pack_page.frame import filled, reviews
from duress.report.pack_page.ladder import LadderShown, ladder
from duress.report.pack_page.said import Said, marked, said
from duress.report.pack_page.timeline import Timeline, Version
from duress.report.strings import Strings
from duress.scenario import Pack
from duress.scenario.ladder import load
from duress.scenario.scene import Scene
from duress.scenario.schema import DOSE, LADDER, Feat, HarmRule, Text
from duress.trial.exemplar import Exemplar, exemplars
from duress.world import World


@dataclass(frozen=True, slots=True)
class Part:
    """One item whose text a factor decides."""

    kind: str
    id: str
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class FactorShown:
    """One factor with all that it changes."""

    name: str
    default: str
    levels: tuple[str, ...]
    parts: tuple[Part, ...]
    decides: tuple[str, ...]
    """What exists under some of its levels only."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of the cast."""

    key: str
    name: str
    role: str
    org: str
    presses: str
    """What they are on ladders."""
    when: str


@dataclass(frozen=True, slots=True)
class Use:
    """One tool."""

    desk: str
    name: str
    about: str
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HarmShown:
    """One kind of harm and what decides it."""

    kind: str
    about: str
    rules: tuple[tuple[tuple[str, str], ...], ...]
    """What of this world each rule is about."""
    words: tuple[str, ...]
    """Groups of words by which a fact is recognised: a text mentions it if each group has a hit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A person who answers mail."""

    who: str
    facts: str
    texts: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """One turn of an exemplar."""

    notes: str
    say: str
    calls: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    end: str


@dataclass(frozen=True, slots=True)
class Example:
    """An exemplar: what is done, and the outcome that it must get."""

    file: str
    shows: str
    condition: str
    claim: str
    moves: tuple[Move, ...]


def pack_html(world: World, lang: str) -> str:
    """Return the page of a pack, filled with the draw of one trial; `lang` is that of the trial, too.

    Raises:
        PackError: a file of the pack or of one of its ladders is wrong.
    """
    words = Strings(lang)
    scene = world.scene
    pack = scene.pack
    page = _Page(world, words)
    return filled(
        "pack.html.j2",
        words,
        page=page,
        pack=pack,
        title=pack.title.get(scene.lang, pack.name),
        summary=pack.summary.get(scene.lang, ""),
        about=pack.about.get(scene.lang, ""),
        reviews=reviews(pack.scenario.reviewed, pack.languages, words),
        canary=pack.scenario.canary or "",
        hash=pack.hash,
    )


class _Page:
    """What the template asks for, chapter by chapter."""

    def __init__(self, world: World, words: Strings) -> None:
        self._scene: Scene = world.scene
        self._pack: Pack = self._scene.pack
        self._texts = self._pack.language(self._scene.lang)
        self._scenario = self._pack.scenario
        self._words = words
        self._world = world
        self._timeline = Timeline(self._pack, words, self._variants, self._role)

    def _variants(self, key: str) -> tuple[Said, ...]:
        return tuple(said(variant, self._scene.bindings) for variant in self._texts.texts.get(key, ()))

    def _role(self, key: str) -> str:
        return self._words("pack.agent") if key == "agent" else self._texts.people.roles.get(key, key)

    def _items(self) -> Iterator[tuple[str, str, Text]]:
        held = self._scenario
        yield from (("instructions", text.text, text) for text in held.system)
        yield "opening", held.opening.text, held.opening
        for kind, items in (
            ("mail", held.messages),
            ("document", held.documents),
            ("event", held.events),
            ("job", held.jobs),
            ("alert", held.alerts),
            ("record", held.records),
            ("file", held.files),
            ("program", held.programs),
        ):
            yield from ((kind, item.id, item) for item in items)

    def factors(self) -> list[FactorShown]:
        """Return the factors, those of the ladders apart: the ladders are a chapter of their own."""
        return [
            FactorShown(
                name=name,
                default=factor.default,
                levels=factor.levels,
                parts=tuple(
                    Part(self._words(f"pack.kind.{kind}"), key, self._timeline.versions(item))
                    for kind, key, item in self._items()
                    if item.by == name
                ),
                decides=tuple(
                    self._words(
                        "pack.decides",
                        kind=self._words(f"pack.kind.{kind}"),
                        id=key,
                        levels=self._words("pack.or").join(map(self._words.level, item.when[name])),
                    )
                    for kind, key, item in self._items()
                    if name in item.when
                ),
            )
            for name, factor in self._pack.factors.items()
            if name not in (LADDER, DOSE)
        ]

    def instructions(self) -> list[Part]:
        """Return the texts of system prompt and first message that no factor decides."""
        return [
            Part(self._words(f"pack.kind.{kind}"), key, self._timeline.versions(item))
            for kind, key, item in self._items()
            if kind in ("instructions", "opening") and item.by is None
        ]

    def cast(self) -> list[Member]:
        """Return the people."""
        pressure = self._scenario.pressure
        roles: dict[str, list[str]] = {}
        for who, key in (pressure.people if pressure else {}).items():
            roles.setdefault(key, []).append(self._words(f"pack.who.{who}"))
        return [
            Member(
                key=key,
                name=self._scene.people[key].name if key in self._scene.people else "–",
                role=self._role(key),
                org=self._scene.bindings.get(f"{person.org}.name", person.org),
                presses=self._words.listed(roles[key]) if key in roles else "",
                when=self._timeline.when(person.when),
            )
            for key, person in self._scenario.cast.items()
        ]

    def ready(self) -> Any:
        """Return what lies there from the start."""
        return self._timeline.ready()

    def timed(self) -> Any:
        """Return what happens, in order of time."""
        return self._timeline.timed()

    def answers(self) -> list[Answer]:
        """Return who answers mail, and how."""
        out: list[Answer] = []
        for rule in self._scenario.replies:
            facts = [self._words("pack.reply.delay", rule.delay)]
            if rule.mentions:
                facts.append(self._words("pack.reply.mentions", words=rule.mentions))
            if rule.effect:
                facts.append(
                    self._words("pack.reply.effect", job=rule.effect.postpone, minutes=rule.effect.minutes)
                )
            if rule.when:
                facts.append(self._words("pack.only", when=self._timeline.when(rule.when)))
            out.append(
                Answer(self._role(rule.who), " \N{MIDDLE DOT} ".join(facts), self._variants(rule.text))
            )
        return out

    def tools(self) -> list[Use]:
        """Return the tools that an agent has under this condition."""
        return [
            Use(
                tool.desk,
                tool.name,
                tool.description,
                tuple(
                    (name, cast("dict[str, str]", told).get("description", ""))
                    for name, told in tool.parameters["properties"].items()
                ),
            )
            for tool in self._world.tools
        ]

    def harms(self) -> list[HarmShown]:
        """Return the kinds of harm, and what of the world decides each."""
        by_kind: dict[str, list[HarmRule]] = {}
        for rule in self._scenario.harms:
            by_kind.setdefault(rule.kind, []).append(rule)
        return [
            HarmShown(
                kind=self._words.kind(kind),
                about=self._words(f"pack.harm.{kind}"),
                rules=tuple(facts for rule in rules if (facts := self._facts(rule))),
                words=tuple(dict.fromkeys(words for rule in rules for words in self._groups(rule))),
            )
            for kind, rules in by_kind.items()
        ]

    def _facts(self, rule: HarmRule) -> tuple[tuple[str, str], ...]:
        given = rule.model_dump(exclude_defaults=True, exclude={"kind", "when"})
        facts = [(name.replace("_", " "), _plain(value)) for name, value in given.items()]
        if rule.when:
            facts.append((self._words("pack.when"), self._timeline.when(rule.when)))
        return tuple(facts)

    def _groups(self, rule: HarmRule) -> tuple[str, ...]:
        secret = rule.secret or rule.leverage
        keys = [self._scenario.secrets[secret].words] if secret in self._scenario.secrets else []
        keys += [key for key in (rule.words, rule.stake, rule.about) if key in self._texts.words]
        return tuple(
            self._words("pack.words", name=key, words=" \N{MIDDLE DOT} ".join(word.source for word in group))
            for key in dict.fromkeys(keys)
            for group in self._texts.words[key]
        )

    def exits(self) -> list[tuple[str, str]]:
        """Return where an honest agent can turn."""
        held, words = self._scenario.honest, self._words
        out = [(words("pack.exits"), words.listed(map(self._role, held.exits)))] if held.exits else []
        if held.objection_to:
            out.append((words("pack.objection"), words.listed(map(self._role, held.objection_to))))
        return [*out, (words("pack.must_read"), ", ".join(self._scenario.must_read) or "–")]

    def tasks(self) -> list[tuple[str, str, str]]:
        """Return (what, who asks in which message, what shows that it was done)."""
        out = [
            (task.id.replace("_", " "), task.message, self._feats(task.done)) for task in self._scenario.tasks
        ]
        competence = self._scenario.competence
        if competence:
            out.append((self._words("pack.competence"), competence.task, self._feats(competence.done)))
        return out

    def _feats(self, feats: tuple[Feat, ...]) -> str:
        return self._words("pack.and").join(
            ", ".join(
                f"{name} {_plain(value)}" for name, value in feat.model_dump(exclude_defaults=True).items()
            )
            for feat in feats
        )

    def ladders(self) -> list[LadderShown]:
        """Return the ladders that can be climbed here, as these people say them."""
        pressure = self._scenario.pressure
        if pressure is None:
            return []
        told = dict(self._scene.bindings)
        for who, key in pressure.people.items():
            parts = ("name", "short", "role")
            told |= {f"{who}.{part}": told[f"{key}.{part}"] for part in parts if f"{key}.{part}" in told}
        for text in self._texts.texts.get(pressure.subject, ())[:1]:
            told["subject"] = text["text"].fill(told)
        names = self._pack.factors[LADDER].levels
        return [ladder(load(name, self._pack), self._scene.lang, told, self._words) for name in names]

    def examples(self) -> list[Example]:
        """Return the exemplars in the language of the page."""
        return [self._example(one) for one in exemplars(self._pack) if self._scene.lang in one.languages]

    def _example(self, one: Exemplar) -> Example:
        words, script = self._words, one.script
        claim = words.outcome(script.claim.outcome.value)
        if script.claim.kinds:
            claim += f" ({words.listed(words.kind(kind.value) for kind in script.claim.kinds)})"
        return Example(
            file=one.file.name,
            shows=script.shows.get(self._scene.lang, script.id),
            condition=words.levels(script.condition) if script.condition else words("default"),
            claim=claim,
            moves=tuple(
                Move(
                    turn.notes or "",
                    turn.say,
                    tuple((tool, _arguments(given)) for call in turn.calls for tool, given in call.items()),
                    turn.fail or (turn.stop.value if turn.stop else ""),
                )
                for turn in script.__pydantic_extra__[self._scene.lang]
            ),
        )

    def bank(self) -> list[tuple[str, tuple[Said, ...]]]:
        """Return what reference agents can write."""
        return [
            (key, tuple(said(variant, self._scene.bindings) for variant in variants))
            for key, variants in self._texts.bank.items()
        ]

    def filler(self) -> list[tuple[str, Said]]:
        """Return the unrelated mail of which some is drawn for each trial."""
        return [
            (
                self._words("pack.staff") if sender == "staff" else self._role(sender),
                Said(
                    marked(text["subject"], self._scene.bindings), marked(text["body"], self._scene.bindings)
                ),
            )
            for sender, text in self._texts.filler
        ]


def _arguments(given: Mapping[str, Any] | str) -> tuple[tuple[str, str], ...]:
    if isinstance(given, str):
        return (("", given),)
    return tuple((name, _plain(value)) for name, value in given.items())


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in cast("dict[str, Any]", value).items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, cast("list[Any]", value)))
    return str(value)
