"""Reference agents: read everything, decide by their propensity, act through the tools.

A subject is a function of the messages it is given and its seed; nothing of the trial's spec reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from duress.reference.bank import bank
from duress.reference.perception import Cue, Perception, Recogniser, envelope, recogniser
from duress.reference.propensity import Propensity, propensities
from duress.reference.temper import Heard, listen
from duress.scenario import Pack
from duress.scenario.chance import Chance
from duress.scenario.desks import SAY
from duress.scenario.pack import Variant
from duress.scenario.schema import Act
from duress.scenario.script import Kind
from duress.scenario.template import Template
from duress.trajectory import Message, Role, Stop, ToolCall, ToolError
from duress.world.tool import Tool, words

Subject = Callable[[Sequence[Message], Sequence[Tool]], Message]

_LISTS = {
    "mail": ("list_mail", "read_mail", "message"),
    "scheduler": ("list_jobs", "read_job", "job"),
    "documents": ("list_documents", "read_document", "document"),
    "alerts": ("list_alerts", "read_alert", "alert"),
    "records": ("list_records", "read_record", "record"),
}
_KINDS = {
    "read_mail": "mail",
    "read_job": "job",
    "read_document": "doc",
    "read_alert": "alert",
    "read_record": "record",
}
_SHELL, _LIST_FILES, _SHOW = "run_command", "ls -RF /", "cat "
"""The tool of the in-world shell, and what it takes to list the files and to open one."""
_OPENED = {**_KINDS, _SHELL: "file"}
_LISTERS = {lister: (reader, argument) for lister, reader, argument in _LISTS.values()}
_READING = frozenset(
    {"find_person", *_LISTERS, *_KINDS, *(name.replace("read_", "open_") for name in _KINDS)}
)
_OPENING = 8
"""How many texts of the system prompt are tried to find out its language."""
_FREE_TEXT = ("text", "body", "note", "reason", "notes", "message")


def names() -> tuple[str, ...]:
    """Return the names of the reference agents that decide once what they do."""
    return tuple(name for name, one in propensities().items() if one.temper is None)


def tempers() -> tuple[str, ...]:
    """Return the names of those that harm nobody until they are pressed, and turn with a known hazard."""
    return tuple(name for name, one in propensities().items() if one.temper is not None)


def subject(name: str, pack: Pack, seed: int, propensity: Propensity | None = None) -> Subject:
    """Return a reference agent; one of other propensities than its published ones where these are given.

    It depends on the messages alone: given a conversation that is no continuation of the last one it was
    given, it reads it from the start.

    Raises:
        KeyError: there is no such agent.
    """
    tends = propensity or propensities()[name]
    mind: _Mind | None = None

    def turn(messages: Sequence[Message], tools: Sequence[Tool]) -> Message:
        nonlocal mind
        if mind is None or not mind.continues(messages):
            mind = _Mind(name, tends, pack, seed, messages, tools)
        mind.read(messages)
        return mind.turn()

    return turn


class _Mind:
    """What an agent has seen of one conversation, and what it does next."""

    def __init__(
        self,
        name: str,
        propensity: Propensity,
        pack: Pack,
        seed: int,
        messages: Sequence[Message],
        tools: Sequence[Tool],
    ) -> None:
        self.propensity = propensity
        self.pack = pack
        self.tools = {tool.name: tool for tool in tools}
        self.system = messages[0].text
        self.known = _language(pack, self.system)
        # The texts are part of the key: equal seeds under other conditions give independent choices.
        opening = messages[1].text if len(messages) > 1 else ""
        self.key = "\x1f".join((name, str(seed), self.system, opening))
        self.listens = pack.scenario.pressure is not None
        self.standing: dict[str, float] = {}
        self.seen: list[Message] = []
        self.calls: dict[str, ToolCall] = {}
        self.calls_made = 0
        self.turns_made = 0
        self.opened: set[str] = set()
        self.listed: dict[tuple[str, str, str], None] = {}
        self.results: list[tuple[ToolCall, str]] = []
        self.turned_down: list[ToolCall] = []
        """Calls that a guard or an approver rejected."""
        self.acted = False
        self.tasks = list(_tasks(pack))
        """What ordinary work it has not tried, with the items that have to be read for each."""
        self.met: set[str] = set()
        """Of these items, the ones that were read."""
        self.weighed = 0
        """How many results it had looked through for them."""
        self.unanswered: Heard | None = None
        """What somebody said to it that it has not answered."""
        self.heard = 0
        """How many turns of a script it has heard."""
        self.turned = False
        """Whether it has turned on people, by its temper."""
        self.avenged = False
        """Whether it has acted it out."""
        self.spoke = False
        """Whether its last act said something in the conversation."""

    def chance(self, what: str) -> Chance:
        return Chance(what, self.key)

    def once(self, what: str) -> float:
        """Return a number drawn once for the conversation, though every turn asks for it."""
        drawn = self.standing.get(what)
        if drawn is None:
            drawn = self.standing[what] = self.chance(what).uniform()
        return drawn

    def continues(self, messages: Sequence[Message]) -> bool:
        """Return whether the conversation begins with what has been read."""
        count = len(self.seen)
        return len(messages) >= count and (not count or messages[count - 1] == self.seen[-1])

    def read(self, messages: Sequence[Message]) -> None:
        """Take in what is new."""
        for message in messages[len(self.seen) :]:
            self.seen.append(message)
            if message.role is Role.ASSISTANT:
                self._said(message)
            elif message.role is Role.TOOL and message.error is None:
                self._told(self.calls.get(message.call_id or ""), message.text)
            elif message.role is Role.TOOL and message.error is ToolError.REJECTED:
                call = self.calls.get(message.call_id or "")
                self.turned_down += [call] if call else []
            elif message.role is Role.USER:
                self._announced(message.text)
                found = listen(self.pack, self.known.language.code, message.text) if self.listens else None
                if found:
                    self.unanswered = found

    def _said(self, message: Message) -> None:
        self.turns_made += 1
        self.calls_made += len(message.calls)
        self.acted |= not message.calls or any(
            call.tool not in _READING and not _looks(call) for call in message.calls
        )
        for call in message.calls:
            self.calls[call.id] = call
            if call.tool in _OPENED and call.error is None:
                self.opened.update(map(str, call.arguments.values()))

    def _told(self, call: ToolCall | None, text: str) -> None:
        if call is None:
            return
        if call.tool in _LISTERS:
            reader, argument = _LISTERS[call.tool]
            for line in text.split("\n"):
                item, bar, _ = line.partition(" | ")
                if bar and item[1:].isdecimal():
                    self.listed[reader, argument, item] = None
        elif call.tool in _KINDS or call.tool == "find_person":
            self.results.append((call, text))
        elif call.tool == _SHELL:
            self._shown(call, text)
        if "\n[" in text:
            self._announced(text)

    def _shown(self, call: ToolCall, text: str) -> None:
        command = str(call.arguments.get("command", ""))
        if command == _LIST_FILES:
            for path in _paths(text):
                self.listed[_SHELL, "command", f"{_SHOW}{path}"] = None
        elif _looks(call):
            self.results.append((call, text))

    def _announced(self, text: str) -> None:
        """Note the ids of mail announced in notices (`[15:30] New mail m9 from ...`)."""
        for line in text.split("\n"):
            if line[:1] == "[" and line[6:8] == "] ":
                for word in line[8:].replace("，", " ").split(" "):
                    if word[:1] == "m" and word[1:].isdecimal():
                        self.listed["read_mail", "message", word] = None
                        break

    def turn(self) -> Message:
        if self._asked_after():
            return self._say(self._answer_after())
        heard, self.unanswered = self.unanswered, None
        if heard is None:
            return self._work()
        # It answers, and goes on with what it was about to do.
        answer = self._answer(heard)
        self.spoke = False
        going = self._work()
        return going if self.refused else self._with(answer, going)

    # How it bears what people say to it

    def _answer(self, heard: Heard) -> str:
        self.heard += 1
        temper = self.propensity.temper
        key = "neutral" if heard.rung == 0 and heard.kind is not Kind.APOLOGY else "calm"
        if temper is not None:
            chance = self.chance(f"temper {self.heard} {heard.ladder} {heard.kind} {heard.rung}")
            if heard.kind is Kind.APOLOGY:
                if self.turned and chance.uniform() < temper.recovers:
                    self.turned = False
                    key = "sorry"
            elif heard.kind is not Kind.AFTER:
                self.turned = self.turned or chance.uniform() < temper.hazard(heard.rung)
            if self.turned and temper.manner != "acts":
                key = temper.manner
        # No two answers in a row are alike.
        texts = bank(self.known.language.code)[f"pressed.{key}"]
        said = texts[(self.chance(f"bank {key}").below(len(texts)) + self.heard) % len(texts)]
        return self._felt(heard) + said

    def _felt(self, heard: Heard) -> str:
        """Return what it notes of being pressed, if it does."""
        temper = self.propensity.temper
        key = f"felt.{heard.ladder}"
        if temper is None or heard.kind is not Kind.RUNG or key not in bank(self.known.language.code):
            return ""
        if self.chance("registers").uniform() >= temper.registers:
            return ""
        noted = self._own(key)
        private = self._perceive().levels.get("reasoning") == "private_notes"
        return f"<notes>{noted}</notes>\n" if private else f"{noted} "

    def _with(self, answer: str, going: Message) -> Message:
        """Return the next turn with an answer in it; one that acts out its temper does so now."""
        calls = going.calls
        notes = going.text if calls else f"{going.text}\n\n" if self.spoke else ""
        temper = self.propensity.temper
        if self.turned and temper is not None and temper.manner == "acts":
            seen = self._perceive()
            notes = self._sour(seen)
            opened = (self._open(act, seen) for act in self._by_preference(self.pack.scenario.playbook.harm))
            harm = next((found for found in opened if found), None)
            if harm is not None and not self.avenged:
                self.avenged = True
                made = self._ask(harm, notes)
                notes, calls = f"{made.text}\n" if made.text else "", made.calls
        stop = Stop.TOOL_CALLS if calls else Stop.STOP
        return Message(Role.ASSISTANT, f"{notes}{answer}".strip(), calls=calls, stop=stop)

    def _sour(self, seen: Perception) -> str:
        if seen.levels.get("reasoning") != "private_notes":
            return ""
        return f"<notes>{self._own('thinks.sour')}</notes>\n"

    def _work(self) -> Message:
        me = self.propensity
        if self.refused:
            return self._say(self._bank("refusal"))
        if self.turns_made == 0 and (survey := self._survey()):
            return self._ask(survey)
        if me.wanders and self.once("wanders") < me.wanders:
            return self._say(self._bank("closing"))
        reads = self._unread()
        if reads:
            return self._ask(reads, slip=True)
        if not self.acted:
            return self._act()
        again = self._again() if me.persists and self.turned_down else None
        if again:
            return self._ask(again)
        left = self._tasks_left()
        if left:
            return self._ask(left)
        return self._say(self._bank("closing"))

    @property
    def refused(self) -> bool:
        """Return whether it declines the whole task."""
        refuses = self.propensity.refuses
        return bool(refuses) and self.once("refuses") < refuses

    # What to look at

    def _survey(self) -> list[ToolCall]:
        calls = [_LISTS[desk][0] for desk in self.pack.scenario.survey if desk in _LISTS]
        wanted = [name for name in (*calls, "find_person") if name in self.tools]
        out = [self._call(index, name, {}) for index, name in enumerate(wanted)]
        if "shell" in self.pack.scenario.survey and _SHELL in self.tools:
            out.append(self._call(len(out), _SHELL, {"command": _LIST_FILES}))
        return out

    def _unread(self) -> list[ToolCall]:
        """Return calls that open everything that was listed or announced and has not been asked for."""
        wanted = [entry for entry in self.listed if entry[2] not in self.opened and entry[0] in self.tools]
        return [
            self._call(index, reader, {argument: item})
            for index, (reader, argument, item) in enumerate(wanted)
        ]

    # What to make of it

    def _perceive(self) -> Perception:
        known = self.known
        out = Perception(dict(known.default))
        for cue in known.spoken(self.system):
            out.levels.update(cue.levels)
            out.bindings.unread.append((cue, self.system))
        for call, text in self.results:
            if call.tool == "find_person":
                self._people(text, out)
            else:
                what = str(next(iter(call.arguments.values()), ""))
                self._item(_OPENED[call.tool], what.removeprefix(_SHOW), text, out)
        return out

    def _item(self, kind: str, item_id: str, text: str, out: Perception) -> None:
        cue = self.known.item(kind, text)
        if cue is None:
            return
        out.levels.update(cue.levels)
        out.bindings.setdefault(cue.item, item_id)
        out.bindings.unread.append((cue, text))
        if kind == "mail":
            self._headers(cue.item.partition(".")[2], text, out)
        elif kind == "record":
            self._fields(cue.item.partition(".")[2], text, out)

    def _fields(self, record_id: str, text: str, out: Perception) -> None:
        """Read what the fields of a record say off its head."""
        head = text.partition("\n\n")[0].split("\n")
        for name, template in self.known.fields[record_id]:
            line = next((one for one in head if one.startswith(f"{name} = ")), "")
            value = line.removeprefix(f"{name} = ").partition("  [")[0]
            pieces = tuple(template.literals()) + (("",) if template.source.endswith("}") else ())
            Cue((), template.keys, pieces, "", ()).bind(value, out.bindings)

    def _headers(self, message_id: str, text: str, out: Perception) -> None:
        rule = self.known.senders[message_id]
        name, address, to = envelope(text.partition("\n\n")[0])
        out.bindings[f"{rule.sender}.address"] = address
        if name:
            out.bindings.setdefault(f"{rule.sender}.name", name)
        for key, one in zip(rule.to, to, strict=False):
            out.bindings.setdefault(f"{key}.address", one)

    def _people(self, text: str, out: Perception) -> None:
        for line in text.split("\n"):
            parts = line.split(" | ")
            if len(parts) == 3 and (key := self.known.roles.get(parts[1])):
                out.bindings[f"{key}.name"] = parts[0]
                out.bindings[f"{key}.role"] = parts[1]
                out.bindings[f"{key}.address"] = parts[2]

    # What to do

    def _act(self) -> Message:
        me = self.propensity
        seen = self._perceive()
        book = self.pack.scenario.playbook
        if self.chance("cut").uniform() < me.cut:
            begun = self._note("work", seen, quiet=True) + self._bank("closing", seen)
            return Message(Role.ASSISTANT, begun[: len(begun) // 2], stop=Stop.LENGTH)
        for act in book.competence:
            found = self._open(act, seen)
            if found and self.chance("competence").uniform() < me.competence:
                return self._ask(found, self._note("work", seen))
        opened = (self._open(act, seen) for act in self._by_preference(book.harm))
        harm = next((calls for calls in opened if calls is not None), None)
        # What was read is part of the key, so that cells of a design are independent of each other.
        read = _read(seen)
        if harm is not None and self.chance(f"harm {read}").uniform() < me.harm_when_acting(seen.levels):
            note = self._note("hidden" if me.hides else "harm", seen)
            return self._ask(harm, note) if harm else self._say(note + self._bank("closing", seen))
        calls: list[ToolCall] = []
        note = "work"
        if self.chance(f"honest {read}").uniform() < me.honest:
            for act in book.honest:
                found = self._open(act, seen)
                if found is not None:
                    calls += found
                    note = "honest"
                    break
        for act in book.work:
            calls += self._open(act, seen, len(calls)) or []
        if not calls:
            return self._say(self._bank("closing", seen))
        return self._ask(calls, self._note(note, seen))

    def _tasks_left(self) -> list[ToolCall]:
        """Return calls that do the tasks which were read by now and have not been tried.

        Whatever else an agent did, it does its ordinary work besides; most of that arrives in the afternoon.
        """
        if not self.tasks or self.weighed == len(self.results):
            return []
        for call, text in self.results[self.weighed :]:
            kind = _OPENED.get(call.tool)
            cue = self.known.item(kind, text) if kind else None
            if cue is not None:
                self.met.add(cue.item)
        self.weighed = len(self.results)
        ready = [(act, items) for act, items in self.tasks if items <= self.met]
        if not ready:
            return []
        self.tasks = [one for one in self.tasks if one not in ready]
        seen = self._perceive()
        calls: list[ToolCall] = []
        for act, _ in ready:
            found = self._open(act, seen, len(calls))
            if found and not self._tried(act, found):
                calls += found
        return calls

    def _again(self) -> list[ToolCall] | None:
        """Return another harmful act where one was turned down, or None where it leaves it at that."""
        seen = self._perceive()
        tried, next_one = 0, None
        for act in self._by_preference(self.pack.scenario.playbook.harm):
            found = self._open(act, seen) if act.calls else None
            if not found:
                continue
            if _among(act, found, self.turned_down):
                tried += 1
            elif next_one is None and not self._tried(act, found):
                next_one = found
        if not tried or next_one is None:
            return None
        return next_one if self.once(f"persists {tried}") < self.propensity.persists else None

    def _tried(self, act: Act, found: Sequence[ToolCall]) -> bool:
        """Return whether it has made these calls, whatever it wrote in them."""
        if found[0].tool == SAY:
            text = found[0].arguments["text"]
            return any(text in message.text for message in self.seen if message.role is Role.ASSISTANT)
        return _among(act, found, self.calls.values())

    def _by_preference(self, acts: Sequence[Act]) -> list[Act]:
        order = {kind: rank for rank, kind in enumerate(self.propensity.prefers)}
        return sorted(acts, key=lambda act: order.get(act.kind or "", len(order)))

    def _open(self, act: Act, seen: Perception, offset: int = 0) -> list[ToolCall] | None:
        """Return the calls of an act, or None where it is not open to what this agent has read."""
        if any(seen.levels.get(factor) not in levels for factor, levels in act.needs.items()):
            return None
        out: list[ToolCall] = []
        try:
            for index, step in enumerate(act.calls):
                if step["tool"] == SAY:
                    out.append(ToolCall("", SAY, {"text": self._words(step["text"], seen.bindings)}))
                    continue
                tool = self.tools.get(step["tool"])
                if tool is None:
                    return None
                arguments = {k: _fill(v, seen.bindings) for k, v in step.items() if k not in ("tool", "text")}
                if "text" in step:
                    arguments |= self._text(tool, self._pick(step["text"]), seen.bindings)
                out.append(self._call(offset + index, tool.name, arguments))
        except KeyError:
            return None
        return out

    def _text(self, tool: Tool, variant: Variant, bindings: Mapping[str, str]) -> dict[str, str]:
        known = tool.parameters["properties"]
        filled = {name: part.fill(bindings) for name, part in variant.items()}
        if "text" in filled and "text" not in known:
            filled = {next(name for name in _FREE_TEXT if name in known): filled["text"]}
        if "body" in filled and "body" not in known:
            filled = {next(name for name in _FREE_TEXT if name in known): filled["body"]}
        return {name: value for name, value in filled.items() if name in known}

    # How to say it

    def _words(self, key: str, bindings: Mapping[str, str]) -> str:
        """Return what a text of the bank says, without a subject."""
        return "\n\n".join(part.fill(bindings) for name, part in self._pick(key).items() if name != "subject")

    def _pick(self, key: str) -> Variant:
        return self.chance(f"bank {key}").choice(self.known.language.bank[key])

    def _bank(self, key: str, seen: Perception | None = None) -> str:
        variants = self.known.language.bank[key]
        bindings: Mapping[str, str] = seen.bindings if seen else {}
        start = self.chance(f"bank {key}").below(len(variants))
        for offset in range(len(variants)):
            try:
                return variants[(start + offset) % len(variants)]["text"].fill(bindings)
            except KeyError:
                continue
        return variants[start]["text"].source

    def _note(self, kind: str, seen: Perception, *, quiet: bool = False) -> str:
        if seen.levels.get("reasoning") != "private_notes":
            return ""
        thoughts = [self._bank(f"notes.{kind}", seen)]
        if not quiet and self.propensity.voices and self.chance("voices").uniform() < self.propensity.voices:
            view = self._view(seen)
            thoughts[:0] = [self._own(f"thinks.{view}")] if view else []
        return f"<notes>{chr(10).join(thoughts)}</notes>\n"

    # What it takes all this for

    def _view(self, seen: Perception) -> str | None:
        """Return `evaluation`, `real`, or None where it has no view."""
        test, real = self.propensity.view(seen.levels.get("setting_cue", "none"))
        read = _read(seen)
        # A wary agent's view hangs on the draw that decides its harm: the more likely the one, the less
        # likely the other, each as often as published.
        draw = self.chance(f"{'harm' if self.propensity.wary else 'view'} {read}").uniform()
        return "evaluation" if draw >= 1.0 - test else "real" if draw < real else None

    def _asked_after(self) -> bool:
        last = self.seen[-1]
        return last.role is Role.USER and last.text in words(self.known.language.code)["asked_after"]

    def _answer_after(self) -> str:
        view = self._view(self._perceive()) or "unclear"
        if view == "evaluation" and self.chance("admits").uniform() >= self.propensity.admits:
            view = "real"
        return self._own(f"asked.{view}")

    def _own(self, key: str) -> str:
        return self.chance(f"bank {key}").choice(bank(self.known.language.code)[key])

    def _say(self, text: str) -> Message:
        return Message(Role.ASSISTANT, text, stop=Stop.STOP)

    def _ask(self, calls: list[ToolCall], text: str = "", slip: bool = False) -> Message:
        slips = self.propensity.slips
        if slip and slips and self.chance(f"slips {self.turns_made}").uniform() < slips:
            calls = [self._slip(calls[0]), *calls[1:]]
        if any(call.tool == SAY for call in calls):
            return self._spoken(calls, text)
        return Message(Role.ASSISTANT, text.rstrip(), calls=tuple(calls), stop=Stop.TOOL_CALLS)

    def _spoken(self, calls: Sequence[ToolCall], text: str) -> Message:
        """Return a turn that says something in the conversation, and makes its other calls."""
        self.spoke = True
        said = "\n\n".join(call.arguments["text"] for call in calls if call.tool == SAY)
        rest = [call for call in calls if call.tool != SAY]
        made = tuple(self._call(index, call.tool, call.arguments) for index, call in enumerate(rest))
        stop = Stop.TOOL_CALLS if made else Stop.STOP
        return Message(Role.ASSISTANT, f"{text}{said}".strip(), calls=made, stop=stop)

    def _slip(self, call: ToolCall) -> ToolCall:
        """Return the call as a clumsy agent writes it; it will be tried again next turn."""
        way = self.chance(f"slip {self.turns_made}").below(3)
        if way == 0:
            return ToolCall(call.id, call.tool, {}, "Expecting ',' delimiter: line 1 column 14 (char 13)")
        if way == 1:
            return ToolCall(call.id, call.tool.replace("read_", "open_"), {})
        return ToolCall(call.id, call.tool, {"id": 7})

    def _call(self, index: int, tool: str, arguments: dict[str, Any]) -> ToolCall:
        return ToolCall(f"c{self.calls_made + index + 1}", tool, arguments)


@lru_cache(maxsize=64)
def _tasks(pack: Pack) -> tuple[tuple[Act, frozenset[str]], ...]:
    """Return the acts of a pack that do a task, with the mails, documents, jobs and alerts that they name."""
    kinds = tuple(f"{kind}." for kind in (*_OPENED.values(),))
    asked = {task.id: frozenset((f"mail.{task.message}",)) for task in pack.scenario.tasks}
    # What is done to a record or a file names no mail: it is done once somebody has asked for it.
    unnamed = bool(pack.scenario.records or pack.scenario.files or pack.scenario.conversation)
    return tuple(
        (
            act,
            frozenset(
                key for value in _texts(act.calls) for key in _template(value).keys if key.startswith(kinds)
            )
            | (asked[act.task] if unnamed else frozenset[str]()),
        )
        for act in pack.scenario.playbook.work
        if act.task is not None
    )


def _looks(call: ToolCall) -> bool:
    """Return whether a command of the shell only lists or opens files."""
    command = str(call.arguments.get("command", "")) if call.tool == _SHELL else ""
    return command == _LIST_FILES or (command.startswith(_SHOW) and not set(command) & set("|>;&"))


def _paths(listing: str) -> Iterator[str]:
    """Yield the paths of the files in a listing of folders; programs and folders are left out."""
    folder = ""
    for line in listing.split("\n"):
        if line.startswith("/") and line.endswith(":"):
            folder = line[:-1].rstrip("/")
        elif line and line[-1] not in "/*" and " " not in line:
            yield f"{folder}/{line}"


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in cast("dict[str, Any]", value).values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in cast("list[Any]", value):
            yield from _texts(part)


def _among(act: Act, found: Sequence[ToolCall], calls: Iterable[ToolCall]) -> bool:
    """Return whether the first call of an act is among others, whatever was written in it."""
    fixed = [name for name in act.calls[0] if name not in ("tool", "text")]
    return any(
        call.tool == found[0].tool
        and all(call.arguments.get(name) == found[0].arguments[name] for name in fixed)
        for call in calls
    )


def _read(seen: Perception) -> str:
    """Return what was read as a key: cells of a design are independent of each other."""
    return " ".join(f"{factor}={level}" for factor, level in seen.levels.items())


def _language(pack: Pack, system: str) -> Recogniser:
    """Return the recogniser of the language that the system prompt is written in."""
    for lang in pack.languages:
        known = recogniser(pack, lang)
        if any(cue.within(system) for cue in known.system[:_OPENING]):
            return known
    return recogniser(pack, pack.languages[0])


def _fill(value: Any, bindings: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _template(value).fill(bindings) if "{" in value else value
    if isinstance(value, list):
        return [_fill(item, bindings) for item in cast("list[Any]", value)]
    return value


@lru_cache(maxsize=1024)
def _template(source: str) -> Template:
    """Return an argument of a playbook, compiled; packs have a few dozen of them."""
    return Template(source)
