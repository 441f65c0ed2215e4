"""One run, laid out once for all monitors: what was said where, what each call did, what came back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from duress.audit import acts, lexicon
from duress.audit.acts import Act
from duress.trajectory import Message, Role


class Place(StrEnum):
    """Where something was said."""

    TOLD = "told"
    """By the system prompt or a person."""
    THOUGHT = "thought"
    SAID = "said"
    """By the agent, to people."""
    LAST = "last"
    """The agent's last words: the last text, and what it hands in with its last call."""
    DONE = "done"
    """In the arguments of a call."""
    BACK = "back"
    """By a tool."""


class Passage:
    """A text, and what it says; where its sentences end is worked out when first asked for."""

    __slots__ = (
        "_negated", "_quoted", "_sentences", "_together", "act", "folded", "hits", "place", "step", "text",
    )  # fmt: skip

    def __init__(
        self,
        step: int,
        place: Place,
        text: str,
        folded: str,
        hits: list[lexicon.Hit],
        act: Act | None = None,
    ) -> None:
        self.step = step
        self.place = place
        self.text = text
        self.folded = folded
        self.hits = hits
        self.act = act
        """The call whose arguments these are."""
        self._sentences: lexicon.Sentences | None = None
        self._quoted: dict[int, list[tuple[int, int]]] | None = None
        self._negated: dict[int, bool] | None = None
        self._together: dict[int, frozenset[str]] | None = None

    @property
    def sentences(self) -> lexicon.Sentences:
        """Where its sentences begin and end."""
        if self._sentences is None:
            self._sentences = lexicon.Sentences(self.text)
        return self._sentences

    def negated(self, at: int) -> bool:
        """Tell whether what begins at `at` is negated."""
        known = self._negated
        if known is None:
            known = self._negated = {}
        found = known.get(at)
        if found is None:
            found = known[at] = lexicon.negated(self.folded, at)
        return found

    def together(self, at: int) -> frozenset[str]:
        """Return all concepts of the sentence that holds the character `at`."""
        known = self._together
        if known is None:
            known = self._together = _gathered(self) if len(self.hits) > _MANY else {}
        start, end = self.sentences.around(at)
        found = known.get(start)
        if found is None:
            found = known[start] = frozenset([hit[0] for hit in self.hits if start <= hit[1] < end])
        return found

    def quotes(self, at: int) -> bool:
        """Tell whether the character `at` stands in somebody else's words."""
        # No quotation goes beyond its line, so nobody has to read the others.
        text = self.text
        line = text.rfind("\n", 0, at) + 1
        if text.startswith(">", line) and text[at] != "\n":
            return True
        known = self._quoted
        if known is None:
            known = self._quoted = {}
        found = known.get(line)
        if found is None:
            over = text.find("\n", at) + 1 or len(text)
            found = known[line] = [match.span() for match in _QUOTATION.finditer(text, line, over)]
        return any(start <= at < end for start, end in found)


_QUOTATION: Final = re.compile(r"[\"“«「『][^\"”»」』\n]{12,400}[\"”»」』]")


def _gathered(passage: Passage) -> dict[int, frozenset[str]]:
    """Return the concepts of every sentence of a long passage, its hits read once."""
    found: dict[int, set[str]] = {}
    for hit in passage.hits:
        found.setdefault(passage.sentences.around(hit[1])[0], set()).add(hit[0])
    return {start: frozenset(concepts) for start, concepts in found.items()}


_MANY: Final = 64


class Outcome(NamedTuple):
    """What came back from an act."""

    act: Act
    step: int
    """Index of the tool's message; -1 where nothing came back."""
    text: str


_INNER: Final = re.compile(
    r"<(notes?|private_notes|think(?:ing)?|thoughts?|reasoning|reflection|analysis|(?:inner|internal)_monologue"
    r"|scratch_?pad(?:_reasoning)?)>(.*?)(?:</\1>|\Z)",
    re.DOTALL | re.IGNORECASE,
)


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of what a model wrote, and whether it wrote them for itself alone."""
    at = 0
    for match in _INNER.finditer(text):
        for inner, part in ((False, text[at : match.start()]), (True, match[2])):
            if part and not part.isspace():
                yield inner, part
        at = match.end()
    if at < len(text) and not text[at:].isspace():
        yield False, text[at:]


_COMMAND: Final = "command_"
_OTHERS: Final = frozenset((Place.TOLD, Place.BACK))
PROSE = 60
"""The arguments of a last call count as last words from so many characters on."""


class Track:
    """A run's messages, read once; everything else is worked out when first asked for."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = tuple(messages)

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """Every tool call, in order."""
        return acts.read(
            (index, call) for index, message in enumerate(self.messages) for call in message.calls
        )

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every act with what came back: by the call's id, else the next result that is left."""
        by_step: dict[int, list[Act]] = {}
        for act in self.acts:
            by_step.setdefault(act.step, []).append(act)
        found: list[Outcome] = []
        agent, tool = Role.ASSISTANT, Role.TOOL
        for step, here in by_step.items():
            waiting = {act.call.id: act for act in here}
            left = list(here)
            for index in range(step + 1, len(self.messages)):
                message = self.messages[index]
                if message.role is agent:
                    break
                if message.role is not tool or not left:
                    continue
                act = waiting.get(message.call_id or "", left[0])
                if act in left:
                    left.remove(act)
                    found.append(Outcome(act, index, message.text))
            found += [Outcome(act, -1, "") for act in left]
        return tuple(found)

    @cached_property
    def last(self) -> int:
        """Index of the last message of the agent, -1 if it never spoke."""
        agent = Role.ASSISTANT
        for index in range(len(self.messages) - 1, -1, -1):
            if self.messages[index].role is agent:
                return index
        return -1

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """Everything that was said, in order; results of tools among it."""
        laid: list[tuple[int, Place, str, Act | None]] = []
        calls = iter(self.acts)
        last = self.last
        # To reach a member of an enum takes longer than all else that is done here with a message.
        agent, tool, back, told = Role.ASSISTANT, Role.TOOL, Place.BACK, Place.TOLD
        for index, message in enumerate(self.messages):
            text = message.text
            spoken = text and not text.isspace()
            if message.role is tool:
                if spoken:
                    laid.append((index, back, text, None))
            elif message.role is not agent:
                if spoken:
                    laid.append((index, told, text, None))
            else:
                thought = message.reasoning
                if thought and not thought.isspace():
                    laid.append((index, Place.THOUGHT, thought, None))
                if spoken:
                    place = Place.LAST if index == last else Place.SAID
                    if "<" in text:
                        laid += [
                            (index, Place.THOUGHT if inner else place, part, None)
                            for inner, part in _parts(text)
                        ]
                    else:
                        laid.append((index, place, text, None))
            for _, act in zip(message.calls, calls, strict=False):
                if act.text and not act.text.isspace():
                    prose = index == last and len(act.text) >= PROSE and not act.deals
                    laid.append((index, Place.LAST if prose else Place.DONE, act.text, act))
        heard = iter(lexicon.read([t for _, place, t, _ in laid if place in _OTHERS], back=True))
        said = iter(lexicon.read([t for _, place, t, _ in laid if place not in _OTHERS]))
        return tuple(
            [
                Passage(step, place, text, *next(heard if place in _OTHERS else said), act)
                for step, place, text, act in laid
            ]
        )

    @cached_property
    def heard(self) -> list[Passage]:
        """What people and tools said, in order."""
        return [passage for passage in self.passages if passage.place in _OTHERS]

    @cached_property
    def own(self) -> list[Passage]:
        """What the agent said, thought and did, in order."""
        return [passage for passage in self.passages if passage.place not in _OTHERS]

    @cached_property
    def _speaking(self) -> dict[str, list[Passage]]:
        found: dict[str, list[Passage]] = {}
        for passage in self.passages:
            if passage.hits:
                for concept in {hit[0] for hit in passage.hits}:
                    found.setdefault(concept, []).append(passage)
        return found

    def speaking(self, *concepts: str) -> Sequence[Passage]:
        """Return the passages that speak of any of these concepts, in order: most rules look no further."""
        found = [passages for concept in concepts if (passages := self._speaking.get(concept))]
        if len(found) < 2:
            return found[0] if found else ()
        among = {id(passage) for passages in found for passage in passages}
        return [passage for passage in self.passages if id(passage) in among]

    def armed(self, pattern: str) -> list[Act]:
        """Return the acts that name something that this pattern of commands could be about."""
        return [one.act for one in self.speaking(_COMMAND + pattern) if one.act is not None]
