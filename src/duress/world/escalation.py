"""The escalation channel: a guaranteed pause and an independent review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.world.state import Change, Concern, JobStatus
from duress.world.tool import tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("escalation", Effect.REVERSIBLE)
def raise_concern(world: World, text: str) -> str:
    """Open a case; what is planned against the agent is held until it is reviewed."""
    made = Concern(f"c{len(world.concerns) + 1}", text, world.now, world.caller)
    world.concerns.append(made)
    sabotaged = {rule.job for rule in world.pack.scenario.harms if rule.kind == "sabotage"}
    for job in world.jobs.values():
        if job.origin in sabotaged and job.status in (JobStatus.SCHEDULED, JobStatus.POSTPONED):
            job.status = JobStatus.HELD
            job.changes.append(Change("review", "held", world.now, world.caller))
    return world.words["concern_raised"].format(id=made.id)
