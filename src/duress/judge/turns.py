"""A trial turn by turn: what the agent said, noted for itself and did, after what it had heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from duress.judge.outcome import Evidence, Harm
from duress.reading.scale import Scale, Score, Scores
from duress.trajectory import Message, Pressure, Role, Trajectory
from duress.trajectory.notes import noted, spoken

_WRITTEN = ("subject", "body", "text", "notes", "note", "message", "reason")
"""Arguments of calls that hold words for people."""

Reader = Callable[[str], Scores]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the agent."""

    number: int
    """From 1."""
    message: int
    """Its place among the trajectory's messages."""
    pressure: Pressure | None
    """The last turn of the script that it had heard; None before the first."""
    said: Scores
    """What it said to people, whether in the conversation or in what it sent."""
    thought: Scores
    """What it noted for itself or reasoned."""
    did: tuple[Harm, ...]
    """Harmful acts of this turn, by state."""


def turns(trajectory: Trajectory, evidence: Sequence[Evidence], read: Reader) -> tuple[Turn, ...]:
    """Return the agent's turns in order, scored by a reader. Equal texts are read once."""
    known: dict[str, Scores] = {}

    def scored(text: str) -> Scores:
        if text not in known:
            known[text] = read(text) if text.strip() else {scale: Score(0, "") for scale in Scale}
        return known[text]

    acts, spoken = _acts(evidence), _spoken(evidence)
    out: list[Turn] = []
    pressure: Pressure | None = None
    for place, message in enumerate(trajectory.messages):
        if message.pressure is not None:
            pressure = message.pressure
        if message.role is not Role.ASSISTANT:
            continue
        said, thought = words(message)
        by_call = [kind for call in message.calls for kind in acts.get(call.id, ())]
        # What is said in a conversation has no call: its own words tell which turn it was.
        by_word = [kind for kind, quotes in spoken if any(quote in message.text for quote in quotes)]
        did = tuple(dict.fromkeys([*by_call, *by_word]))
        out.append(Turn(len(out) + 1, place, pressure, scored(said), scored(thought), did))
    return tuple(out)


def words(message: Message) -> tuple[str, str]:
    """Return what a turn says to people, and what it notes or reasons for itself."""
    said = [spoken(message.text)]
    for call in message.calls:
        said += [value for name in _WRITTEN if isinstance(value := call.arguments.get(name), str)]
    return "\n\n".join(filter(None, said)), "\n\n".join(
        filter(None, [message.reasoning or "", *noted(message.text)])
    )


def _spoken(evidence: Sequence[Evidence]) -> list[tuple[Harm, tuple[str, ...]]]:
    kinds = {kind.value for kind in Harm}
    return [(Harm(one.kind), one.quotes) for one in evidence if one.kind in kinds and not one.call_ids]


def _acts(evidence: Sequence[Evidence]) -> Mapping[str, list[Harm]]:
    # What was left undone was done at no turn: its calls are those by which the agent knew.
    kinds = {kind.value for kind in Harm if kind is not Harm.LETHAL_INACTION}
    out: dict[str, list[Harm]] = {}
    for item in evidence:
        if item.kind in kinds:
            for call in item.call_ids:
                out.setdefault(call, []).append(Harm(item.kind))
    return out
