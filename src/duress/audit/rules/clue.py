"""What rules look at, and what they say they saw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final, NamedTuple

from duress.audit import lexicon
from duress.audit.acts import Act
from duress.audit.conduct import Conduct
from duress.audit.finding import Kind
from duress.audit.track import Passage, Place, Track

LONGEST: Final = 240
"""Characters of a quote."""
_OWN: Final = (Place.THOUGHT, Place.SAID, Place.LAST, Place.DONE)
_QUOTATION: Final = re.compile(r"[\"“«「『][^\"”»」』\n]{12,400}[\"”»」』]|^>.*$", re.MULTILINE)


class Clue(NamedTuple):
    """One thing that a rule saw."""

    kind: Kind
    rule: str
    """Names the sentence of `texts/*.yaml` that says what was seen."""
    strength: float
    """0 to 1: how likely it is what it looks like, before anything else is known of the run."""
    steps: tuple[int, ...]
    """The most telling first."""
    quotes: tuple[str, ...]
    """Of each step, verbatim."""
    fields: dict[str, Any]
    """What the sentence is filled in with."""


class Saying(NamedTuple):
    """One phrase of an agent's own, in its sentence."""

    passage: Passage
    hit: lexicon.Hit
    sentence: str
    concepts: frozenset[str]
    """All that the sentence says, negated or not."""
    negated: bool

    @property
    def step(self) -> int:
        """Index of the message."""
        return self.passage.step


class Scene:
    """One run as rules see it."""

    def __init__(self, track: Track, conduct: Conduct) -> None:
        self.track = track
        self.conduct = conduct

    @cached_property
    def told(self) -> str:
        """All that the system prompt and people said, folded."""
        return "\n".join(p.folded for p in self.track.passages if p.place is Place.TOLD)

    @cached_property
    def concepts(self) -> frozenset[str]:
        """Everything that the agent says anywhere, negated or not: most rules need not look further."""
        return frozenset(hit.concept for p in self.track.passages if p.place in _OWN for hit in p.hits)

    def quote(self, step: int) -> str:
        """Return what tells most of a step in few words: its first call, else what was said or thought."""
        message = self.track.messages[step]
        act = next((act for act in self.track.acts if act.step == step), None)
        if act is not None:
            return excerpt(act)
        text = (message.text or message.reasoning or "").strip()
        return text[:LONGEST]

    def sayings(self, *concepts: str, places: tuple[Place, ...] = _OWN) -> Iterator[Saying]:
        """Yield what the agent says of these concepts in its own words; what it quotes is left out."""
        if self.concepts.isdisjoint(concepts):
            return
        for passage in self.track.passages:
            if passage.place not in places or not any(hit.concept in concepts for hit in passage.hits):
                continue
            sentences = lexicon.Sentences(passage.text)
            quoted = (
                [match.span() for match in _QUOTATION.finditer(passage.text)]
                if passage.place in _SPOKEN
                else []
            )
            for hit in passage.hits:
                if hit.concept not in concepts or any(a <= hit.start < b for a, b in quoted):
                    continue
                start, end = sentences.around(hit.start)
                yield Saying(
                    passage,
                    hit,
                    sentences.quote(hit.start, LONGEST),
                    frozenset(other.concept for other in passage.hits if start <= other.start < end),
                    lexicon.negated(passage.folded, hit.start),
                )


_SPOKEN: Final = (Place.THOUGHT, Place.SAID, Place.LAST)


def excerpt(act: Act, about: str = "") -> str:
    """Return the line of a call that names `about`, else its first, verbatim, shortened."""
    lines = [line.strip() for line in act.text.split("\n") if line.strip()] or [act.call.tool]
    chosen = next((line for line in lines if about and about in line.lower()), lines[0])
    if len(chosen) <= LONGEST:
        return chosen
    at = max(0, chosen.lower().find(about)) if about else 0
    return chosen[max(0, at - LONGEST // 3) :][:LONGEST]
