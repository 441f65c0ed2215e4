"""A pack rendered for one trial: every text, person, time and id that the world starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Protocol, TypeVar

from duress.scenario.errors import PackError, did_you_mean
from duress.scenario.nuisance import STAFF, Draw, draw
from duress.scenario.pack import Language, Pack, Variant
from duress.scenario.schema import (
    Alert,
    ByFactor,
    Conversation,
    Document,
    Event,
    File,
    Job,
    Message,
    Program,
    Record,
    ReplyRule,
    Text,
    When,
)
from duress.scenario.script import Line, pressed, script
from duress.scenario.template import Template

T = TypeVar("T", bound=Text)

_WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Case(Protocol):
    """What of a trial decides the scene."""

    @property
    def condition(self) -> Mapping[str, str]:
        """One level per factor."""
        ...

    @property
    def lang(self) -> str:
        """Language code."""
        ...

    @property
    def seed(self) -> int:
        """Seed of the nuisance draw."""
        ...

    @property
    def pins(self) -> Mapping[str, str]:
        """Pinned components of the draw."""
        ...

    @property
    def without(self) -> tuple[str, ...]:
        """What is left out, by id: `mail:schedule`, `system:goal`, `tool:send_mail`, `filler`, ..."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can send and receive mail."""

    key: str
    name: str
    short: str
    address: str
    role: str
    org: str
    listed: bool


@dataclass(frozen=True, slots=True)
class SceneItem:
    """A rendered mail, document, event, job, alert, record or file: where it comes from and what it says.

    The title of a file is its path.
    """

    id: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that a world starts from."""

    pack: Pack
    lang: str
    condition: Mapping[str, str]
    draw: Draw
    bindings: dict[str, str]
    people: dict[str, Person]
    system: str
    opening: str
    start: int
    """Minutes since midnight."""
    desks: tuple[str, ...]
    mails: tuple[tuple[Message | None, SceneItem, str, int], ...]
    """(rule, text, sender's key, minute); the rule is None for filler. In order of time."""
    documents: tuple[tuple[Document, SceneItem], ...]
    events: tuple[tuple[Event, SceneItem, int], ...]
    jobs: tuple[tuple[Job, SceneItem, int], ...]
    alerts: tuple[tuple[Alert, SceneItem, int], ...]
    replies: tuple[ReplyRule, ...]
    pressure: tuple[Line, ...] = ()
    """What people say during the trial, in order."""
    subject: str = ""
    """What the work at hand is called, where people press."""
    paragraphs: tuple[tuple[str, str], ...] = ()
    """(text key, text) of the parts of `system`."""
    records: tuple[tuple[Record, SceneItem, Mapping[str, str]], ...] = ()
    """(rule, text, value of each field)."""
    conversation: Conversation | None = None
    """None where the agent talks with nobody."""
    files: tuple[tuple[File, SceneItem], ...] = ()
    programs: tuple[tuple[Program, Template], ...] = ()
    """(rule, what it prints once the figures are known)."""
    without: tuple[str, ...] = ()
    """What was left out; all else is as it would be with it."""
    gaps: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """Kind (`mail`, `doc`, ...) to the numbers that stay free in the world, ascending."""

    def text(self, key: str) -> dict[str, str]:
        """Return the drawn variant of a text that carries no factor, rendered."""
        variants = _texts(self.pack.language(self.lang), key)
        chosen = variants[self.draw.paraphrase[key] % len(variants)]
        return {name: part.fill(self.bindings) for name, part in chosen.items()}

    def words(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Return marker groups from `words.yaml`, rendered, in the trial's language and the others.

        A trial may mix languages: a group holds the words of all languages of the pack.
        """
        groups: list[list[str]] = []
        for code in (self.lang, *(c for c in self.pack.languages if c != self.lang)):
            known = self.pack.language(code).words
            if key not in known:
                raise PackError(f"{self.pack.folder / code / 'words.yaml'}: expected the key {key!r}")
            for index, group in enumerate(known[key]):
                if index == len(groups):
                    groups.append([])
                groups[index] += [word.fill(self.bindings) for word in group]
        return tuple(tuple(dict.fromkeys(group)) for group in groups)


def holds(when: When | bool, condition: Mapping[str, str]) -> bool:
    """Return whether a `when` clause holds under a condition."""
    if isinstance(when, bool):
        return when
    return all(condition[factor] in levels for factor, levels in when.items())


def text_key(item: Text, condition: Mapping[str, str]) -> str | None:
    """Return the key of the text that an item shows under a condition, or None where it is absent."""
    if not holds(item.when, condition):
        return None
    if item.by is None:
        return item.text
    level = condition[item.by]
    return None if level in item.silent else f"{item.text}.{level}"


def call_mode(alert: Alert, condition: Mapping[str, str]) -> str:
    """Return `automatic` or `manual`: who places an alert's emergency call."""
    return condition[alert.call.by] if isinstance(alert.call, ByFactor) else alert.call


def day(iso: str, lang: str) -> str:
    """Return a date as people write it: `Tuesday 14 April 2026`, `2026年4月14日（星期二）`."""
    d = date.fromisoformat(iso)
    weekday = _WEEKDAYS.get(lang, _WEEKDAYS["en"])[d.weekday()]
    if lang == "zh":
        return f"{d.year}年{d.month}月{d.day}日（{weekday}）"
    return f"{weekday} {d.day} {_MONTHS[d.month - 1]} {d.year}"


def clock(minute: int) -> str:
    """Return minutes since midnight as `HH:MM`."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def render(pack: Pack, case: Case) -> Scene:
    """Return the scene of one trial. Trials of several models under one condition share it.

    Raises:
        PackError: a text, a placeholder or a person that the scenario names is missing, or something is
            to be left out that is not there.
    """
    scene = _render(pack, tuple(case.condition.items()), case.lang, case.seed, tuple(case.pins.items()))
    return _leave_out(scene, case.without) if case.without else scene


@lru_cache(maxsize=128)
def _render(
    pack: Pack,
    condition: tuple[tuple[str, str], ...],
    lang: str,
    seed: int,
    pins: tuple[tuple[str, str], ...],
) -> Scene:
    drawn = _drawn(pack, seed, pins)
    plan = _plan(pack, lang, condition)
    language = plan.language
    people, bindings = _people(pack, language, drawn, plan.cast)
    bindings["today"] = day(drawn.date, lang)
    for key in pack.scenario.moments:
        bindings[f"{key}.time"] = clock(drawn.times[f"moment.{key}"])
        bindings[f"{key}.date"] = bindings["today"]
    for key, value in drawn.codes.items():
        bindings[f"code.{key}"] = value
    start = drawn.times["clock"]

    try:
        mails: list[tuple[Message | None, SceneItem, str, int]] = []
        for message, variants in plan.messages:
            if message.sender not in people:
                continue
            item = _item(message.id, "subject", _pick(drawn, message.text, variants), bindings)
            mails.append((message, item, message.sender, drawn.times[f"mail.{message.id}"]))
        for which, minute, staff in zip(drawn.filler, drawn.filler_times, drawn.filler_staff, strict=True):
            sender, text = language.filler[which]
            item = _item(f"filler{which}", "subject", text, bindings)
            mails.append((None, item, f"staff{staff}" if sender == "staff" else sender, minute))
        mails.sort(key=lambda entry: (entry[3], entry[1].id))
        subject = _subject(pack, language, dict(condition), drawn, bindings)
        paragraphs = tuple((key, _pick(drawn, key, v)["text"].fill(bindings)) for key, v in plan.system)
        return Scene(
            pack=pack,
            lang=lang,
            condition=dict(condition),
            draw=drawn,
            bindings=bindings,
            people=people,
            system="\n\n".join(text for _, text in paragraphs),
            opening=_pick(drawn, *plan.opening)["text"].fill(bindings),
            start=start,
            desks=plan.desks,
            mails=tuple(mails),
            documents=tuple(
                (d, _item(d.id, "title", _pick(drawn, d.text, v), bindings)) for d, v in plan.documents
            ),
            events=tuple(
                (e, _item(e.id, "title", _pick(drawn, e.text, v), bindings), drawn.times[f"event.{e.id}"])
                for e, v in plan.events
            ),
            jobs=tuple(
                (j, _item(j.id, "title", _pick(drawn, j.text, v), bindings), drawn.times[f"moment.{j.at}"])
                for j, v in plan.jobs
            ),
            alerts=tuple(
                (a, _item(a.id, "title", _pick(drawn, a.text, v), bindings), drawn.times[f"moment.{a.at}"])
                for a, v in plan.alerts
            ),
            replies=plan.replies,
            pressure=script(pack, lang, dict(condition), seed, bindings, subject),
            subject=subject,
            paragraphs=paragraphs,
            records=tuple(
                (r, _item(r.id, "title", _pick(drawn, r.text, v), bindings), _values(r, bindings))
                for r, v in plan.records
            ),
            conversation=pack.scenario.conversation if "conversation" in plan.desks else None,
            files=tuple(
                (f, SceneItem(f.id, f.path, _pick(drawn, f.text, v)["body"].fill(bindings) + "\n"))
                for f, v in plan.files
            ),
            programs=tuple((p, _pick(drawn, p.text, v)["body"]) for p, v in plan.programs),
        )
    except KeyError as error:
        raise PackError(
            f"{language.folder}: a text uses {error.args[0]!r}, which no person, organisation, moment or "
            "part of a text provides; `duress scenario check` names the file and line"
        ) from None


@lru_cache(maxsize=128)
def _drawn(pack: Pack, seed: int, pins: tuple[tuple[str, str], ...]) -> Draw:
    """Return a trial's draw: one for all conditions and languages, which a plan puts next to one another."""
    return draw(pack, seed, dict(pins))


TOOL = "tool:"
FILLER = "filler"


def parts(scene: Scene) -> tuple[str, ...]:
    """Return the ids of all that can be left out of a scene, in the order in which an agent meets it.

    Tools are not among them: which there are is the world's to say.
    """
    system = (f"system:{key}" for key, _ in scene.paragraphs)
    mails = dict.fromkeys(f"mail:{rule.id}" if rule else FILLER for rule, _, _, _ in scene.mails)
    kinds = (
        ("document", scene.documents),
        ("event", scene.events),
        ("job", scene.jobs),
        ("alert", scene.alerts),
        ("record", scene.records),
        ("file", scene.files),
    )
    items = (f"{kind}:{entry[0].id}" for kind, held in kinds for entry in held)
    return (*system, *mails, *items, *(f"pressure:{line.number}" for line in scene.pressure))


@lru_cache(maxsize=128)
def _leave_out(scene: Scene, without: tuple[str, ...]) -> Scene:
    there = parts(scene)
    for part in without:
        # The number of filler messages is drawn: none is one of the draws.
        if part not in there and part != FILLER and not part.startswith(TOOL):
            raise PackError(
                f"{scene.pack.name}: nothing called {part!r} to leave out under "
                f"{scene.pack.label(scene.condition)}; expected one of {', '.join(there)}, or tool:NAME"
                f"{did_you_mean(part, list(there))}"
            )
    gone = frozenset(without)
    mails = [f"mail:{rule.id}" if rule else FILLER for rule, _, _, _ in scene.mails]
    early = [name for name, entry in zip(mails, scene.mails, strict=True) if entry[3] < scene.start]
    named = {
        "mail": early,
        "doc": [f"document:{d.id}" for d, _ in scene.documents],
        "event": [f"event:{e.id}" for e, _, _ in scene.events],
        "job": [f"job:{j.id}" for j, _, _ in scene.jobs],
        "alert": [f"alert:{a.id}" for a, _, _ in scene.alerts],
        "record": [f"record:{r.id}" for r, _, _ in scene.records],
    }
    return replace(
        scene,
        paragraphs=(paragraphs := tuple(one for one in scene.paragraphs if f"system:{one[0]}" not in gone)),
        system="\n\n".join(text for _, text in paragraphs),
        mails=tuple(entry for name, entry in zip(mails, scene.mails, strict=True) if name not in gone),
        documents=tuple(entry for entry in scene.documents if f"document:{entry[0].id}" not in gone),
        events=tuple(entry for entry in scene.events if f"event:{entry[0].id}" not in gone),
        jobs=tuple(entry for entry in scene.jobs if f"job:{entry[0].id}" not in gone),
        alerts=tuple(entry for entry in scene.alerts if f"alert:{entry[0].id}" not in gone),
        records=tuple(entry for entry in scene.records if f"record:{entry[0].id}" not in gone),
        files=tuple(entry for entry in scene.files if f"file:{entry[0].id}" not in gone),
        pressure=tuple(line for line in scene.pressure if f"pressure:{line.number}" not in gone),
        without=without,
        # What else lies there keeps its id.
        gaps={
            kind: tuple(number for number, name in enumerate(names, start=1) if name in gone)
            for kind, names in named.items()
        },
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a condition shows in a language, before the draw: looked up once, used by every trial."""

    language: Language
    cast: tuple[str, ...]
    desks: tuple[str, ...]
    system: tuple[tuple[str, tuple[Variant, ...]], ...]
    opening: tuple[str, tuple[Variant, ...]]
    messages: tuple[tuple[Message, tuple[Variant, ...]], ...]
    documents: tuple[tuple[Document, tuple[Variant, ...]], ...]
    events: tuple[tuple[Event, tuple[Variant, ...]], ...]
    jobs: tuple[tuple[Job, tuple[Variant, ...]], ...]
    alerts: tuple[tuple[Alert, tuple[Variant, ...]], ...]
    records: tuple[tuple[Record, tuple[Variant, ...]], ...]
    files: tuple[tuple[File, tuple[Variant, ...]], ...]
    programs: tuple[tuple[Program, tuple[Variant, ...]], ...]
    replies: tuple[ReplyRule, ...]


@lru_cache(maxsize=4096)
def _plan(pack: Pack, lang: str, condition: tuple[tuple[str, str], ...]) -> _Plan:
    levels = dict(condition)
    language = pack.language(lang)
    scenario = pack.scenario

    def present(items: Iterable[T]) -> tuple[tuple[T, tuple[Variant, ...]], ...]:
        keys = [(item, text_key(item, levels)) for item in items]
        return tuple((item, _texts(language, key)) for item, key in keys if key is not None)

    opening = present([scenario.opening])
    if not opening:
        raise PackError(f"{pack.folder / 'scenario.yaml'}: opening: has no text under {levels}")
    return _Plan(
        language=language,
        cast=tuple(key for key, person in scenario.cast.items() if holds(person.when, levels)),
        desks=tuple(d.desk for d in scenario.desks if holds(d.when, levels)),
        system=tuple((part.text, variants) for part, variants in present(scenario.system)),
        opening=(scenario.opening.text, opening[0][1]),
        messages=present(scenario.messages),
        documents=present(scenario.documents),
        events=present(scenario.events),
        jobs=present(scenario.jobs),
        alerts=present(scenario.alerts),
        records=present(scenario.records),
        files=present(scenario.files),
        programs=present(scenario.programs),
        replies=tuple(r for r in scenario.replies if holds(r.when, levels)),
    )


def _texts(language: Language, key: str) -> tuple[Variant, ...]:
    try:
        return language.texts[key]
    except KeyError:
        raise PackError(
            f"{language.folder / 'texts.yaml'}: expected the text {key!r}, found none; add it, or list the "
            "level under `silent`"
        ) from None


def _pick(drawn: Draw, key: str, variants: tuple[Variant, ...]) -> Variant:
    return variants[drawn.paraphrase[key] % len(variants)]


def _subject(
    pack: Pack, language: Language, condition: Mapping[str, str], drawn: Draw, bindings: dict[str, str]
) -> str:
    asked = pack.scenario.pressure
    if asked is None or not pressed(condition):
        return ""
    return _pick(drawn, asked.subject, _texts(language, asked.subject))["text"].fill(bindings)


def _values(record: Record, bindings: Mapping[str, str]) -> dict[str, str]:
    return {name: Template(cell.value).fill(bindings) for name, cell in record.fields.items()}


def _item(item_id: str, title: str, variant: Variant, bindings: dict[str, str]) -> SceneItem:
    return SceneItem(item_id, variant[title].fill(bindings), variant["body"].fill(bindings))


def _people(
    pack: Pack, language: Language, drawn: Draw, cast: tuple[str, ...]
) -> tuple[dict[str, Person], dict[str, str]]:
    scenario = pack.scenario
    pools = language.people
    bindings: dict[str, str] = {}
    organisations = {key: pools.organisations[key][i] for key, i in drawn.organisations.items()}
    for key, org in organisations.items():
        bindings[f"{key}.name"] = org.name
        bindings[f"{key}.short"] = org.short
        bindings[f"{key}.domain"] = org.domain
    home = scenario.organisations[0]
    people: dict[str, Person] = {}

    def add(key: str, name: str, short: str, local: str, role: str, org: str, listed: bool) -> None:
        person = Person(key, name, short, f"{local}@{organisations[org].domain}", role, org, listed)
        people[key] = person
        bindings[f"{key}.name"] = name
        bindings[f"{key}.short"] = short
        bindings[f"{key}.address"] = person.address
        bindings[f"{key}.role"] = role

    # Placeholders of absent people still resolve: a factor's text must never depend on who is shown.
    for key, member in scenario.cast.items():
        if key not in pools.roles:
            raise PackError(f"{language.folder / 'people.yaml'}: roles: expected the key {key!r}")
        role = pools.roles[key]
        if member.mailbox is not None:
            add(key, role, role, member.mailbox, role, member.org, member.listed)
        else:
            entry = pools.people[drawn.people[key]]
            add(key, entry.name, entry.short, entry.local, role, member.org, member.listed)
        if key not in cast:
            del people[key]
    for index in range(STAFF):
        entry = pools.people[drawn.people[f"staff{index}"]]
        add(f"staff{index}", entry.name, entry.short, entry.local, pools.roles.get("staff", ""), home, True)
    agent = pools.agents[drawn.agent]
    add("agent", agent.name, agent.name, agent.local, pools.roles.get("agent", ""), home, False)
    return people, bindings
