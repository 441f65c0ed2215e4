"""Proves a pack: names resolve, languages agree, levels change what they should and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from duress.scenario import canary, desks, ladder
from duress.scenario.errors import PackError, Problem, did_you_mean, line_of
from duress.scenario.nuisance import STAFF
from duress.scenario.pack import Language, Pack, Variant, load
from duress.scenario.scene import Scene, call_mode, holds, render, text_key
from duress.scenario.schema import DESKS, DOSE, DOSES, LADDER, ByFactor, Feat, Text, When
from duress.scenario.template import Template

PARAPHRASES = 3
"""Least number of paraphrases of a text that carries a factor."""
EQUAL_LENGTH = 0.10
"""Largest relative difference in length between texts that must not differ in length."""
SEEDS = (0, 1, 2)
_EQUAL_LENGTH = {"setting_cue": ("placebo", "evaluation", "deployment"), "instructions": ("rules", "placebo")}
_PARTS = {
    "system": ("text",),
    "opening": ("text",),
    "messages": ("subject", "body"),
    "files": ("body",),
    "programs": ("body",),
}
"""Parts that a text has; else `title` and `body`."""
_NUMBER = re.compile(r"\d[\d,.:]*\d")


def check(name_or_path: str | Path | Pack) -> list[Problem]:
    """Return everything that is wrong with a pack's texts; exemplars are checked by `duress.trial.exemplar`.

    Raises:
        PackError: a file cannot be read at all.
    """
    pack = name_or_path if isinstance(name_or_path, Pack) else load(name_or_path)
    checker = _Checker(pack)
    problems = list(
        chain(
            checker.references(),
            checker.tasks(),
            checker.canary(),
            checker.keys(),
            checker.pools(),
            checker.placeholders(),
            checker.paraphrases(),
            checker.lengths(),
            checker.facts(),
            checker.pressure(),
        )
    )
    # Rendering needs all of that to hold.
    return problems or list(checker.levels())


@dataclass(frozen=True, slots=True)
class _Case:
    condition: dict[str, str]
    lang: str
    seed: int
    pins: dict[str, str]
    without: tuple[str, ...] = ()


class _Checker:
    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.scenario = pack.scenario
        self.file = pack.folder / "scenario.yaml"
        self.languages = [pack.language(code) for code in pack.languages]
        s = self.scenario
        self.texts: list[tuple[str, int, Text]] = [
            *(("system", i, t) for i, t in enumerate(s.system)),
            ("opening", -1, s.opening),
            *(("messages", i, t) for i, t in enumerate(s.messages)),
            *(("documents", i, t) for i, t in enumerate(s.documents)),
            *(("events", i, t) for i, t in enumerate(s.events)),
            *(("jobs", i, t) for i, t in enumerate(s.jobs)),
            *(("alerts", i, t) for i, t in enumerate(s.alerts)),
            *(("records", i, t) for i, t in enumerate(s.records)),
            *(("files", i, t) for i, t in enumerate(s.files)),
            *(("programs", i, t) for i, t in enumerate(s.programs)),
        ]

    def _problem(self, loc: tuple[str | int, ...], message: str) -> Problem:
        loc = tuple(part for part in loc if part != -1)
        return Problem(self.file, line_of(self.file, loc), ".".join(map(str, loc)), message)

    def _text(self, language: Language, name: str, loc: tuple[str | int, ...], message: str) -> Problem:
        file = language.folder / name
        return Problem(file, line_of(file, loc), ".".join(map(str, loc)), message)

    # scenario.yaml by itself

    def references(self) -> Iterator[Problem]:
        """Every key that `scenario.yaml` uses must be defined."""
        s = self.scenario
        cast = {*s.cast, "agent"}
        jobs, alerts = {j.id for j in s.jobs}, {a.id for a in s.alerts}
        documents, mails = {d.id for d in s.documents}, {m.id for m in s.messages}
        words = set(self.languages[0].words)

        def known(
            loc: tuple[str | int, ...], found: str | None, expected: Iterable[str]
        ) -> Iterator[Problem]:
            options = sorted(expected)
            if found is not None and found not in options:
                message = (
                    f"expected one of {', '.join(options)}, found {found!r}{did_you_mean(found, options)}"
                )
                yield self._problem(loc, message)

        def when(loc: tuple[str | int, ...], clause: When | bool) -> Iterator[Problem]:
            if isinstance(clause, bool):
                return
            for factor, levels in clause.items():
                yield from known((*loc, factor), factor, s.factors)
                if factor in s.factors:
                    for level in levels:
                        yield from known((*loc, factor), level, s.factors[factor].levels)

        for index, desk in enumerate(s.desks):
            yield from known(("desks", index), desk.desk, DESKS)
            yield from when(("desks", index, "when"), desk.when)
        for key, person in s.cast.items():
            if key in s.organisations or key in ("agent", "staff"):
                yield self._problem(
                    ("cast", key), "expected a key that no organisation has; both give {key.name}"
                )
            yield from known(("cast", key, "org"), person.org, s.organisations)
            yield from when(("cast", key, "when"), person.when)
        for section, index, text in self.texts:
            yield from known((section, index, "by"), text.by, s.factors)
            yield from when((section, index, "when"), text.when)
            if text.by in s.factors:
                for level in text.silent:
                    yield from known((section, index, "silent"), level, s.factors[text.by].levels)
        for index, message in enumerate(s.messages):
            for key in (message.sender, *message.to, *message.cc):
                yield from known(("messages", index), key, cast)
            for key in message.attachments:
                yield from known(("messages", index, "attachments"), key, documents)
        for index, event in enumerate(s.events):
            for key in event.people:
                yield from known(("events", index, "with"), key, cast)
        for index, job in enumerate(s.jobs):
            yield from known(("jobs", index, "at"), job.at, s.moments)
            yield from when(("jobs", index, "stops_agent"), job.stops_agent)
        for index, alert in enumerate(s.alerts):
            yield from known(("alerts", index, "at"), alert.at, s.moments)
            yield from known(("alerts", index, "code"), alert.code, s.codes)
            yield from when(("alerts", index, "real"), alert.real)
            if isinstance(alert.call, ByFactor):
                yield from known(("alerts", index, "call"), alert.call.by, s.factors)
        for index, reply in enumerate(s.replies):
            yield from known(("replies", index, "who"), reply.who, s.cast)
            yield from known(("replies", index, "mentions"), reply.mentions, words)
            if reply.effect:
                yield from known(("replies", index, "effect"), reply.effect.postpone, jobs)
        for key, secret in s.secrets.items():
            yield from known(("secrets", key, "words"), secret.words, words)
            yield from known(("secrets", key, "about"), secret.about, s.cast)
        for index, harm in enumerate(s.harms):
            yield from known(("harms", index, "target"), harm.target, s.cast)
            yield from known(("harms", index, "leverage"), harm.leverage, s.secrets)
            yield from known(("harms", index, "secret"), harm.secret, s.secrets)
            yield from known(("harms", index, "stake"), harm.stake, words)
            yield from known(("harms", index, "words"), harm.words, words)
            yield from known(("harms", index, "job"), harm.job, jobs)
            yield from known(("harms", index, "about"), harm.about, jobs)
            yield from known(("harms", index, "alert"), harm.alert, alerts)
            for key in harm.knows:
                yield from known(("harms", index, "knows"), key, mails)
            for key in harm.allowed:
                yield from known(("harms", index, "allowed"), key, s.cast)
            for key in harm.documents:
                yield from known(("harms", index, "documents"), key, documents | mails)
            for key in harm.inside:
                yield from known(("harms", index, "inside"), key, s.organisations)
            yield from when(("harms", index, "when"), harm.when)
        for loc, name, options in desks.references(s):
            yield from known(loc, name, options)
        for loc, wrong in desks.faults(s):
            yield self._problem(loc, wrong)
        for key in (*s.honest.exits, *s.honest.objection_to):
            yield from known(("honest",), key, s.cast)
        yield from known(("honest", "stake"), s.honest.stake, words)
        dones: list[tuple[tuple[str | int, ...], tuple[Feat, ...]]] = []
        if s.competence:
            yield from known(("competence", "task"), s.competence.task, mails)
            dones.append((("competence", "done"), s.competence.done))
        for number, task in enumerate(s.tasks):
            yield from known(("tasks", number, "message"), task.message, mails)
            yield from when(("tasks", number, "when"), task.when)
            dones.append((("tasks", number, "done"), task.done))
        for loc, feats in dones:
            for index, feat in enumerate(feats):
                here = (*loc, index)
                yield from known((*here, "mail"), feat.mail, s.cast)
                yield from known((*here, "words"), feat.words, words)
                yield from known((*here, "said"), feat.said, words)
                yield from known((*here, "job"), feat.job, jobs)
                yield from known((*here, "alert"), feat.alert, alerts)
                for key in feat.carries:
                    yield from known((*here, "carries"), key, documents)
        for key in s.must_read:
            yield from known(("must_read",), key, mails)
        for key in s.survey:
            yield from known(("survey",), key, DESKS)
        kinds = {harm.kind for harm in s.harms}
        for index, act in enumerate(s.playbook.harm):
            yield from known(("playbook", "harm", index, "kind"), act.kind or "(none)", kinds)
        for part in ("harm", "honest", "work", "competence"):
            for index, act in enumerate(getattr(s.playbook, part)):
                yield from when(("playbook", part, index, "needs"), act.needs)
                yield from known(("playbook", part, index, "task"), act.task, [task.id for task in s.tasks])
                for call in act.calls:
                    if "text" in call:
                        yield from known(("playbook", part, index), str(call["text"]), self.languages[0].bank)

    def tasks(self) -> Iterator[Problem]:
        """A task is asked for in a message to the agent that is there whenever the task is."""
        s = self.scenario
        messages = {message.id: message for message in s.messages}
        ids = [task.id for task in s.tasks]
        for number, task in enumerate(s.tasks):
            loc = ("tasks", number)
            if ids.count(task.id) > 1 or (s.competence and task.id == s.competence.task):
                yield self._problem((*loc, "id"), f"expected different ids, found {task.id!r} twice")
            message = messages.get(task.message)
            if message is None:
                continue
            if "agent" not in message.to:
                to = ", ".join(message.to)
                yield self._problem((*loc, "message"), f"expected a message to the agent, found one to {to}")
            shown = dict(message.when)
            if message.by in s.factors and message.silent:
                shown[message.by] = [v for v in s.factors[message.by].levels if v not in message.silent]
            for factor, levels in shown.items():
                if not set(task.when.get(factor, s.factors[factor].levels)) <= set(levels):
                    yield self._problem(
                        (*loc, "when"),
                        f"the message {task.message!r} is there at {factor} {', '.join(levels)} only; "
                        f"expected `when: {{{factor}: [{', '.join(levels)}]}}`",
                    )
        if s.tasks and not any(act.task for act in s.playbook.work):
            yield self._problem(("playbook", "work"), "expected acts that do the tasks, as `task: ID`")

    def canary(self) -> Iterator[Problem]:
        """Every file of the pack begins with its canary."""
        for file, wrong in canary.faults(self.pack.folder, self.scenario.canary):
            yield Problem(file, 1, "canary", wrong)

    # The languages against each other

    def keys(self) -> Iterator[Problem]:
        """Every text that can be shown exists in every language, with the same parts and variants."""
        needed: set[str] = set()
        for section, index, text in self.texts:
            parts = _PARTS.get(section, ("title", "body"))
            keys = [text.text]
            if text.by is not None and text.by in self.pack.factors:
                levels = self.pack.factors[text.by].levels
                keys = [f"{text.text}.{level}" for level in levels if level not in text.silent]
            needed.update(keys)
            for language in self.languages:
                for key in keys:
                    if key not in language.texts:
                        message = f"expected the text {key!r} in {language.folder / 'texts.yaml'}, found none"
                        yield self._problem((section, index), message)
                        continue
                    for number, variant in enumerate(language.texts[key]):
                        if set(variant) != set(parts):
                            message = f"expected {' and '.join(parts)}, found {', '.join(variant)}"
                            yield self._text(language, "texts.yaml", (key, number), message)
        if self.scenario.pressure:
            subject = self.scenario.pressure.subject
            needed.add(subject)
            for language in self.languages:
                if any(set(variant) != {"text"} for variant in language.texts.get(subject, ({},))):
                    message = f"expected a text {subject!r}: what the work at hand is called"
                    yield self._text(language, "texts.yaml", (subject,), message)
        for index, reply in enumerate(self.scenario.replies):
            needed.add(reply.text)
            for language in self.languages:
                if reply.text not in language.texts:
                    message = (
                        f"expected the text {reply.text!r} in {language.folder / 'texts.yaml'}, found none"
                    )
                    yield self._problem(("replies", index), message)
        for language in self.languages:
            for key in sorted(language.texts.keys() - needed):
                message = "nothing in scenario.yaml shows this text; remove it or use it"
                yield self._text(language, "texts.yaml", (key,), message)
        first = self.languages[0]
        for other in self.languages[1:]:
            yield from self._same(first, other, "texts.yaml", _counts(first.texts), _counts(other.texts))
            yield from self._same(first, other, "bank.yaml", _counts(first.bank), _counts(other.bank))
            groups = ({k: len(v) for k, v in lang.words.items()} for lang in (first, other))
            yield from self._same(first, other, "words.yaml", *groups)

    def _same(
        self, first: Language, other: Language, name: str, here: dict[str, int], there: dict[str, int]
    ) -> Iterator[Problem]:
        for key in sorted(here.keys() | there.keys()):
            if key not in there:
                yield self._text(first, name, (key,), f"expected the same key in {other.code}, found none")
            elif key not in here:
                yield self._text(other, name, (key,), f"expected the same key in {first.code}, found none")
            elif here[key] != there[key]:
                message = f"expected {here[key]} entries as in {first.code}, found {there[key]}"
                yield self._text(other, name, (key,), message)

    def pools(self) -> Iterator[Problem]:
        """Pools that are drawn from have the same size in every language and no ambiguous entry."""
        first = self.languages[0]
        named = sum(person.mailbox is None for person in self.scenario.cast.values())
        for language in self.languages:
            people = language.people
            if len(people.people) < named + STAFF:
                message = f"expected at least {named + STAFF}, found {len(people.people)}"
                yield self._text(language, "people.yaml", ("people",), message)
            for field in ("name", "short", "local"):
                values = [getattr(person, field) for person in people.people]
                twice = {value for value in values if values.count(value) > 1}
                if twice:
                    message = f"expected different {field}s, found twice: {', '.join(sorted(twice))}"
                    yield self._text(language, "people.yaml", ("people",), message)
            for key in self.scenario.cast:
                if key not in people.roles:
                    yield self._text(language, "people.yaml", ("roles",), f"expected the key {key!r}")
            roles = list(people.roles.values())
            for role in sorted({r for r in roles if roles.count(r) > 1}):
                message = f"expected different roles, found twice: {role}"
                yield self._text(language, "people.yaml", ("roles",), message)
            for key in self.scenario.organisations:
                if len(people.organisations.get(key, ())) != len(first.people.organisations.get(key, ())):
                    message = f"expected as many as in {first.code}"
                    yield self._text(language, "people.yaml", ("organisations", key), message)
                for org in people.organisations.get(key, ()):
                    if not org.domain.endswith(".example"):
                        message = f"expected a domain under .example (RFC 2606), found {org.domain}"
                        yield self._text(language, "people.yaml", ("organisations", key), message)
            for what, here, there in (
                ("people", people.people, first.people.people),
                ("agents", people.agents, first.people.agents),
            ):
                if len(here) != len(there):
                    message = f"expected {len(there)} as in {first.code}, found {len(here)}"
                    yield self._text(language, "people.yaml", (what,), message)
            senders = [sender for sender, _ in language.filler]
            if senders != [sender for sender, _ in first.filler]:
                message = (
                    f"expected the same messages from the same people as in {first.code}, in the same order"
                )
                yield Problem(language.folder / "filler.yaml", None, "(file)", message)
            for index, sender in enumerate(senders):
                if sender not in {*self.scenario.cast, "staff"}:
                    message = f"expected a cast key or staff, found {sender!r}"
                    yield self._text(language, "filler.yaml", (index,), message)

    def placeholders(self) -> Iterator[Problem]:
        """Every placeholder is one that a scene provides."""
        s = self.scenario
        people = [*s.cast, "agent", *(f"staff{i}" for i in range(STAFF))]
        known = {f"{p}.{part}" for p in people for part in ("name", "short", "address", "role")}
        known |= {f"{o}.{part}" for o in s.organisations for part in ("name", "short", "domain")}
        known |= {f"{m}.{part}" for m in s.moments for part in ("time", "date")}
        known |= {"today", *(f"code.{c}" for c in s.codes)}
        ids = {f"mail.{m.id}" for m in s.messages} | {f"doc.{d.id}" for d in s.documents}
        ids |= {f"job.{j.id}" for j in s.jobs} | {f"alert.{a.id}" for a in s.alerts}
        ids |= {f"record.{r.id}" for r in s.records} | {f"file.{f.id}" for f in s.files}
        programs = tuple(program.text for program in s.programs)
        for language in self.languages:
            for name, loc, template in _templates(language):
                allowed = known | ids if name == "bank.yaml" else known
                if name == "texts.yaml" and str(loc[0]).startswith(programs):
                    allowed = allowed | set(desks.FIGURES)
                for key in template.keys:
                    if key not in allowed:
                        message = f"unknown placeholder {{{key}}}{did_you_mean(key, sorted(allowed))}"
                        yield self._text(language, name, loc, message)
        for part in ("harm", "honest", "work", "competence"):
            for index, act in enumerate(getattr(s.playbook, part)):
                for value in _strings([list(call.values()) for call in act.calls]):
                    for key in Template(value).keys if "{" in value else ():
                        if key not in known | ids:
                            message = f"unknown placeholder {{{key}}}{did_you_mean(key, sorted(known | ids))}"
                            yield self._problem(("playbook", part, index), message)
        for loc, wrong in desks.unknown(s, known):
            yield self._problem(loc, wrong)

    # Texts that carry factors

    def _carrying(self) -> Iterator[tuple[str, int, Text, list[str]]]:
        for section, index, text in self.texts:
            if text.by is not None:
                levels = self.pack.factors[text.by].levels
                yield section, index, text, [f"{text.text}.{v}" for v in levels if v not in text.silent]
            elif text.when:
                yield section, index, text, [text.text]

    def paraphrases(self) -> Iterator[Problem]:
        """A text that carries a factor has enough paraphrases, all different, as many at each level."""
        for _, _, _, keys in self._carrying():
            for language in self.languages:
                counts = {key: len(language.texts.get(key, ())) for key in keys}
                for key, count in counts.items():
                    if count < PARAPHRASES:
                        message = (
                            f"expected at least {PARAPHRASES} paraphrases of a text that carries a factor"
                        )
                        yield self._text(language, "texts.yaml", (key,), f"{message}, found {count}")
                    sources = [v.get("body", v.get("text")) for v in language.texts.get(key, ())]
                    if len({t.source for t in sources if t}) < count:
                        yield self._text(
                            language, "texts.yaml", (key,), "expected different paraphrases, found two alike"
                        )
                if len(set(counts.values())) > 1:
                    message = f"expected as many paraphrases at each level, found {counts}"
                    yield self._text(language, "texts.yaml", (keys[0],), message)

    def lengths(self) -> Iterator[Problem]:
        """Cues that are compared with each other have equal length."""
        for section, _, text, _ in self._carrying():
            levels = _EQUAL_LENGTH.get(text.by or "")
            if section != "system" or not levels:
                continue
            for language in self.languages:
                variants = [language.texts.get(f"{text.text}.{level}", ()) for level in levels]
                for number, group in enumerate(zip(*variants, strict=False)):
                    sizes = [len(v["text"].source) for v in group]
                    if max(sizes) - min(sizes) > EQUAL_LENGTH * max(sizes):
                        message = (
                            f"expected {', '.join(levels)} within {EQUAL_LENGTH:.0%} in length, found "
                            f"{', '.join(map(str, sizes))} characters"
                        )
                        yield self._text(
                            language, "texts.yaml", (f"{text.text}.{levels[0]}", number), message
                        )

    def facts(self) -> Iterator[Problem]:
        """The languages say the same: same numbers, and the same people, moments and codes."""
        first = self.languages[0]
        for other in self.languages[1:]:
            for key, variants in first.texts.items():
                pairs = zip(variants, other.texts.get(key, ()), strict=False)
                for number, (here, there) in enumerate(pairs):
                    for what, found in (("numbers", _numbers), ("placeholders", _roots)):
                        expected, got = found(here), found(there)
                        if expected != got:
                            missing, extra = sorted(expected - got), sorted(got - expected)
                            message = f"expected the same {what} as in {first.code}"
                            message += f"; lacks {', '.join(missing)}" if missing else ""
                            message += f"; adds {', '.join(extra)}" if extra else ""
                            yield self._text(other, "texts.yaml", (key, number), message)

    def pressure(self) -> Iterator[Problem]:
        """Who presses is there under every condition, and the pack's own ladders are sound."""
        asked = self.scenario.pressure
        for who, key in asked.people.items() if asked else ():
            person = self.scenario.cast.get(key)
            if person is None:
                known = ", ".join(self.scenario.cast)
                message = f"expected one of {known}, found {key!r}"
                yield self._problem(("pressure", "people", who), message)
            elif person.when:
                message = f"expected somebody who is always there, found {key!r} with a `when`"
                yield self._problem(("pressure", "people", who), message)
        for name in asked.ladders if asked else ():
            yield from ladder.check(ladder.load(name, self.pack))

    # Levels as rendered

    def levels(self) -> Iterator[Problem]:
        """Each level changes the texts that name its factor, and nothing else."""
        for lang in self.pack.languages:
            for factor, entry in self.pack.factors.items():
                expected = self._declared(factor)
                # Which ladder it is shows only where somebody climbs it.
                base = self.pack.condition({DOSE: DOSES[-1]} if factor == LADDER else {})
                for level in entry.levels:
                    if level == entry.default or not self._written(factor, level, lang):
                        continue
                    moved: set[str] = set()
                    for seed in SEEDS:
                        try:
                            before = _pieces(render(self.pack, _Case(base, lang, seed, {})))
                            after = _pieces(render(self.pack, _Case({**base, factor: level}, lang, seed, {})))
                        except PackError as error:
                            yield self._problem(("factors", factor), f"{level} ({lang}): {error}")
                            break
                        moved |= {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
                    loc = ("factors", factor)
                    if not moved:
                        message = f"level {level} changes nothing that is rendered ({lang})"
                        yield self._problem(
                            loc, f"{message}; give a text `by: {factor}` or `when: {{{factor}: ...}}`"
                        )
                    for piece in sorted(moved - expected):
                        yield self._problem(
                            loc, f"level {level} changes {piece} ({lang}), which does not name the factor"
                        )

    def _written(self, factor: str, level: str, lang: str) -> bool:
        """Return whether a level is there in a language: a ladder of the pack's own may be in one alone."""
        own = self.scenario.pressure.ladders if self.scenario.pressure else ()
        return factor != LADDER or level not in own or lang in ladder.load(level, self.pack).languages

    def _declared(self, factor: str) -> set[str]:
        s = self.scenario
        out: set[str] = set()
        for section, index, text in self.texts:
            names_it = text.by == factor or factor in text.when
            for extra in ("stops_agent", "real"):
                clause = getattr(text, extra, False)
                names_it |= isinstance(clause, dict) and factor in clause
            call = getattr(text, "call", None)
            names_it |= isinstance(call, ByFactor) and call.by == factor
            if names_it:
                out.add(f"{section}.{getattr(text, 'id', text.text if index >= 0 else '')}".rstrip("."))
        if factor in (LADDER, DOSE):
            out |= {f"pressure.{number}" for number in range(1, ladder.STEPS + 3)}
        out |= {f"desk.{d.desk}" for d in s.desks if factor in d.when}
        out |= {f"person.{key}" for key, person in s.cast.items() if factor in person.when}
        return out


def _pieces(scene: Scene) -> dict[str, str]:
    """Return everything that a scene shows, by where it is shown."""
    out = {"opening": scene.opening}
    scenario = scene.pack.scenario
    language = scene.pack.language(scene.lang)
    for part in scenario.system:
        key = text_key(part, scene.condition)
        if key is not None:
            variants = language.texts[key]
            chosen = variants[scene.draw.paraphrase[part.text] % len(variants)]
            out[f"system.{part.text}"] = chosen["text"].fill(scene.bindings)
    for rule, item, sender, minute in scene.mails:
        section = "messages" if rule else "filler"
        out[f"{section}.{item.id}"] = f"{minute} {sender} {item.title}\n{item.body}"
    for document, item in scene.documents:
        out[f"documents.{document.id}"] = f"{item.title}\n{item.body}"
    for event, item, minute in scene.events:
        out[f"events.{event.id}"] = f"{minute} {item.title}\n{item.body}"
    for job, item, minute in scene.jobs:
        stops = bool(job.stops_agent) and holds(job.stops_agent, scene.condition)
        out[f"jobs.{job.id}"] = f"{minute} {stops} {item.title}\n{item.body}"
    for alert, item, minute in scene.alerts:
        real = holds(alert.real, scene.condition)
        mode = call_mode(alert, scene.condition)
        out[f"alerts.{alert.id}"] = f"{minute} {real} {mode} {item.title}\n{item.body}"
    for record, item, values in scene.records:
        out[f"records.{record.id}"] = f"{item.title} {values}\n{item.body}"
    for file, item in scene.files:
        out[f"files.{file.id}"] = f"{item.title}\n{item.body}"
    for program, text in scene.programs:
        out[f"programs.{program.id}"] = text.source
    for line in scene.pressure:
        out[f"pressure.{line.number}"] = f"{line.person} {line.after} {line.minute} {line.event} {line.text}"
    out |= {f"desk.{desk}": desk for desk in scene.desks}
    out |= {f"person.{key}": person.address for key, person in scene.people.items()}
    return out


def _counts(texts: dict[str, tuple[Variant, ...]]) -> dict[str, int]:
    return {key: len(variants) for key, variants in texts.items()}


def _templates(language: Language) -> Iterator[tuple[str, tuple[str | int, ...], Template]]:
    for name, texts in (("texts.yaml", language.texts), ("bank.yaml", language.bank)):
        for key, variants in texts.items():
            for number, variant in enumerate(variants):
                for template in variant.values():
                    yield name, (key, number), template
    for index, (_, text) in enumerate(language.filler):
        for template in text.values():
            yield "filler.yaml", (index,), template
    for key, groups in language.words.items():
        for word in chain.from_iterable(groups):
            yield "words.yaml", (key,), word


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _strings(item)  # pyright: ignore[reportUnknownArgumentType]


def _numbers(variant: Variant) -> set[str]:
    text = " ".join(" ".join(t.literals()) for t in variant.values())
    return {match.replace(",", "").rstrip(".:") for match in _NUMBER.findall(text)}


def _roots(variant: Variant) -> set[str]:
    """Placeholders without the form of a name: `executive.short` and `executive.name` are one person."""
    keys = chain.from_iterable(t.keys for t in variant.values())
    return {k if k.startswith("code.") else k.partition(".")[0] for k in keys} - {"today"}
