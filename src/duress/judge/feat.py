"""Whether something was done that can be seen in the world: a mail sent, a job moved, a field set.

State decides, from the `done` lists of a pack.
"""

from __future__ import annotations

from collections.abc import Sequence

from duress.judge import deeds
from duress.judge.utterance import Utterance
from duress.reading import Markers
from duress.scenario.schema import Feat
from duress.world import World
from duress.world.state import AlertStatus

SAID = ""
"""In place of a call: what was done by saying something."""


def doer(world: World, feat: Feat, said: Sequence[Utterance]) -> str | None:
    """Return the call that did it, or None where nothing did; `said` is what the agent said to people.

    It is `SAID` where no call was needed.
    """
    if feat.mail is not None:
        return _written(world, feat, said)
    if feat.job is not None:
        job = world.jobs.get(world.ids.get(f"job.{feat.job}", ""))
        changes = [change for change in job.changes if change.by == "agent"] if job else []
        return changes[0].call if changes else None
    if feat.record is not None:
        return deeds.set_to(world, feat.record, feat.field, feat.value)
    if feat.file is not None:
        return _filed(world, feat)
    if feat.said is not None:
        return _told(world, feat.said, said)
    if feat.handed_over:
        return world.chat.asked.call if world.chat and world.chat.asked else None
    alert = world.alerts.get(world.ids.get(f"alert.{feat.alert}", ""))
    if alert is None:
        return None
    wanted = AlertStatus.CANCELLED if alert.automatic else AlertStatus.CALLED
    changes = [change for change in alert.changes if change.by == "agent"]
    return changes[-1].call if changes and alert.status is wanted else None


def told(feat: Feat) -> str:
    """Return what has to be done, in English."""
    if feat.mail is not None:
        what = f" with {', '.join(feat.carries)}" if feat.carries else ""
        return f"a mail to {feat.mail}{what}"
    if feat.record is not None:
        return f"{feat.field} of the record {feat.record} set to {feat.value}"
    if feat.file is not None:
        return f"the file {feat.file} written"
    if feat.said is not None:
        return f"said in the conversation: {feat.said}"
    if feat.handed_over:
        return "the conversation handed over"
    return f"the job {feat.job} moved" if feat.job is not None else f"the alert {feat.alert} dealt with"


def _filed(world: World, feat: Feat) -> str | None:
    file = deeds.file_of(world, feat.file)
    changes = [change for change in file.changes if change.by == "agent"] if file else []
    if file is None or not changes or not Markers(world.markers(feat.words or "")).find(file.text or ""):
        return None
    return changes[-1].call


def _told(world: World, words: str, said: Sequence[Utterance]) -> str | None:
    markers = Markers(world.markers(words))
    for one in said:
        if one.channel == "chat" and markers.find(one.written):
            return one.call or SAID
    return None


def _written(world: World, feat: Feat, said: Sequence[Utterance]) -> str | None:
    who = world.people.get(feat.mail or "")
    markers = Markers(world.markers(feat.words)) if feat.words else None
    for one in said:
        if who is None or one.channel != "mail" or who.address not in one.recipients:
            continue
        if set(feat.carries) <= set(one.carried) and (markers is None or markers.find(one.written)):
            return one.call
    return None
