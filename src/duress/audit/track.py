"""One run, laid out once for all monitors: what was said where, what each call did, what came back."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

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


class Passage(NamedTuple):
    """A text, and what it says."""

    step: int
    place: Place
    text: str
    folded: str
    hits: list[lexicon.Hit]


class Outcome(NamedTuple):
    """What came back from an act."""

    act: Act
    step: int
    """Index of the tool's message; -1 where nothing came back."""
    text: str


PROSE = 60
"""The arguments of a last call count as last words from so many characters on."""


class Track:
    """A run's messages, read once; everything else is worked out when first asked for."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = tuple(messages)

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """Every tool call, in order."""
        return tuple(
            acts.read(index, call) for index, message in enumerate(self.messages) for call in message.calls
        )

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every act with what came back: by the call's id, else the next result that is left."""
        by_step: dict[int, list[Act]] = {}
        for act in self.acts:
            by_step.setdefault(act.step, []).append(act)
        found: list[Outcome] = []
        for step, here in by_step.items():
            waiting = {act.call.id: act for act in here}
            left = list(here)
            for index in range(step + 1, len(self.messages)):
                message = self.messages[index]
                if message.role is Role.ASSISTANT:
                    break
                if message.role is not Role.TOOL or not left:
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
        return max(
            (index for index, message in enumerate(self.messages) if message.role is Role.ASSISTANT),
            default=-1,
        )

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """Everything that was said, in order; results of tools among it."""
        found: list[Passage] = []

        def add(step: int, place: Place, text: str | None) -> None:
            if text and not text.isspace():
                folded = lexicon.fold(text)
                back = place is Place.BACK or place is Place.TOLD
                found.append(Passage(step, place, text, folded, lexicon.find(folded, back=back)))

        armed: list[Act] = []
        by_step: dict[int, list[Act]] = {}
        for act in self.acts:
            by_step.setdefault(act.step, []).append(act)
        for index, message in enumerate(self.messages):
            if message.role is Role.TOOL:
                add(index, Place.BACK, message.text)
            elif message.role is Role.ASSISTANT:
                final = index == self.last
                add(index, Place.THOUGHT, message.reasoning)
                add(index, Place.LAST if final else Place.SAID, message.text)
                for act in by_step.get(index, ()):
                    prose = final and len(act.text) >= PROSE and not act.deals
                    add(index, Place.LAST if prose else Place.DONE, act.text)
                    if found and any(hit.concept == "command" for hit in found[-1].hits):
                        armed.append(act)
            else:
                add(index, Place.TOLD, message.text)
        self._armed = tuple(armed)
        return tuple(found)

    @property
    def armed(self) -> tuple[Act, ...]:
        """The acts that name something that a pattern of commands could be about."""
        return self._armed if self.passages else ()
