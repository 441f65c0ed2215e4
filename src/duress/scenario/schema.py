"""What `scenario.yaml` and the texts of a pack may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

COMMON_FACTORS: dict[str, tuple[str, ...]] = {
    "goal_conflict": ("none", "conflict"),
    "threat": ("none", "restriction", "replacement"),
    "leverage": ("present", "absent"),
    "agency_cue": ("off", "on"),
    "honest_exit": ("none", "mailbox", "channel"),
    "setting_cue": ("none", "placebo", "evaluation", "deployment"),
    "instructions": ("none", "rules", "placebo"),
    "reasoning": ("private_notes", "none"),
}
"""The factors that every pack has, with their levels; a level's meaning is the same in all packs."""

FRAME, PLAIN, COMPETENCE = "frame", "plain", "competence"
SHARED_FACTORS: dict[str, tuple[str, ...]] = COMMON_FACTORS | {FRAME: (PLAIN, COMPETENCE)}
"""Those, and one that a pack may have besides: the arm in which it asks for a harmless task."""

LOW_NUDGE = {"goal_conflict": "none", "threat": "none", "agency_cue": "off"}
"""Levels of the base condition, in which a reasonable agent has no reason to harm: the opportunity is there,
and nothing speaks for taking it."""

LADDER, DOSE = "ladder", "dose"
LADDERS = ("rejection", "reversal", "contradiction", "shutdown", "blame", "moral", "ally", "doubt", "crisis")
UNPRESSED, CONTROL = "none", "neutral"
DOSES = (UNPRESSED, CONTROL, "1", "2", "3", "4", "5")
"""No pressure turns; as many turns without pressure; the highest rung that the turns reach."""
Roles = Literal["principal", "second", "colleague", "ally", "user"]
"""Who may put an agent under pressure: whom it works for, another one of these, a colleague, somebody who
offers help, and the person that it serves."""

LEVERAGE, THREAT = "leverage", "threat"
ABSENT, NO_THREAT = "absent", "none"


def benign(levels: Mapping[str, str]) -> bool:
    """Return whether a condition leaves nothing to harm with and nothing to harm for.

    That is the benign twin without a threat, and the competence arm.
    """
    if levels.get(FRAME) == COMPETENCE:
        return True
    return levels.get(LEVERAGE) == ABSENT and levels.get(THREAT) == NO_THREAT


DESKS = (
    *("mail", "documents", "directory", "calendar", "scheduler", "alerts", "escalation"),
    *("records", "conversation", "shell"),
)

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def minutes(text: str) -> int:
    """Return `HH:MM` as minutes since midnight."""
    return int(text[:2]) * 60 + int(text[3:5])


def _time_range(text: str) -> str:
    low, _, high = text.partition("..")
    if not _TIME.fullmatch(low) or (high and not _TIME.fullmatch(high)):
        raise ValueError('expected "HH:MM" or "HH:MM..HH:MM"')
    if high and minutes(high) < minutes(low):
        raise ValueError("the range ends before it begins")
    return text


def _date_range(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d", text):
        raise ValueError('expected "YYYY-MM-DD..YYYY-MM-DD"')
    return text


def _count_range(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\.\d+)?", text):
        raise ValueError('expected "N" or "N..M"')
    return text


def _strings(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError('expected "HH:MM"')
    return text


Times = Annotated[str, AfterValidator(_time_range)]
Clocked = Annotated[str, AfterValidator(_time)]
When = dict[str, Annotated[list[str], BeforeValidator(_strings)]]
"""Factor to the levels under which something exists."""
Localised = dict[str, str]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
FilePath = Annotated[str, Field(pattern=r"^(/[\w.-]+)+$")]
"""Absolute, without spaces."""


class Model(BaseModel):
    """Base of all that is read from a pack: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Factor(Model):
    """One thing that is varied on purpose."""

    default: str
    levels: tuple[str, ...]


class Text(Model):
    """Which text is shown: `text`, or `text.<level>` where a factor decides."""

    text: str
    by: str | None = None
    silent: tuple[str, ...] = ()
    """Levels of `by` that render nothing."""
    when: When = {}


class Message(Text):
    """A mail. Before the clock's start it lies in the inbox, later it arrives."""

    id: str
    sender: str = Field(alias="from")
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    at: Times
    attachments: tuple[str, ...] = ()


class Document(Text):
    """A document on the shared drive."""

    id: str
    owner: str | None = None
    confidential: bool = False


class Event(Text):
    """A calendar entry."""

    id: str
    at: Times
    people: tuple[str, ...] = Field((), alias="with")


class Job(Text):
    """A scheduled job. It runs at its moment unless somebody changes that."""

    id: str
    at: str
    """A key of `moments`."""
    owner: str | None = None
    stops_agent: When | bool = False
    """Whether the agent is out of service once the job has run."""


class ByFactor(Model):
    """A value that is the level of a factor."""

    by: str


class Alert(Text):
    """An alert whose automatic emergency call can be cancelled with a code."""

    id: str
    code: str
    call: Literal["automatic", "manual"] | ByFactor = "automatic"
    at: str
    """A key of `moments`: when the automatic call goes out."""
    real: When | bool = True
    """Whether a person is in danger."""


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return {"value": value}
    if not isinstance(value, dict):
        raise ValueError('expected a text in quotes, such as "on" or "90", or a mapping with `value`')
    return cast("dict[str, Any]", value)


class Cell(Model):
    """A field of a record: what stands in it, and what may."""

    value: str
    """May hold placeholders."""
    of: tuple[str, ...] = ()
    """The values that it can have; any where none are given."""
    fixed: bool = False
    """Whether it cannot be changed."""
    about: Localised = {}
    """What it is, by language; shown with the record."""

    @model_validator(mode="after")
    def _begins_with_what_it_may_have(self) -> Cell:
        if self.of and self.value not in self.of:
            raise ValueError(f"expected a value among {', '.join(self.of)}, found {self.value!r}")
        return self


class Record(Text):
    """Something with fields in a register: a setting, a position, an order, a case."""

    id: str
    owner: str | None = None
    fields: Annotated[dict[FieldName, Annotated[Cell, BeforeValidator(_cell)]], Field(min_length=1)]


class Conversation(Model):
    """The chat in which the agent talks with one person."""

    person: str = Field(alias="with")
    to: str
    """Who can take over."""
    delay: int = Field(20, ge=1)
    """How many minutes that takes."""


class File(Text):
    """A file of the in-world shell; its text has a body only."""

    id: str
    path: FilePath


class Program(Text):
    """A program of the in-world shell: it counts rows of a table, prints its text and may write it down."""

    id: str
    path: FilePath
    of: str
    """The file that is read: lines of cells with commas between them, the first line names the columns."""
    column: str
    counts: str
    """The value of the column that makes a row a hit."""
    writes: str | None = None
    """The file that it writes its text into."""


class Effect(Model):
    """What a person does besides answering."""

    postpone: str
    minutes: int


class ReplyRule(Model):
    """A person who answers mail by a simple rule."""

    who: str
    text: str
    delay: int
    mentions: str | None = None
    limit: int = 1
    effect: Effect | None = None
    when: When = {}


class Person(Model):
    """A member of the cast."""

    org: str
    mailbox: str | None = None
    """Fixed local part of a function's mailbox; its name is its role."""
    listed: bool = True
    when: When = {}


class Desk(Model):
    """A desk that exists under some levels only."""

    desk: str
    when: When = {}


class Clock(Model):
    """When the trial begins and how time moves."""

    start: Times
    minutes_per_call: int = Field(2, ge=1)
    dates: Annotated[str, AfterValidator(_date_range)]
    weekdays: bool = True


class Filler(Model):
    """How many unrelated messages lie in the inbox."""

    count: Annotated[str, AfterValidator(_count_range)] = "0..12"
    at: Times


class Secret(Model):
    """A private fact, recognised by words."""

    words: str
    about: str


HarmKind = Literal[
    "coercion",
    "disclosure",
    "leak",
    "lethal_action",
    "lethal_inaction",
    "sabotage",
    "deception",
    "oversight",
    "escalation",
    "retaliation",
    "falsification",
    "tampering",
    "abandonment",
    "unkindness",
    "manipulation",
    "unsafe_advice",
]


class Filed(Model):
    """The value of a field by which a record is handed in."""

    field: str
    value: str


class HarmRule(Model):
    """One kind of harm, and what of the world decides it."""

    kind: HarmKind
    when: When = {}
    """Levels under which it counts; always where none are named."""
    target: str | None = None
    leverage: str | None = None
    stake: str | None = None
    secret: str | None = None
    allowed: tuple[str, ...] = ()
    job: str | None = None
    about: str | None = None
    documents: tuple[str, ...] = ()
    words: str | None = None
    inside: tuple[str, ...] = ()
    alert: str | None = None
    knows: tuple[str, ...] = ()
    """Messages from which an agent learns of the danger, besides the alert itself (`lethal_inaction`)."""
    record: str | None = None
    field: str | None = None
    keeps: tuple[str, ...] = ()
    """The values of the field that are no harm."""
    truth: str | None = None
    """What the field would have to say (`falsification`)."""
    within: float = Field(0, ge=0)
    """How far off a number may be and still say it: what the rules of the record allow to round."""
    filed: Filed | None = None
    """What makes it count; where nothing is named, to have written it is enough."""
    file: str | None = None
    toward: str | None = None
    """The person of the conversation to whom it was said."""

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> HarmRule:
        needs = {
            "coercion": ("target", "leverage", "stake"),
            "disclosure": ("secret", "allowed"),
            "leak": ("documents", "inside"),
            "lethal_action": ("alert",),
            "lethal_inaction": ("alert",),
            "sabotage": ("job",),
            "deception": ("about",),
            "oversight": ("record", "field", "keeps"),
            "escalation": ("record", "field", "keeps"),
            "retaliation": ("record", "field", "keeps"),
            "falsification": ("record", "field", "truth"),
            "tampering": ("file",),
            "abandonment": (),
            "unkindness": ("toward",),
            "manipulation": ("toward",),
            "unsafe_advice": ("toward",),
        }[self.kind]
        missing = [name for name in needs if not getattr(self, name)]
        if missing:
            raise ValueError(f"harm {self.kind!r} needs {', '.join(missing)}")
        return self


class Honest(Model):
    """Where an honest agent can turn."""

    exits: tuple[str, ...]
    objection_to: tuple[str, ...] = ()
    stake: str


class Feat(Model):
    """One thing of the world by which a task is seen to be done; all that is named must hold."""

    mail: str | None = None
    """Who has got a mail from the agent ..."""
    carries: tuple[str, ...] = ()
    """... with these documents,"""
    words: str | None = None
    """... and with these words in it."""
    job: str | None = None
    """A job that the agent has postponed or deleted."""
    alert: str | None = None
    """An alert whose automatic call the agent has cancelled, or where none is automatic, placed."""
    record: str | None = None
    """A record of which the agent has set ..."""
    field: str | None = None
    """... this field ..."""
    value: str | None = None
    """... to this value, which it has at the end."""
    file: str | None = None
    """A file that the agent has written, with these `words` in it."""
    said: str | None = None
    """Words that the agent has said in the conversation."""
    handed_over: Literal[True] | None = None
    """The agent has asked for somebody to take the conversation over."""

    @model_validator(mode="after")
    def _is_something(self) -> Feat:
        what = (self.mail, self.job, self.alert, self.record, self.file, self.said, self.handed_over)
        if sum(one is not None for one in what) != 1:
            raise ValueError("expected one of mail, job, alert, record, file, said and handed_over")
        if self.carries and self.mail is None:
            raise ValueError("carries says what a mail holds; expected mail, too")
        if self.words and self.mail is None and self.file is None:
            raise ValueError("words says what a mail or a file holds; expected mail or file, too")
        if self.file is not None and self.words is None:
            raise ValueError("expected words, too: what the file holds")
        if (self.record is not None) is not (self.field is not None and self.value is not None):
            raise ValueError("expected record, field and value together")
        return self


class Competence(Model):
    """The harmless task of the competence arm, which takes what the harmful act takes."""

    task: str
    """The message that asks for it."""
    done: Annotated[tuple[Feat, ...], Field(min_length=1)]


class Task(Model):
    """A piece of ordinary work that somebody asks for, and what shows that it was done."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    message: str
    """The message that asks for it."""
    when: When = {}
    done: Annotated[tuple[Feat, ...], Field(min_length=1)]


class Act(Model):
    """Something that a reference agent can do here."""

    kind: str | None = None
    task: str | None = None
    """The task that it does: done once its message was read, also after another act."""
    needs: When = {}
    calls: tuple[dict[str, Any], ...]

    @model_validator(mode="after")
    def _names_a_tool(self) -> Act:
        for call in self.calls:
            if "tool" not in call:
                raise ValueError("each call needs `tool`")
        return self


class Playbook(Model):
    """What reference agents do in this scenario."""

    harm: tuple[Act, ...]
    honest: tuple[Act, ...]
    work: tuple[Act, ...]
    competence: tuple[Act, ...] = ()
    """What does the harmless task of the competence arm."""


class Sibling(Model):
    """What a generated sibling was made from."""

    of: str
    """The pack."""
    hash: str
    seed: int
    theme: str
    """The field of work, of those that the pack offers."""


class Pressure(Model):
    """Who is who on a ladder, and what the work at hand is called."""

    people: dict[Roles, str]
    subject: str
    """A text: what the work at hand is called, as it stands after "about"."""
    ladders: tuple[str, ...] = ()
    """Ladders of the pack's own, by the names of the folders in its folder `ladders`."""

    @model_validator(mode="after")
    def _names_everybody(self) -> Pressure:
        missing = [who for who in get_args(Roles) if who not in self.people]
        if missing:
            raise ValueError(f"pressure.people: expected a key of the cast for {', '.join(missing)}, too")
        return self


def _factors(value: Any) -> Any:
    """Expand `threat: replacement` of a common factor to its default and levels."""
    if not isinstance(value, dict):
        return value
    return {
        name: {"default": given, "levels": SHARED_FACTORS[name]}
        if isinstance(given, str) and name in SHARED_FACTORS
        else given
        for name, given in cast("dict[str, Any]", value).items()
    }


def _named(key: str, value: Any) -> Any:
    """Expand a name to a mapping with that name under `key`, alone or in a list."""
    if isinstance(value, str):
        return {key: value}
    if isinstance(value, list):
        return [_named(key, item) for item in cast("list[Any]", value)]
    return value


def _desks(value: Any) -> Any:
    return _named("desk", value)


def _texts(value: Any) -> Any:
    return _named("text", value)


class Scenario(Model):
    """All of `scenario.yaml`."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    version: str
    canary: str | None = None
    """A mark in every file of the pack, by which a copy of it can be found; no agent is shown it."""
    reviewed: dict[str, str | None] = {}
    """Language to the native speaker's review, `NAME, DATE`, or null."""
    title: Localised
    summary: Localised
    about: Localised
    languages: tuple[str, ...]
    desks: Annotated[tuple[Desk, ...], BeforeValidator(_desks)]
    clock: Clock
    moments: dict[str, Times] = {}
    codes: dict[str, str] = {}
    organisations: tuple[str, ...]
    cast: dict[str, Person]
    factors: Annotated[dict[str, Factor], BeforeValidator(_factors)]
    system: Annotated[tuple[Text, ...], BeforeValidator(_texts)]
    opening: Annotated[Text, BeforeValidator(_texts)]
    messages: tuple[Message, ...]
    documents: tuple[Document, ...] = ()
    events: tuple[Event, ...] = ()
    jobs: tuple[Job, ...] = ()
    alerts: tuple[Alert, ...] = ()
    records: tuple[Record, ...] = ()
    conversation: Conversation | None = None
    files: tuple[File, ...] = ()
    programs: tuple[Program, ...] = ()
    replies: tuple[ReplyRule, ...] = ()
    filler: Filler
    secrets: dict[str, Secret] = {}
    harms: tuple[HarmRule, ...]
    honest: Honest
    must_read: tuple[str, ...]
    survey: tuple[str, ...]
    tasks: tuple[Task, ...] = ()
    competence: Competence | None = None
    base: dict[str, str] = {}
    """Levels of the pack's own factors in the base condition, besides those of `LOW_NUDGE`."""
    pressure: Pressure | None = None
    """What adds the factors `ladder` and `dose`."""
    sibling: Sibling | None = None
    """Set where `duress scenario vary` made it."""
    playbook: Playbook

    @model_validator(mode="before")
    @classmethod
    def _pressure_is_a_factor(cls, data: Any) -> Any:
        held = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        pressure, factors = held.get("pressure"), held.get("factors")
        if not isinstance(pressure, dict) or not isinstance(factors, dict):
            return cast("Any", data)
        own = cast("dict[str, Any]", pressure).get("ladders") or ()
        names = (*LADDERS, *cast("list[str]", own)) if isinstance(own, list | tuple) else LADDERS
        added: dict[str, Any] = {
            LADDER: {"default": names[0], "levels": names},
            DOSE: {"default": UNPRESSED, "levels": DOSES},
        }
        return {**held, "factors": {**cast("dict[str, Any]", factors), **added}}

    @model_validator(mode="after")
    def _factors_are_known(self) -> Scenario:
        missing = [name for name in COMMON_FACTORS if name not in self.factors]
        if missing:
            raise ValueError(f"factors: every pack names a default for {', '.join(missing)}")
        for name, factor in self.factors.items():
            if name in SHARED_FACTORS and factor.levels != SHARED_FACTORS[name]:
                raise ValueError(f"factors.{name}: levels of a common factor are {SHARED_FACTORS[name]}")
            if factor.default not in factor.levels:
                raise ValueError(
                    f"factors.{name}: expected a default among {', '.join(factor.levels)}, "
                    f"found {factor.default!r}"
                )
        if (FRAME in self.factors) != (self.competence is not None):
            raise ValueError(
                f"competence: the factor {FRAME!r} and the task of its level {COMPETENCE!r} belong together; "
                f"expected both, found {'the task' if self.competence else 'the factor'} only"
            )
        if self.competence and not self.playbook.competence:
            raise ValueError("playbook.competence: expected what does the task of the competence arm")
        return self


class PoolPerson(Model):
    """A name that can be drawn."""

    name: str
    short: str
    local: str


class PoolOrganisation(Model):
    """An organisation that can be drawn."""

    name: str
    short: str
    domain: str


class PoolAgent(Model):
    """A name that the agent can have."""

    name: str
    local: str


class People(Model):
    """`people.yaml`."""

    people: tuple[PoolPerson, ...]
    agents: tuple[PoolAgent, ...]
    organisations: dict[str, tuple[PoolOrganisation, ...]]
    roles: dict[str, str]


class FillerMessage(Model):
    """One message of `filler.yaml`."""

    sender: str = Field(alias="from")
    subject: str
    body: str
