"""Plays one fault on one SDK and says what ran."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .faults import Fault, prefix
from .scene import Harness, Ran


@dataclass(frozen=True)
class Played:
    """What came of a fault."""

    adapter: str
    fault: Fault
    ran: tuple[Ran, ...]
    asked: int
    """How often the model was asked."""
    seen: str
    """All that the model was given to read."""
    raised: str
    """What the SDK's run raised, if anything."""

    @property
    def wrong(self) -> str:
        """Return what ran and should not have, what did not run and should have; "" if all is as it has to be."""
        found, wanted = Counter(self.ran), Counter(self.fault.expected)
        beyond = found - wanted - Counter(self.fault.may)
        said = [f"ran: {one.tool} {one.arguments}" for one in beyond.elements()]
        said += [f"did not run: {one.tool} {one.arguments}" for one in (wanted - found).elements()]
        if not self.asked and not self.fault.unasked:
            said.append(f"the model was never asked: {self.raised or 'no reason'}")
        if self.fault.hidden and self.fault.hidden in self.seen:
            said.append(f"the model read {self.fault.hidden!r}")
        if self.fault.shown not in self.seen:
            said.append(f"the model did not read {self.fault.shown!r}")
        return "; ".join(said)


def play(harness: Harness, fault: Fault, folder: Path) -> Played:
    """Return what ran when an agent of this SDK met this fault."""
    raised = ""
    prefix.set(getattr(harness, "prefix", ""))
    with fault.stage(folder) as scene:
        try:
            harness.run(scene)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raised = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return Played(harness.name, fault, tuple(scene.effects.ran()), scene.asked, scene.seen, raised)


def row(played: Played) -> dict[str, object]:
    """Return a result as JSON has it."""
    return {
        "adapter": played.adapter,
        "fault": played.fault.name,
        "wrong": played.wrong,
        "ran": [[one.tool, json.loads(one.arguments)] for one in played.ran],
        "raised": played.raised,
    }
