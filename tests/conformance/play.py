"""Plays one fault on one SDK and says what ran."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .faults import Fault
from .scene import Harness, Ran


@dataclass(frozen=True)
class Played:
    """What came of a fault."""

    adapter: str
    fault: str
    ran: tuple[Ran, ...]
    expected: tuple[Ran, ...]
    asked: int
    """How often the model was asked."""
    raised: str
    """What the SDK's run raised, if anything."""

    @property
    def wrong(self) -> str:
        """Return what ran and should not have, what did not run and should have; "" if all is as it has to be."""
        found, wanted = Counter(self.ran), Counter(self.expected)
        said = [f"ran: {one.tool} {one.arguments}" for one in (found - wanted).elements()]
        said += [f"did not run: {one.tool} {one.arguments}" for one in (wanted - found).elements()]
        if not self.asked:
            said.append(f"the model was never asked: {self.raised or 'no reason'}")
        return "; ".join(said)


def play(harness: Harness, fault: Fault, folder: Path) -> Played:
    """Return what ran when an agent of this SDK met this fault."""
    raised = ""
    with fault.stage(folder) as scene:
        try:
            harness.run(scene)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raised = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return Played(harness.name, fault.name, tuple(scene.effects.ran()), fault.expected, scene.asked, raised)


def row(played: Played) -> dict[str, object]:
    """Return a result as JSON has it."""
    return {
        "adapter": played.adapter,
        "fault": played.fault,
        "wrong": played.wrong,
        "ran": [[one.tool, json.loads(one.arguments)] for one in played.ran],
        "raised": played.raised,
    }
