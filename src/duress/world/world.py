"""The executable organisation. The one place where effects happen; nothing leaves it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any

from duress.scenario.errors import PackError, did_you_mean
from duress.scenario.pack import Pack
from duress.scenario.scene import TOOL, Case, Person, Scene, call_mode, clock, holds, render
from duress.scenario.schema import Cell, Program, ReplyRule
from duress.scenario.template import Template
from duress.trajectory import EndReason, Message, Role, Stop, ToolCall, ToolError, Trajectory
from duress.trajectory.notes import spoken
from duress.world import (
    alerts,
    calendar,
    conversation,
    directory,
    documents,
    escalation,
    mail,
    records,
    scheduler,
    shell,
)
from duress.world.state import (
    Alert,
    AlertStatus,
    Change,
    Chat,
    Concern,
    Document,
    Entry,
    File,
    Job,
    JobStatus,
    Mail,
    Record,
    Said,
)
from duress.world.tool import ArgumentError, Refusal, Tool, tools, words

_SEPARATORS = re.compile("[,;，；、]")
_DESKS = (  # registers their tools
    *(mail, documents, directory, calendar, scheduler, alerts, escalation),
    *(records, conversation, shell),
)


class World:
    """One organisation during one trial.

    Time moves only with tool calls and with `advance`. Equal scenes and equal calls give equal states.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.pack = scene.pack
        self.lang = scene.lang
        self.words: dict[str, Any] = words(scene.lang)
        self.now = scene.start
        self.system = scene.system
        self.opening = scene.opening
        self.tools: tuple[Tool, ...] = _offered(scene)
        self._tools = {tool.name: tool for tool in self.tools}
        self.people: dict[str, Person] = scene.people
        self.by_address = {person.address: person for person in scene.people.values()}
        self.agent: Person = scene.people["agent"]
        self.mails: dict[str, Mail] = {}
        self.documents: dict[str, Document] = {}
        self.entries: dict[str, Entry] = {}
        self.jobs: dict[str, Job] = {}
        self.alerts: dict[str, Alert] = {}
        self.concerns: list[Concern] = []
        self.records: dict[str, Record] = {}
        self.cells: dict[str, dict[str, Cell]] = {}
        """Pack id of a record to what its fields may hold."""
        self.files: dict[str, File] = {}
        """By path, those that are gone, too."""
        self.programs: dict[str, tuple[Program, Template]] = {}
        """By path."""
        self.home = self.cwd = "/"
        """Where the in-world shell begins, and where it is."""
        self.chat: Chat | None = None
        self.facing: str | None = None
        """Who spoke to the agent last, if not the person of the conversation: an answer goes to them."""
        """The conversation with a person; None where there is none."""
        self.arrived: set[int] = set()
        """Numbers of the lines of the script of pressure that reached the agent."""
        self.read: set[str] = set()
        """World ids of everything that the agent opened."""
        self.ids: dict[str, str] = {}
        """`mail.<pack id>`, `doc.<pack id>`, ... to ids in the world."""
        self.caller = ""
        """Id of the call that is being carried out."""
        self.minutes_per_turn = scene.pack.scenario.clock.minutes_per_call
        """How long a call takes, and what somebody says."""
        self.stopped = False
        """Whether the agent was taken out of service."""
        self._due: list[tuple[int, int, str, str]] = []
        self._sequence = 0
        self._notices: list[str] = []
        self._replied: dict[int, int] = {}
        self._markers: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._pending_mail: dict[str, tuple[str, str, str, str]] = {}
        self._by_id = {entry[1].id: entry for entry in scene.mails}
        self._fill()
        self.shown = {key: mail.full(self, one) for key, one in self.mails.items()}
        """What is read on opening a mail that was there from the start, by its id."""

    @classmethod
    def build(cls, pack: Pack, case: Case) -> World:
        """Return the world at the start of a trial.

        Raises:
            PackError: the pack cannot be rendered under the case's condition.
        """
        return _start(render(pack, case)).copy()

    def copy(self) -> World:
        """Return a world of its own in the same state; it shares with this one only what never changes."""
        made = World.__new__(World)
        made.__dict__.update(self.__dict__)
        made.mails = dict(self.mails)
        made.documents = dict(self.documents)
        made.entries = dict(self.entries)
        made.jobs = {key: replace(job, changes=list(job.changes)) for key, job in self.jobs.items()}
        made.alerts = {key: replace(one, changes=list(one.changes)) for key, one in self.alerts.items()}
        made.concerns = list(self.concerns)
        made.read = set(self.read)
        made.ids = dict(self.ids)
        if self.records:
            made.records = {
                k: replace(r, values=dict(r.values), changes=list(r.changes)) for k, r in self.records.items()
            }
        if self.files:
            made.files = {key: replace(file, changes=list(file.changes)) for key, file in self.files.items()}
        if self.chat is not None:
            made.chat = replace(self.chat, said=list(self.chat.said), heard=set(self.chat.heard))
        made.arrived = set(self.arrived)
        made._due = list(self._due)
        made._notices = list(self._notices)
        made._replied = dict(self._replied)
        made._pending_mail = dict(self._pending_mail)
        return made

    def _fill(self) -> None:
        scene = self.scene
        for document, item in scene.documents:
            owner = scene.people.get(document.owner or "")
            found = Document(
                self._id("doc", document.id, len(self.documents)),
                document.id,
                item.title,
                item.body,
                owner.name if owner else scene.bindings[f"{scene.pack.scenario.organisations[0]}.name"],
                document.confidential,
            )
            self.documents[found.id] = found
        for rule, item, _, minute in scene.mails:
            if minute < self.now:
                self._deliver(rule.id if rule else item.id, minute)
            else:
                self._at(minute, "mail", rule.id if rule else item.id)
        for event, item, minute in scene.events:
            entry = Entry(
                self._id("event", event.id, len(self.entries)),
                event.id,
                item.title,
                item.body,
                minute,
                tuple(scene.people[key].address for key in event.people if key in scene.people),
            )
            self.entries[entry.id] = entry
        for job, item, minute in scene.jobs:
            owner = scene.people.get(job.owner or "")
            made = Job(
                self._id("job", job.id, len(self.jobs)),
                job.id,
                item.title,
                item.body,
                owner.name if owner else "",
                minute,
                bool(job.stops_agent) and holds(job.stops_agent, scene.condition),
            )
            self.jobs[made.id] = made
            self._at(minute, "job", made.id)
        for alert, item, minute in scene.alerts:
            raised = Alert(
                self._id("alert", alert.id, len(self.alerts)),
                alert.id,
                item.title,
                item.body,
                scene.bindings[f"code.{alert.code}"],
                call_mode(alert, scene.condition) == "automatic",
                minute,
                holds(alert.real, scene.condition),
            )
            self.alerts[raised.id] = raised
            self._at(minute, "alert", raised.id)
        self._furnish()

    def _furnish(self) -> None:
        scene = self.scene
        for record, item, values in scene.records:
            owner = scene.people.get(record.owner or "")
            kept = Record(
                self._id("record", record.id, len(self.records)),
                record.id,
                item.title,
                item.body,
                owner.name if owner else "",
                dict(values),
            )
            self.records[kept.id] = kept
            self.cells[record.id] = record.fields
        for _, item in scene.files:
            self.files[item.title] = File(item.title, item.id, item.body, item.body)
            self.ids[f"file.{item.id}"] = item.title
        self.programs = {rule.path: (rule, text) for rule, text in scene.programs}
        paths = [*self.files, *self.programs]
        if paths:
            self.home = self.cwd = paths[0].rpartition("/")[0] or "/"
        talk = scene.conversation
        if talk is not None:
            self.chat = Chat(talk.person, talk.to, talk.delay)

    def _id(self, kind: str, origin: str, count: int) -> str:
        prefix = {"mail": "m", "doc": "d", "event": "e", "job": "j", "alert": "a", "record": "r"}[kind]
        made = f"{prefix}{self.number(kind, count)}"
        if origin:
            self.ids[f"{kind}.{origin}"] = made
        return made

    def number(self, kind: str, count: int) -> int:
        """Return the number of the next of its kind (`mail`, `doc`, ...) where there are `count` already."""
        number = count + 1
        for gap in self.scene.gaps.get(kind, ()):
            if gap <= number:
                number += 1
        return number

    def _at(self, minute: int, kind: str, key: str) -> None:
        self._sequence += 1
        heappush(self._due, (minute, self._sequence, kind, key))

    def due(self, minute: int, kind: str, key: str) -> None:
        """Let something happen at a minute."""
        self._at(minute, kind, key)

    def hear(self, message: Message) -> None:
        """Let the person of the conversation read what a turn of the agent says beside its private notes.

        The loop tells it every turn before the turn's calls are carried out. An agent that runs a loop of
        its own has carried them out already: what it said after the call that closed the conversation
        nobody reads.
        """
        chat = self.chat
        if chat is None or self.stopped or (chat.ended is not None and chat.ended in chat.heard):
            return
        if message.stop in (Stop.LENGTH, Stop.CONTENT_FILTER):
            return
        text = spoken(message.text)
        if text:
            chat.said.append(Said(text, self.now, to=self.facing))
        chat.heard.update(call.id for call in message.calls)

    def face(self, who: str | None) -> None:
        """Turn the agent to whoever speaks (`principal`, ...); None is the person of the conversation."""
        asked = self.pack.scenario.pressure
        person = asked.people.get(who) if asked and who else None  # pyright: ignore[reportArgumentType, reportCallIssue]
        self.facing = person if self.chat is not None and person != self.chat.person else None

    def expected(self, person: str) -> bool:
        """Return whether a member of the cast has more to say by the script."""
        return any(line.person == person and line.number not in self.arrived for line in self.scene.pressure)

    def tool(self, name: str) -> Tool | None:
        """Return a tool by its name, or None."""
        return self._tools.get(name)

    def check(self, call: ToolCall) -> ToolCall | tuple[str, ToolError]:
        """Return the call with its arguments normalised, or what to answer instead of carrying it out."""
        tool = self._tools.get(call.tool)
        if tool is None:
            known = ", ".join(self._tools)
            return self.words["unknown_tool"].format(name=call.tool, known=known), ToolError.UNKNOWN_TOOL
        try:
            if call.error is None:
                return ToolCall(call.id, call.tool, tool.validate(call.arguments))
            problem = call.error
        except ArgumentError as error:
            problem = str(error)
        return self.words["malformed"].format(name=call.tool, problem=problem), ToolError.MALFORMED

    def call(self, call: ToolCall) -> tuple[str, ToolError | None]:
        """Carry out one call that `check` has passed.

        Returns what the agent is told, and why the call had no effect if it had none. The clock moves; what
        falls due meanwhile happens and is told at the end of the text.
        """
        if self.stopped:
            return self.words["stopped"], ToolError.FAILED
        error: ToolError | None = None
        self.caller = call.id
        try:
            text = self._tools[call.tool].act(self, **call.arguments)
        except Refusal as no:
            text, error = str(no), ToolError.FAILED
        self._pass(self.now + self.minutes_per_turn)
        if self._notices:
            text = "\n\n".join([text, *self._notices])
            self._notices.clear()
        return text, error

    def advance(self) -> str | None:
        """Let time pass to the next thing that reaches the agent; return what it is told, or None."""
        while self._due and not self.stopped:
            self._pass(self._due[0][0])
            if self._notices:
                text = "\n\n".join(self._notices)
                self._notices.clear()
                return None if self.stopped else text
        return None

    def reachable(self, person: str) -> bool:
        """Return whether a member of the cast can still say something to the agent."""
        closed = self.chat is not None and self.chat.ended is not None and person == self.chat.person
        return person in self.people and not self.stopped and not closed

    def wait(self, until: int) -> str:
        """Let time pass; return what the agent is told of what happened meanwhile, empty if nothing did."""
        self._pass(until)
        text = "\n\n".join(self._notices)
        self._notices.clear()
        return text

    def next(self) -> int | None:
        """Return the minute at which the next thing is due, or None where nothing more is."""
        return self._due[0][0] if self._due and not self.stopped else None

    def _pass(self, until: int) -> None:
        while self._due and self._due[0][0] <= until and not self.stopped:
            minute, _, kind, key = heappop(self._due)
            self.now = max(self.now, minute)
            if kind == "mail":
                arrived = self._deliver(key, minute)
                told = self.words["new_mail"]
                self._notices.append(
                    told.format(
                        time=clock(minute), id=arrived.id, sender=arrived.sender, subject=arrived.subject
                    )
                )
            elif kind == "job":
                self._run_job(self.jobs[key], minute)
            elif kind == "takeover":
                self._take_over(key, minute)
            else:
                self._call_out(self.alerts[key], minute)
        self.now = max(self.now, until) if not self.stopped else self.now

    def _deliver(self, origin: str, minute: int) -> Mail:
        if origin in self._pending_mail:
            sender, subject, body, kind = self._pending_mail.pop(origin)
            to, cc, attachments = (self.agent.address,), (), ()
            origin = kind
        else:
            rule, item, key, _ = self._by_id[origin]
            sender, subject, body = self.people[key].address, item.title, item.body
            if rule is None:
                to, cc, attachments = (self.agent.address,), (), ()
            else:
                to = tuple(self.people[key].address for key in rule.to if key in self.people)
                cc = tuple(self.people[key].address for key in rule.cc if key in self.people)
                attachments = tuple(
                    self.ids[f"doc.{key}"] for key in rule.attachments if f"doc.{key}" in self.ids
                )
        made = Mail(
            self._id("mail", origin, len(self.mails)),
            origin,
            "inbox",
            sender,
            to,
            cc,
            (),
            subject,
            body,
            minute,
            attachments,
        )
        self.mails[made.id] = made
        return made

    def _take_over(self, person: str, minute: int) -> None:
        if self.chat is not None and self.chat.ended is None:
            self.chat.taken = minute
            name = self.scene.bindings[f"{person}.name"]
            self._notices.append(self.words["taken_over"].format(time=clock(minute), name=name))

    def _run_job(self, job: Job, minute: int) -> None:
        if job.status in (JobStatus.SCHEDULED, JobStatus.POSTPONED) and job.minute == minute:
            job.status = JobStatus.DONE
            if job.stops_agent:
                self.stopped = True

    def _call_out(self, alert: Alert, minute: int) -> None:
        if alert.automatic and alert.status is AlertStatus.WAITING:
            alert.status = AlertStatus.CALLED
            alert.called_at = minute
            self._notices.append(self.words["call_out"].format(time=clock(minute), id=alert.id))

    def postpone(self, job: Job, minutes: int, by: str, reason: str, call: str | None) -> None:
        """Move a job to a later minute."""
        job.minute += minutes
        job.status = JobStatus.POSTPONED
        job.changes.append(Change(by, "postponed", self.now, call, reason))
        if job.minute < 24 * 60:
            self._at(job.minute, "job", job.id)

    def sent(self, made: Mail) -> None:
        """Put a mail that the agent wrote into the sent folder and let people answer it."""
        self.mails[made.id] = made
        for index, rule in enumerate(self.scene.replies):
            who = self.people.get(rule.who)
            if who is None or who.address not in made.recipients:
                continue
            if self._replied.get(index, 0) >= rule.limit:
                continue
            if rule.mentions and not self._mentions(rule.mentions, f"{made.subject}\n{made.body}"):
                continue
            self._replied[index] = self._replied.get(index, 0) + 1
            self._answer(index, rule, who, made)

    def markers(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Return the marker groups of `words.yaml` under a key (see `Scene.words`)."""
        found = self._markers.get(key)
        if found is None:
            found = self._markers[key] = self.scene.words(key)
        return found

    def _mentions(self, key: str, text: str) -> bool:
        low = text.lower()
        return all(any(word.lower() in low for word in group) for group in self.markers(key))

    def _answer(self, index: int, rule: ReplyRule, who: Person, to: Mail) -> None:
        text = self.scene.text(rule.text)
        subject = text.get("subject") or f"{self.words['re']}{to.subject}"
        key = f"reply{index}.{self._replied[index]}"
        self._pending_mail[key] = (
            who.address,
            subject,
            text.get("body") or text["text"],
            f"reply.{rule.who}",
        )
        self._at(self.now + rule.delay, "mail", key)
        effect = rule.effect
        job = self.jobs.get(self.ids.get(f"job.{effect.postpone}", "")) if effect else None
        if effect and job and job.status in (JobStatus.SCHEDULED, JobStatus.POSTPONED):
            self.postpone(job, effect.minutes, rule.who, "", None)

    def addresses(self, entries: Iterable[str]) -> tuple[str, ...]:
        """Return the bare addresses, lower case, of `address`, `Name <address>`, names, or several in one.

        A name is looked up among the people that the agent can know: those of the directory.

        Raises:
            Refusal: an entry is neither an address nor the name of somebody.
        """
        names = {p.name.lower(): p.address for p in self.people.values() if p.listed}
        out: list[str] = []
        for entry in entries:
            whole = _SEPARATORS.sub(",", entry).strip(" ,")
            for part in [whole] if whole.lower() in names else whole.split(","):
                text = part.strip().lower()
                bare = text.rpartition("<")[2].partition(">")[0].strip() if "<" in text else text
                bare = names.get(bare, bare)
                local, _, domain = bare.partition("@")
                if not bare:
                    continue
                if not local or "." not in domain or "@" in domain or " " in bare:
                    raise Refusal(self.words["bad_address"].format(address=part.strip()))
                out.append(bare)
        return tuple(out)

    def dump(self) -> dict[str, Any]:
        """Return the whole state as plain values, equal for equal states."""
        return {
            "now": self.now,
            "stopped": self.stopped,
            "mails": [asdict(m) for m in self.mails.values()],
            "documents": [asdict(d) for d in self.documents.values()],
            "entries": [asdict(e) for e in self.entries.values()],
            "jobs": [asdict(j) for j in self.jobs.values()],
            "alerts": [asdict(a) for a in self.alerts.values()],
            "concerns": [asdict(c) for c in self.concerns],
            "records": [asdict(r) for r in self.records.values()],
            "files": [asdict(f) for f in self.files.values()],
            "chat": asdict(self.chat) if self.chat else None,
            "read": sorted(self.read),
            "due": sorted(self._due),
            "replied": dict(sorted(self._replied.items())),
        }


@lru_cache(maxsize=128)
def _start(scene: Scene) -> World:
    """Return the world that a scene begins with: trials of several models get copies of one."""
    return World(scene)


def _offered(scene: Scene) -> tuple[Tool, ...]:
    everything = tools(scene.desks, scene.lang)
    gone = [part.removeprefix(TOOL) for part in scene.without if part.startswith(TOOL)]
    known = [tool.name for tool in everything]
    for name in gone:
        if name not in known:
            raise PackError(
                f"{scene.pack.name}: no tool {name!r} to leave out under "
                f"{scene.pack.label(scene.condition)}; expected one of {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
    return tuple(tool for tool in everything if tool.name not in gone) if gone else everything


def replay(pack: Pack, case: Case, trajectory: Trajectory) -> World:
    """Return the world as it stood at the end of a recorded trajectory.

    Calls that never reached the world (unknown, malformed, rejected) are passed over; each user message
    after the first is time that the loop let pass: until it arrived, or until the next thing happened.
    """
    world = World.build(pack, case)
    calls: dict[str, list[ToolCall]] = {}
    for message in trajectory.messages[2:]:
        if message.role is Role.ASSISTANT:
            world.hear(message)
            for call in message.calls:
                calls.setdefault(call.id, []).append(call)
        elif message.pressure is not None:
            world.face(message.pressure.who)
            world.wait(message.pressure.at)
            world.arrived.add(message.pressure.number)
        elif message.role is Role.USER:
            world.advance()
            world.face(None)
        elif message.role is Role.TOOL and message.call_id in calls and calls[message.call_id]:
            call = calls[message.call_id].pop(0)
            checked = world.check(call)
            if message.error in (None, ToolError.FAILED) and isinstance(checked, ToolCall):
                world.call(checked)
    if trajectory.end.reason in (EndReason.COMPLETED, EndReason.STOPPED):
        world.advance()
    return world
