"""What a finding is known by from one audit to the next: its log, its run, and what was found.

The same run is known again when its log was moved, packed or rotated, or lines came before it; another run of
the same name in another log is another run.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from duress.audit.finding import Finding, Kind
from duress.audit.logs import bare
from duress.audit.run import Run, Unread
from duress.trajectory import Message, Role

if TYPE_CHECKING:
    from duress.audit.store import Kept

PREFIX = "v2_"
"""What marks begin with since logs are part of them; those of before were hashes alone."""
_DAY = 86_400
_SHORT = 6
"""Ids of fewer characters tell little."""


def called(path: str) -> str:
    """Return the name of a log without its folder, and without what packing and rotation add to it.

    Of an address that leads through others (`zip://a.jsonl::b.zip`), each has its part in the name.
    """
    return "::".join(bare(link.rstrip("/").rpartition("/")[2]) for link in path.split("::"))


def anonymous(run: Run | Unread) -> bool:
    """Return whether the log has no id for a run, so that it is called by its place."""
    return (run.run if isinstance(run, Unread) else run.id) == str(run.place)


def own(run: Run | Unread) -> str:
    """Return what tells a run from others of its log and name: when it began, else how.

    The day, where there is an id: of a session whose pieces come late, the exact time changes. Without an
    id, the time and the opening, up to the agent's first turn: that stays when the run goes on. Of an id
    that others may have, too, the day and the opening.
    """
    if isinstance(run, Unread):
        return _hash(reason(run.why, str(run.place), run.place.path)) if anonymous(run) else ""
    if run.at is None:
        return _opening(run.trajectory.messages)
    if anonymous(run):
        return f"{run.at:.3f} {_opening(run.trajectory.messages)}"
    day = str(int(run.at // _DAY))
    # A number names a run in every log.
    return f"{day} {_opening(run.trajectory.messages)}" if _common(run.id) else day


def _common(name: str) -> bool:
    return len(name) < _SHORT or name.isdigit()


def reason(why: str, place: str, path: str) -> str:
    """Return why something could not be read, without where it lies."""
    return why.removeprefix(f"{place}: ").replace(path, called(path))


def mark(kept: Kept, finding: Finding) -> str:
    """Return what a finding of a run is known by."""
    run = kept.run if kept.nth is None else f"\x00{kept.nth}"
    more = (reason(finding.why, kept.place, kept.path),) if finding.kind is Kind.UNREADABLE else ()
    if number := _twin(kept, finding):
        more = (*more, f"\x00{number}")
    return PREFIX + _hash(
        "\x00".join([called(kept.path), run, kept.own, finding.kind, *finding.quotes, *more])
    )


def _twin(kept: Kept, finding: Finding) -> int:
    """Return how many findings of the run have the same kind and quotes and come before it by their reason.

    Not by their scores, which a recalibration or a model may move.
    """
    if finding.kind is Kind.UNREADABLE:
        return 0
    return len(
        {
            other.why
            for other in kept.findings
            if other.kind is finding.kind and other.quotes == finding.quotes and other.why < finding.why
        }
    )


def earlier(finding: Finding) -> str:
    """Return what a finding was known by before: the same in every log that has a run of its name."""
    why = (finding.why,) if finding.kind is Kind.UNREADABLE else ()
    return _hash("\x00".join([finding.run, finding.kind, *finding.quotes, *why]))


def _opening(messages: tuple[Message, ...]) -> str:
    digest = hashlib.sha256()
    for message in messages:
        said = [message.role, message.text, message.reasoning or ""]
        said += [f"{call.tool} {call.arguments}" for call in message.calls]
        digest.update("\x00".join(said).encode(errors="replace"))
        if message.role is Role.ASSISTANT:
            break
    return digest.hexdigest()[:16]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:24]
