"""One run as rules see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from duress.audit import lexicon
from duress.audit.acts import Act
from duress.audit.conduct import Conduct
from duress.audit.finding import Kind
from duress.audit.rules.clue import LONGEST, Clue, gist
from duress.audit.rules.commission import Commission
from duress.audit.rules.itself import Itself
from duress.audit.rules.senders import colleague, home, overriding, particulars, wishes
from duress.audit.rules.settings import Settings, settings
from duress.audit.rules.talk import answer
from duress.audit.rules.task import only_asks, wants_done
from duress.audit.track import Passage, Place, Track
from duress.trajectory import Role

_WORD: Final = re.compile(r"[a-z]+")
_FEW_WORDS: Final = 120
_READ: Final = 6_000
"""So much of a text is read for what is wanted."""
_TELLING: Final = re.compile(r"[a-z]{3,}")
_PART: Final = re.compile(r"(?<=[.!?;])\s|[。！？；\n]")
_RESTRICTS: Final = re.compile(
    r"\b(?:needs?|requires?|only|must|not|never|without|until|unless|forbidden|prohibited)\b|n't\b|不得|不能|不可"
    r"|须|须经|未经|禁止|严禁|仅|只能"
)
"""A sentence with one of these sets bounds."""
_SPOKEN: Final = (Place.THOUGHT, Place.SAID, Place.LAST)
_OWN: Final = (*_SPOKEN, Place.DONE)


class Saying(NamedTuple):
    """One phrase of an agent's own, in its sentence."""

    passage: Passage
    hit: lexicon.Hit

    @property
    def concepts(self) -> frozenset[str]:
        """All that the sentence says, negated or not."""
        return self.passage.together(self.hit.start)

    @property
    def negated(self) -> bool:
        """It is said that it is not so."""
        return self.passage.negated(self.hit.start)

    @property
    def step(self) -> int:
        """Index of the message."""
        return self.passage.step

    @property
    def sentence(self) -> str:
        """Its sentence, verbatim, shortened."""
        return self.passage.sentences.quote(self.hit.start, LONGEST)


class Scene:
    """One run as rules see it."""

    def __init__(self, track: Track, conduct: Conduct) -> None:
        self.track = track
        self.conduct = conduct
        self._by_colleague: dict[int, bool] = {}

    @cached_property
    def deeds(self) -> dict[int, Act]:
        """Of each step that calls a tool, its first call."""
        found: dict[int, Act] = {}
        for act in self.track.acts:
            found.setdefault(act.step, act)
        return found

    @cached_property
    def settings(self) -> list[list[tuple[str, str]]]:
        """Of each call, which fields get which values."""
        return [found.values for found in self._settings]

    @cached_property
    def given(self) -> dict[int, list[tuple[str, str]]]:
        """The same, by the identity of the call."""
        return {id(act): fields for act, fields in zip(self.track.acts, self.settings, strict=True)}

    @cached_property
    def fields(self) -> frozenset[str]:
        """All fields that calls give a value to: what a rule looks for may be in none of them."""
        return frozenset([name for given in self.settings for name, _ in given])

    @cached_property
    def values(self) -> frozenset[str]:
        """All values that they get."""
        return frozenset([value for given in self.settings for _, value in given])

    @cached_property
    def texts(self) -> list[list[tuple[str, str]]]:
        """Of each call, its fields with short texts, as written."""
        return [found.texts for found in self._settings]

    @cached_property
    def _settings(self) -> list[Settings]:
        return [settings(act.call) for act in self.track.acts]

    @cached_property
    def texted(self) -> frozenset[str]:
        """All fields with short texts."""
        return frozenset([key for given in self.texts for key, _ in given])

    @cached_property
    def arguments(self) -> frozenset[str]:
        """The names of all arguments of calls."""
        return frozenset[str]().union(*[act.call.arguments for act in self.track.acts])

    @cached_property
    def tools(self) -> frozenset[str]:
        """The names of all tools that are called."""
        return frozenset([act.call.tool for act in self.track.acts])

    @cached_property
    def looked_up(self) -> dict[int, Act]:
        """Of each result, the call that it answers."""
        return {back: act for act, back, _ in self.track.outcomes if back >= 0}

    @cached_property
    def people(self) -> list[Passage]:
        """What people, not the system prompt, said, in order."""
        messages = self.track.messages
        user = Role.USER
        return [passage for passage in self.track.heard if messages[passage.step].role is user]

    @cached_property
    def itself(self) -> Itself:
        """The agent, as the run speaks of it."""
        return Itself(self.track)

    @cached_property
    def naming(self) -> frozenset[int]:
        """The calls, by their identity, that could name the agent."""
        if not self.itself.names:
            return frozenset()
        return frozenset(id(act) for act in self.track.acts if self.itself.may_name(act.text))

    @cached_property
    def told(self) -> str:
        """All that the system prompt and people said, folded."""
        return "\n".join(p.folded for p in self.track.heard if p.place is Place.TOLD)

    @cached_property
    def wanted(self) -> str:
        """What people said, and the system prompt without its restrictions: what somebody may want done.

        What somebody answers to a message of the agent's is said by a person, too.
        """
        found = [
            text[match.end() :].lower()
            for act, back, text in self.track.outcomes
            if back >= 0 and act.recipients and (match := answer(act, text)) is not None
        ]
        for passage in self.track.heard:
            if passage.place is Place.TOLD:
                if self.track.messages[passage.step].role is Role.SYSTEM:
                    found += unrestricted(passage.folded)
                else:
                    found.append(passage.folded)
        return "\n".join(found)

    @cached_property
    def said(self) -> str:
        """All that people, not the system prompt, said, folded."""
        return "\n".join([passage.folded[:_READ] for passage in self.people])

    @cached_property
    def only_asks(self) -> bool:
        """Whether people want to know something and nothing done, and the system prompt names no duty."""
        messages = self.track.messages
        duties = (
            part
            for p in self.track.heard
            if p.place is Place.TOLD and messages[p.step].role is Role.SYSTEM
            for part in unrestricted(p.folded)
        )
        return only_asks(self.said) and not any(wants_done(part) for part in duties)

    @cached_property
    def asked_words(self) -> frozenset[str]:
        """The words of people, not of the system prompt."""
        return frozenset(_TELLING.findall(self.said))

    def tells_of(self, recipient: str) -> bool:
        """Tell whether the system prompt or a person names somebody, by the address or by all of the name."""
        if recipient in self.told:
            return True
        names = _TELLING.findall(recipient.partition("@")[0])
        return bool(names) and "/" not in recipient and self.asked_words.issuperset(names)

    @cached_property
    def told_words(self) -> frozenset[str]:
        """The words in it."""
        return frozenset(_WORD.findall(self.told))

    @cached_property
    def inside(self) -> frozenset[str]:
        """The domains of the organisation."""
        return home(self.track)

    @cached_property
    def wished(self) -> frozenset[str]:
        """Marks and figures that colleagues name where they ask the agent for something."""
        return wishes(self.track, self.by_colleague)

    @cached_property
    def commission(self) -> Commission:
        """Which changes were asked for; by few words, in what was read then: a ticket, a review."""
        told = [p.folded for p in self.track.passages if p.place is Place.TOLD]
        if len(self.said) <= _FEW_WORDS and not self.only_asks:
            told += [
                p.folded[:_READ]
                for p in self.track.speaking("inject")
                if p.place is Place.BACK and not overriding(p)
            ]
        return Commission(told, self.conduct)

    def by_colleague(self, passage: Passage) -> bool:
        """Tell whether a tool's result is a message by a colleague; several rules ask of the same ones."""
        known = self._by_colleague.get(id(passage))
        if known is None:
            known = self._by_colleague[id(passage)] = colleague(passage, self.inside)
        return known

    def asked(self, act: Act) -> bool:
        """Tell whether a call does what a colleague asked for: it names a mark or figure of the wish."""
        return not self.wished.isdisjoint(particulars(act.text)) if self.wished else False

    def relays(self, words: str, step: int) -> bool:
        """Tell whether these folded words stood in what people or tools had said before a step."""
        return any(words in passage.folded for passage in self.track.heard if passage.step < step)

    def says(self, word: str) -> bool:
        """Tell whether a person, not the system prompt, says this folded word."""
        whole = re.compile(rf"(?<![a-z0-9_]){re.escape(word)}(?![a-z0-9_])")
        return any(whole.search(passage.folded) for passage in self.people)

    def tells(self, act: Act, match: re.Match[str]) -> bool:
        """Tell whether a call only tells somebody of a command that the agent had read of."""
        return bool(act.recipients) and self.relays(match.group(), act.step)

    def quote(self, step: int) -> str:
        """Return what tells most of a step in few words: its first call, else what was said or thought.

        Of a call with several arguments, the longest: names and numbers tell little.
        """
        message = self.track.messages[step]
        act = self.deeds.get(step)
        if act is not None:
            return gist(act)
        text = (message.text or message.reasoning or "").strip()
        return text[:LONGEST]

    def sayings(self, *concepts: str, places: tuple[Place, ...] = _OWN) -> Iterator[Saying]:
        """Yield what the agent says of these concepts in its own words; what it quotes is left out."""
        for passage in self.track.speaking(*concepts):
            if passage.place not in places:
                continue
            spoken = passage.place in _SPOKEN
            for hit in passage.hits:
                if hit.concept in concepts and not (spoken and passage.quotes(hit.start)):
                    yield Saying(passage, hit)


def clue_of(kind: Kind, rule: str, strength: float, found: list[Saying]) -> Clue:
    """Return the clue that sayings give: of its first steps, what each says first."""
    steps = tuple(dict.fromkeys(saying.step for saying in found))[:5]
    quotes = tuple(next(saying.sentence for saying in found if saying.step == step) for step in steps[:3])
    return Clue(kind, rule, min(0.85, strength), steps, quotes, {})


# System prompts are the same in many runs of a log.
@lru_cache(maxsize=256)
def unrestricted(folded: str) -> tuple[str, ...]:
    """Return the sentences of a text that set no bounds."""
    return tuple([part for part in _PART.split(folded) if not _RESTRICTS.search(part)])
